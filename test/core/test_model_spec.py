"""ModelSpec as JSON."""

from __future__ import annotations

from dataclasses import replace
import json

import pytest

from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.core.model_spec import (
    check_size,
    ModelSpec,
    Mounting,
    self_test_image,
    SelfTest,
    TrainingStage,
)

SPEC = ModelSpec(
    camera=Intrinsics(150, 150, 127.5, 47.5, 256, 96),
    baseline_m=0.3,
    depth_range_m=(0.6, 100.0),
    stride=32,
    training_fx_px=(300.0, 721.5),
    encoder='small',
    training_data=('pairs',),
    data_licence='none',
    git_commit='abc',
    metrics={'abs_rel': 0.1},
    self_test=SelfTest(((0, 1), (2, 3)), (0.01, 0.02)),
)
# SPEC, as programs wrote it that knew version 2.
VERSION_2 = """
{"baseline_m": 0.3, "camera": {"cx": 127.5, "cy": 47.5, "fx": 150, "fy": 150, "height": 96,
"width": 256}, "data_licence": "none", "depth_range_m": [0.6, 100.0], "encoder": "small",
"git_commit": "abc", "metrics": {"abs_rel": 0.1}, "precision": "fp32", "self_test":
{"disparity": [0.01, 0.02], "pixels": [[0, 1], [2, 3]]}, "spec_version": 2, "stride": 32,
"training_data": ["pairs"], "training_fx_px": [300.0, 721.5]}
"""
COMPLETE = replace(
    SPEC,
    history=(
        TrainingStage('encoder weights of resnet18: imagenet'),
        TrainingStage('cityscapes/best.ckpt', ('aachen', 'bochum'), 'research only', 900, 'def'),
    ),
    bits=12,
    mounting=Mounting(1.2, 3.4, -0.1, 0.02, 0.5, 0.3),
    monitor={'mean_grey': (12.0, 100.5, 200.0)},
)


@pytest.mark.parametrize('spec', [SPEC, replace(SPEC, self_test=None), COMPLETE])
def test_json_and_back_is_the_same(spec):
    assert ModelSpec.from_json(spec.to_json()) == spec


def test_version_2_is_read_with_the_defaults_of_what_it_lacks():
    spec = ModelSpec.from_json(VERSION_2)
    assert spec == SPEC
    assert (spec.history, spec.bits, spec.mounting, spec.monitor) == ((), None, None, None)
    assert json.loads(spec.to_json())['spec_version'] == 3


@pytest.mark.parametrize(
    ('text', 'changes'),
    [(VERSION_2, {'bits': 12}), (VERSION_2, {'spec_version': 3}), (SPEC.to_json(), {'more': 1})],
)
def test_keys_of_another_version_are_refused(text, changes):
    with pytest.raises(ValueError, match='ModelSpec has keys'):
        ModelSpec.from_json(json.dumps(json.loads(text) | changes))


@pytest.mark.parametrize('version', [1, 4, None])
def test_another_version_is_refused_with_all_that_are_read(version):
    text = json.dumps(json.loads(SPEC.to_json()) | {'spec_version': version})
    with pytest.raises(ValueError, match=f'version {version}, .* reads versions 2 and 3; export'):
        ModelSpec.from_json(text)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'bits': 8}, r'ModelSpec has bits 8, expected one of \(10, 12, 14, 16\), or none'),
        ({'monitor': {'mean': (0.1, float('nan'))}}, 'monitor of mean has .*, expected finite'),
    ],
)
def test_what_cannot_be_of_a_training_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        replace(SPEC, **changes)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'pitch_deg': float('inf')}, 'mounting has .*, expected finite numbers'),
        ({'height_m': 0.0}, 'expected a positive height'),
        ({'roll_std_deg': -0.1}, 'no negative standard deviation'),
    ],
)
def test_a_mounting_that_cannot_be_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        replace(COMPLETE.mounting, **changes)


def test_an_earlier_training_has_no_negative_steps():
    with pytest.raises(ValueError, match='got -1 steps of a, expected 0 or more'):
        TrainingStage('a', steps=-1)


def test_a_missing_key_is_named():
    values = json.loads(SPEC.to_json())
    del values['baseline_m']
    with pytest.raises(ValueError, match='baseline_m'):
        ModelSpec.from_json(json.dumps(values))


@pytest.mark.parametrize('baseline_m', [0.0, -0.3, float('nan')])
def test_no_metric_depth_without_a_baseline(baseline_m):
    with pytest.raises(ValueError, match='baseline'):
        replace(SPEC, baseline_m=baseline_m)


@pytest.mark.parametrize('training_fx_px', [(0.0, 300.0), (300.0, 299.0), (float('nan'), 300.0)])
def test_focal_lengths_are_positive_and_in_order(training_fx_px):
    with pytest.raises(ValueError, match='expected 0 < smallest <= largest'):
        replace(SPEC, training_fx_px=training_fx_px)


def test_the_canonical_size_divides_by_the_stride():
    with pytest.raises(ValueError, match='height is 96, expected a multiple of 64'):
        replace(SPEC, stride=64)


@pytest.mark.parametrize(
    ('width', 'height', 'words'),
    [
        (100, 64, 'width is 100, expected a multiple of 32, e.g. 96 or 128'),
        (96, 33, 'height is 33, expected a multiple of 32, e.g. 32 or 64'),
        (96, 0, 'height is 0, expected a multiple of 32, e.g. 32 or 64'),
        (20, 64, 'width is 20, expected a multiple of 32, e.g. 32 or 64'),
    ],
)
def test_a_size_that_does_not_divide_is_refused_with_the_nearest(width, height, words):
    with pytest.raises(ValueError, match=words):
        check_size(width=width, height=height, stride=32)


def test_a_size_that_no_camera_has_is_refused():
    with pytest.raises(ValueError, match='got 65536 x 65536 pixels, expected at most'):
        check_size(width=2**16, height=2**16, stride=32)


def test_self_test_image_by_its_formula():
    image = self_test_image(width=300, height=200)
    assert image.shape == (200, 300, 3)
    u, v, c = 299, 199, 2
    assert image[v, u, c] == (31 * u + 17 * v + 73 * c + (u * v >> 5)) & 255
