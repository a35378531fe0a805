"""Parameters, their YAML and their table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from monodepth_ros.parameters import (
    CollectParams,
    DepthNodeParams,
    parameter_table,
    read_parameters,
)

ROOT = Path(__file__).parents[1]


def test_the_yaml_shows_the_defaults():
    values = yaml.safe_load((ROOT / 'config' / 'monodepth.yaml').read_text())
    assert values['/**']['ros__parameters'] == asdict(DepthNodeParams())


@pytest.mark.parametrize('kind', [DepthNodeParams, CollectParams])
def test_the_readme_shows_the_table(kind):
    assert parameter_table(kind) in (ROOT / 'README.md').read_text()


def test_every_parameter_is_declared_once_and_returned():
    declared = {}

    def declare(name, default, description):
        assert description.endswith('.') or description.endswith(').')
        assert declared.setdefault(name, default) is default
        return 3 if name == 'points_stride' else default

    assert read_parameters(DepthNodeParams, declare) == DepthNodeParams(points_stride=3)
    assert declared == asdict(DepthNodeParams())


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'image_transport': 'theora'}, "'theora', expected one of"),
        ({'points_stride': 0}, 'expected >= 1'),
    ],
)
def test_values_that_cannot_be_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        DepthNodeParams(**changes)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'folder': ''}, 'folder is empty, expected where to write'),
        ({'image_transport': 'theora'}, "'theora', expected one of"),
        ({'tolerance_ms': 0.0}, 'tolerance_ms is 0, expected a positive number'),
        ({'max_rate_hz': -1.0}, 'max_rate_hz is -1, expected a positive number'),
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
