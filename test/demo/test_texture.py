"""Noise textures."""

from __future__ import annotations

import numpy as np
import pytest

from demo.texture import sample_noise, Surface

SURFACE = Surface(np.zeros(3), np.ones(3), tile_m=10.24, offset_m=np.zeros(2))  # 1 cm a texel


def _row(start_m, footprint_m, *, step_m=0.013, samples=200):
    across = np.stack([start_m + step_m * np.arange(samples), np.full(samples, 2.0)], axis=1)
    return sample_noise(SURFACE, across, np.full(samples, footprint_m))


def test_noise_is_between_0_and_1_and_varies():
    noise = _row(0.0, 0.01)
    assert noise.min() >= 0
    assert noise.max() <= 1
    assert noise.std() > 0.02


@pytest.mark.parametrize('footprint_m', [0.01, 0.08])
def test_a_tile_repeats_itself(footprint_m):
    here, there = _row(3.0, footprint_m), _row(3.0 + 10.24, footprint_m)
    np.testing.assert_allclose(here, there, atol=1e-3)


def test_no_seam_where_tiles_meet():
    # Bilinear in between: half a millimetre is a twentieth of the way to the next texel.
    noise = _row(10.24 - 0.05, 0.01, step_m=0.0005)
    assert np.abs(np.diff(noise)).max() < 0.05


def test_a_larger_footprint_sees_less_detail():
    fine, coarse = (np.abs(np.diff(_row(0.0, f))).mean() for f in (0.01, 0.64))
    assert coarse < fine / 5
