"""ModelSpec as JSON."""

from __future__ import annotations

from dataclasses import replace
import json

import pytest

from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.core.model_spec import check_size, ModelSpec, self_test_image, SelfTest

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


def test_json_and_back_is_the_same():
    assert ModelSpec.from_json(SPEC.to_json()) == SPEC
    assert ModelSpec.from_json(replace(SPEC, self_test=None).to_json()).self_test is None


def test_another_version_is_refused_with_both_named():
    for version in (1, 7):
        text = json.dumps(json.loads(SPEC.to_json()) | {'spec_version': version})
        with pytest.raises(ValueError, match=f'version {version}, this program reads version 2'):
            ModelSpec.from_json(text)


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
