"""Parameters, their YAML and their table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from monodepth_ros.parameters import DepthNodeParams, parameter_table, read_parameters

ROOT = Path(__file__).parents[1]


def test_the_yaml_shows_the_defaults():
    values = yaml.safe_load((ROOT / 'config' / 'monodepth.yaml').read_text())
    assert values['/**']['ros__parameters'] == asdict(DepthNodeParams())


def test_the_readme_shows_the_table():
    assert parameter_table() in (ROOT / 'README.md').read_text()


def test_every_parameter_is_declared_once_and_returned():
    declared = {}

    def declare(name, default, description):
        assert description.endswith('.') or description.endswith(').')
        assert declared.setdefault(name, default) is default
        return 3 if name == 'points_stride' else default

    assert read_parameters(declare) == DepthNodeParams(points_stride=3)
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
