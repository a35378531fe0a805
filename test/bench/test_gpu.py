"""bench.gpu on a machine without a GPU: rows, no crash."""

from __future__ import annotations

import json
import sys

import pytest

from bench import gpu
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
