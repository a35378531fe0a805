"""bench.gpu on a machine without a GPU: rows, no crash."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

from bench import gpu, networks
from bench.contenders import tensorrt_problem
from bench.parts import NOT_RUN, run_part, WHY

pytestmark = pytest.mark.skipif(tensorrt_problem() is None, reason='there is a GPU: run bench.gpu')


def test_what_lacks_a_gpu_says_so():
    (finding,) = run_part('GPU', gpu.system, limit_s=60)
    assert finding == ('GPU', NOT_RUN, {WHY: tensorrt_problem()})


def test_without_a_gpu_it_ends_well_with_a_row_for_each_part(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['bench.gpu'])
    assert gpu.main() == 0
    written = json.loads((tmp_path / 'out' / 'bench' / 'gpu.json').read_text())
    assert written['targets'] == []
    parts = [
        'GPU',
        'engines resnet18 640x192',
        'openings',
        'training',
        'engines resnet18 1024x320',
    ]
    assert [finding['part'] for finding in written['findings']] == parts
    assert capsys.readouterr().out.count(NOT_RUN) == len(parts)


@pytest.mark.parametrize(('opening_s', 'times'), [(60.0, gpu.OPENINGS), (0.0, gpu.WARM_UP + 1)])
def test_openings_are_as_many_as_time_allows(tmp_path, monkeypatch, opening_s, times):
    free_mb = iter([100.0, 90.0, *[89.0] * gpu.OPENINGS])
    engine = SimpleNamespace(
        precision='fp16', title='engine', open=lambda _: SimpleNamespace(close=int)
    )
    monkeypatch.setattr(gpu, 'OPENING_S', opening_s)
    monkeypatch.setattr(gpu, 'TENSORRT_FP16', engine)
    monkeypatch.setattr(gpu, '_need_tensorrt', lambda: None)
    monkeypatch.setattr(gpu, '_free_mb', lambda: next(free_mb))
    monkeypatch.setattr(gpu, 'keep_compiled_in', lambda _: None)
    monkeypatch.setattr(networks, 'write_network', lambda *_: {})
    finding, target = gpu.openings(tmp_path)
    assert finding.values['times'] == times
    assert target.name == f'growth over {times} openings, MB'
    assert target.measured == 1.0
