"""The paper's loss, term by term."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import structural_similarity
import torch

from trainer.losses import (
    appearance_loss,
    consistency_loss,
    LossTerms,
    smoothness_loss,
    ssim,
    stereo_loss,
)

WIDTH, SHIFT_PX = 48, 4


def _textured_pair(seed=0):
    """A pair whose true disparity is SHIFT_PX everywhere: left[u] = right[u - SHIFT_PX]."""
    wide = torch.rand(1, 3, 32, WIDTH + SHIFT_PX, generator=torch.Generator().manual_seed(seed))
    return wide[..., :WIDTH], wide[..., SHIFT_PX:]


def _constant(disparity_px):
    return [torch.full((1, 2, 32 >> s, WIDTH >> s), disparity_px / WIDTH) for s in range(4)]


def test_ssim_is_that_of_scikit_image():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 12, 14))
    _, expected = structural_similarity(
        first, second, win_size=3, data_range=1.0, use_sample_covariance=False, full=True
    )
    ours = ssim(torch.tensor(first)[None, None], torch.tensor(second)[None, None])[0, 0]
    np.testing.assert_allclose(ours.numpy(), expected[1:-1, 1:-1], atol=1e-10)


def test_an_image_equals_itself():
    left, _ = _textured_pair()
    assert appearance_loss(left, left).item() == pytest.approx(0, abs=1e-6)


def test_appearance_of_black_and_white_by_hand():
    black, white = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    similarity = 0.01**2 / (1 + 0.01**2)  # the variances are 0, so only the means count
    expected = 0.85 * (1 - similarity) / 2 + 0.15
    assert appearance_loss(black, white).item() == pytest.approx(expected, rel=1e-5)


def test_smoothness_by_hand_counts_x_and_y():
    # One column apart by 1: |dx| is 1 at 2 of 4 places (two rows, two gaps), y is flat.
    disparity = torch.tensor([[0.0, 1.0, 1.0], [0.0, 1.0, 1.0]]).view(1, 1, 2, 3)
    flat = torch.zeros(1, 3, 2, 3)
    assert smoothness_loss(disparity, flat).item() == pytest.approx(0.5)
    assert smoothness_loss(disparity.mT, flat.mT).item() == pytest.approx(0.5)
    # An image edge of 1 at the same place damps it by exp(-1).
    edge = disparity.expand(1, 3, 2, 3)
    assert smoothness_loss(disparity, edge).item() == pytest.approx(0.5 * math.exp(-1))


def test_equal_constant_disparities_are_consistent_away_from_the_border():
    constant = torch.full((1, 1, 4, 40), 0.1)
    # Zeros come in from outside over 4 of 40 columns of each view: 0.1 * 4 / 40, twice.
    assert consistency_loss(constant, constant).item() == pytest.approx(0.02, rel=1e-3)
    other = torch.full((1, 1, 4, 40), 0.2)
    assert consistency_loss(constant, other) > consistency_loss(constant, constant)


def test_the_true_disparity_costs_less_than_one_pixel_beside_it():
    left, right = _textured_pair()
    true = stereo_loss(left, right, _constant(SHIFT_PX)).appearance
    for wrong_px in (SHIFT_PX - 1, SHIFT_PX + 1):
        assert true < stereo_loss(left, right, _constant(wrong_px)).appearance


def test_mirroring_a_pair_and_its_disparities_leaves_the_loss_unchanged():
    left, right = _textured_pair()
    generator = torch.Generator().manual_seed(1)
    disparities = [torch.rand(d.shape, generator=generator) * 0.1 for d in _constant(0)]
    mirrored = [d.flip(-1).flip(1) for d in disparities]  # left and right change places
    here = stereo_loss(left, right, disparities)
    there = stereo_loss(right.flip(-1), left.flip(-1), mirrored)
    for first, second in zip(here, there, strict=True):
        assert first.item() == pytest.approx(second.item(), rel=1e-5)


def test_a_longer_baseline_scales_the_disparity():
    left, right = _textured_pair()
    half = stereo_loss(left, right, _constant(SHIFT_PX / 2), baseline_ratio=torch.tensor([2.0]))
    assert half.total.item() == pytest.approx(
        stereo_loss(left, right, _constant(SHIFT_PX)).total.item()
    )


def test_scales_are_summed_and_smoothness_halves_with_each():
    left, right = _textured_pair()
    ramp = torch.linspace(0.05, 0.1, WIDTH).expand(1, 2, 32, WIDTH).contiguous()
    one = stereo_loss(left, right, [ramp])
    two = stereo_loss(left, right, [ramp, ramp])
    assert two.appearance.item() == pytest.approx(2 * one.appearance.item())
    assert two.smoothness.item() == pytest.approx(1.5 * one.smoothness.item())


def test_total_by_the_papers_weights():
    terms = LossTerms(torch.tensor(1.0), torch.tensor(10.0), torch.tensor(100.0))
    assert terms.total.item() == pytest.approx(1 + 0.1 * 10 + 100)
