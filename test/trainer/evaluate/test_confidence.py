"""Sparsification and reliability of confidence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from trainer.evaluate.confidence import ConfidenceScore, sparsification, SPARSIFICATION_STEPS


def test_a_confidence_that_sorts_by_the_error_has_no_area():
    error = np.random.default_rng(0).random(1000)
    curves = sparsification(error, 1 - error)
    assert curves.ause == 0
    assert curves.by_confidence[0] == pytest.approx(error.mean())
    # At 98 %, the mean of the 20 least errors.
    assert curves.by_confidence[-1] == pytest.approx(np.sort(error)[:20].mean())


def test_curves_of_four_pixels_by_hand():
    error = np.array([0.1, 0.2, 0.3, 0.4])
    curves = sparsification(error, np.array([0.9, 0.2, 0.8, 0.7]))
    # Left out in turn: 0.2, 0.4, 0.3; the worst first: 0.4, 0.3, 0.2.
    at = [0, SPARSIFICATION_STEPS // 4, SPARSIFICATION_STEPS // 2, -1]
    assert curves.by_confidence[at] == pytest.approx([0.25, 0.8 / 3, 0.2, 0.1])
    assert curves.by_error[at] == pytest.approx([0.25, 0.2, 0.15, 0.1])


def test_equal_confidence_gains_nothing_in_the_mean():
    error = np.repeat([0.1, 0.3], 5000)  # the near half of an image is the worse one
    curves = sparsification(error, np.full(10_000, 0.5))
    assert curves.aurg == pytest.approx(0, abs=1e-4)
    # The area of 0.1 f / (1 - f) up to f = 1/2, and from there on of 0.1.
    assert curves.ause == pytest.approx(0.1 * (np.log(2) - 1 / 2) + 0.1 / 2, abs=2e-3)


@given(seed=st.integers(0, 2**32 - 1), pixels=st.integers(1, 200))
def test_no_order_beats_that_of_the_errors(seed, pixels):
    error, confidence = np.random.default_rng(seed).random((2, pixels))
    curves = sparsification(error, confidence)
    assert (curves.by_confidence >= curves.by_error - 1e-12).all()
    assert curves.ause + curves.aurg == pytest.approx(
        float(np.mean(error.mean() - curves.by_error))
    )


def test_reliability_by_hand():
    score = ConfidenceScore()
    # Two pixels of 1 - confidence 0.07 with errors 0.1 and 0.3, one of 0.98 with an error of 2.
    score.add(np.array([11, 13, 30.0]), np.full(3, 10.0), np.array([0.93, 0.93, 0.02]))
    near, doubtful = score.reliability()
    assert (near.pixels, doubtful.pixels) == (2, 1)
    assert (near.expected, near.measured) == pytest.approx((0.07, 0.2))
    assert (doubtful.expected, doubtful.measured) == pytest.approx((0.98, 2))


def test_images_count_the_same_and_pixels_of_bins_add_up():
    score = ConfidenceScore()
    for error, pixels in ((0.1, 10), (0.3, 30)):
        true_m = np.full(pixels, 10.0)
        score.add(true_m * (1 + error), true_m, np.full(pixels, 0.5))
    assert score.curves().by_confidence[0] == pytest.approx(0.2)
    (only,) = score.reliability()
    assert (only.pixels, only.measured) == (40, pytest.approx(0.25))
