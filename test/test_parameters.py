"""Parameters, their YAML and their table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
import re

import pytest
import yaml

from monodepth_ros.parameter_rules import (
    changed,
    parameter_table,
    parameter_yaml,
    read_parameters,
    rules,
)
from monodepth_ros.parameters import (
    BackendParams,
    CollectParams,
    DEPTH_NODE,
    DepthNodeParams,
    DiagnosticsParams,
    OutputParams,
)

ROOT = Path(__file__).parents[1]


def test_the_parameter_file_is_what_the_definitions_say():
    text = (ROOT / 'config' / 'monodepth.yaml').read_text()
    assert text == parameter_yaml(DEPTH_NODE), 'run python -m monodepth_ros.parameters'
    expected = {name: value for kind in DEPTH_NODE for name, value in asdict(kind()).items()}
    assert yaml.safe_load(text)['/**']['ros__parameters'] == expected


@pytest.mark.parametrize('kind', [*DEPTH_NODE, CollectParams])
def test_the_document_shows_the_table(kind):
    assert parameter_table(kind) in (ROOT / 'docs' / 'parameters.md').read_text()


def test_the_readme_shows_rows_of_the_tables():
    tables = ''.join(map(parameter_table, DEPTH_NODE))
    text = (ROOT / 'README.md').read_text()
    rows = re.findall(r'^\| `\w+`(?: \*)? \| `[^`]+` \| .*$', text[: text.index('**Diag')], re.M)
    rows = [row for row in rows if '_msgs/msg/' not in row]
    assert len(rows) > 9
    assert [row for row in rows if row not in tables] == []


def test_every_parameter_is_declared_once_and_returned():
    declared = {}

    def declare(name, default, rule):
        assert rule.description.endswith('.') or rule.description.endswith(').')
        assert declared.setdefault(name, default) is default
        return 3 if name == 'points_stride' else default

    assert read_parameters(OutputParams, declare) == OutputParams(points_stride=3)
    assert declared == asdict(OutputParams())


@pytest.mark.parametrize(
    ('kind', 'changes', 'words'),
    [
        (DepthNodeParams, {'image_transport': 'theora'}, "'theora', expected one of"),
        (BackendParams, {'backend': 'tpu'}, "backend is 'tpu', expected one of"),
        (BackendParams, {'precision': 'int4'}, "'int4', expected one of"),
        (BackendParams, {'device': -1}, 'device is -1, expected >= 0'),
        (BackendParams, {'optimisation_level': 6}, 'is 6, expected <= 5'),
        (DiagnosticsParams, {'min_confidence': 1.5}, 'is 1.5, expected <= 1'),
        (OutputParams, {'output_size': 'third'}, "output_size is 'third', expected one of"),
        (OutputParams, {'depth_encoding': '16SC1'}, "'16SC1', expected one of"),
        (OutputParams, {'color_map': 'jet'}, "'jet', expected one of"),
        (OutputParams, {'points_stride': 0}, 'expected >= 1'),
        (OutputParams, {'max_depth_m': -1.0}, 'max_depth_m is -1, expected >= 0'),
        (OutputParams, {'points_max_m': float('nan')}, 'points_max_m is nan, expected >= 0'),
        (OutputParams, {'points_min_m': 5.0, 'points_max_m': 5.0}, '5 and 5, expected min < max'),
        (OutputParams, {'color_near_m': 70.0}, '70 and 60, expected 0 < near < far'),
    ],
)
def test_values_that_cannot_be_are_refused(kind, changes, words):
    with pytest.raises(ValueError, match=words):
        kind(**changes)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'folder': ''}, 'folder is empty, expected where to write'),
        ({'image_transport': 'theora'}, "'theora', expected one of"),
        ({'tolerance_ms': 0.0}, 'tolerance_ms is 0, expected a positive number'),
        ({'max_rate_hz': -1.0}, 'max_rate_hz is -1, expected >= 0'),
        ({'quota_gb': float('inf')}, 'quota_gb is inf, expected a positive number'),
        ({'min_free_gb': float('nan')}, 'min_free_gb is nan, expected >= 0'),
    ],
)
def test_values_that_cannot_be_are_refused_by_the_collector(changes, words):
    with pytest.raises(ValueError, match=words):
        CollectParams(**{'folder': 'pairs'} | changes)


def test_a_whole_number_does_for_a_fraction_and_a_word_does_not():
    given = {'folder': 'pairs', 'quota_gb': 5}
    params = read_parameters(CollectParams, lambda name, default, _: given.get(name, default))
    assert params == CollectParams('pairs', quota_gb=5.0)
    given['quota_gb'] = '5 GB'
    with pytest.raises(ValueError, match="quota_gb is '5 GB', expected a number"):
        read_parameters(CollectParams, lambda name, default, _: given.get(name, default))


def test_cameras_are_names_with_blanks_between_and_a_calibration_file_is_of_one():
    assert DepthNodeParams().camera_names == ['']
    assert DepthNodeParams(cameras=' left  right ').camera_names == ['left', 'right']
    with pytest.raises(ValueError, match="cameras is 'left left', expected different names"):
        DepthNodeParams(cameras='left left')
    with pytest.raises(ValueError, match="cameras names 'rear-cam', expected letters, digits"):
        DepthNodeParams(cameras='rig/front rear-cam')
    with pytest.raises(ValueError, match=r"names '2d', .* each part begins with a letter or _"):
        DepthNodeParams(cameras='2d')
    with pytest.raises(ValueError, match='describes one camera, but parameter cameras names 2'):
        DepthNodeParams(cameras='left right', camera_info_file='camera.yaml')


def test_every_output_parameter_may_change_while_the_node_runs_and_no_backend_one():
    assert all(rule.live for rule in rules(OutputParams).values())
    assert not any(rule.live for rule in rules(BackendParams).values())


def test_a_change_takes_what_is_its_own_and_whole_numbers_for_fractions():
    given = {'max_depth_m': 9, 'model': 'other.onnx', 'use_sim_time': True}
    assert changed(OutputParams(), given, live_only=True) == OutputParams(max_depth_m=9.0)


def test_what_is_read_at_configuration_is_refused_later_unless_it_stays_the_same():
    params = BackendParams()
    assert changed(params, {'device': 1}, live_only=False) == BackendParams(device=1)
    assert changed(params, {'device': 0}, live_only=True) == params
    with pytest.raises(ValueError, match='device is read when the node is configured; deactiv'):
        changed(params, {'device': 1}, live_only=True)
    with pytest.raises(ValueError, match='color_near_m and color_far_m are 70 and 60'):
        changed(OutputParams(), {'color_near_m': 70.0}, live_only=True)
