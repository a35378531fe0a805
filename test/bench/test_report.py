"""The end of every benchmark."""

from __future__ import annotations

import json
import math

import pytest

from bench.report import report, Target


@pytest.mark.parametrize(
    ('measured', 'at_most', 'ok'),
    [
        (2.0, False, True),
        (1.9, False, False),
        (2.0, True, True),
        (2.1, True, False),
        (math.nan, False, False),
        (math.nan, True, False),
    ],
)
def test_a_target_is_met_or_not(measured, at_most, ok):
    assert Target('speed-up', measured, 2.0, at_most=at_most).ok == ok


@pytest.mark.parametrize(('measured', 'status'), [(1.5, 0), (1.2, 1)])
def test_one_table_one_file_and_the_status(measured, status, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    returned = report(
        'speed',
        columns=['step', 'images/s', 'peak MB'],
        rows=[['ours', '12', '300']],
        targets=[Target('speed-up', measured, 1.3)],
        details={'device': 'a laptop'},
    )
    assert returned == status
    written = json.loads((tmp_path / 'out' / 'bench' / 'speed.json').read_text())
    assert written['targets'] == [
        {'name': 'speed-up', 'measured': measured, 'target': 1.3, 'at_most': False}
        | {'ok': status == 0}
    ]
    assert written['device'] == 'a laptop'
    printed = capsys.readouterr().out
    assert 'ours' in printed
    assert ('missed' in printed) == (status == 1)
