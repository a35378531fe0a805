"""Corrupted images."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.train.corrupt import corrupted, CORRUPTIONS, FOG_GREY, PROBABILITY

EDGE = np.zeros((32, 48, 3), np.float32)
EDGE[:, 24:] = 200


def _drawn(number):
    return np.random.default_rng((0, number))


def test_three_of_ten_images_are_corrupted_and_the_others_are_as_they_were():
    image = np.random.default_rng(0).integers(0, 256, (3, 16, 24), np.uint8)
    results = [corrupted(image, _drawn(number)) for number in range(500)]
    changed = [result for result in results if result is not image]
    assert PROBABILITY - 0.06 < len(changed) / 500 < PROBABILITY + 0.06
    assert all((r.shape, r.dtype) == (image.shape, image.dtype) for r in changed)
    assert all((r != image).any() for r in changed)


def test_a_draw_is_repeated():
    image = np.random.default_rng(0).integers(0, 256, (3, 16, 24), np.uint8)
    for number in range(20):
        np.testing.assert_array_equal(
            corrupted(image, _drawn(number)), corrupted(image, _drawn(number))
        )


@pytest.mark.parametrize('number', range(10))
def test_what_each_does_to_an_edge(number):
    defocused, moved, noisy, dark, foggy = (
        corruption(EDGE, _drawn(number)) for corruption in CORRUPTIONS
    )
    for blurred in (defocused, moved):
        assert 0 < np.abs(np.diff(blurred[16, :, 0])).max() < 200
        assert blurred[16, 2, 0] == pytest.approx(0, abs=1)
        assert blurred[16, -3, 0] == pytest.approx(200, abs=1)
    assert 3 < (noisy - EDGE).std() < 22
    assert abs((noisy - EDGE).mean()) < 1
    assert 0.1 * 200 < dark[:, 24:].mean() < 0.55 * 200
    # Fog takes contrast and leaves the sky's grey.
    assert 0.4 * 200 <= np.ptp(foggy) <= 0.8 * 200
    assert foggy.max() == pytest.approx(FOG_GREY)
