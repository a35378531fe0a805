"""The paper's loss, term by term."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from trainer.train.losses import consistency_loss, LossTerms, smoothness_loss, stereo_loss
from trainer.train.photometric import appearance_loss

WIDTH, SHIFT_PX = 48, 4


def _textured_pair(seed=0):
    """A pair whose true disparity is SHIFT_PX everywhere: left[u] = right[u - SHIFT_PX]."""
    wide = torch.rand(1, 3, 32, WIDTH + SHIFT_PX, generator=torch.Generator().manual_seed(seed))
    return wide[..., :WIDTH], wide[..., SHIFT_PX:]


def _constant(disparity_px):
    return [torch.full((1, 2, 32 >> s, WIDTH >> s), disparity_px / WIDTH) for s in range(4)]


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


def _slanted_pair(seed, *, disparity_px, slope):
    """
    A textured plane: images and the disparities of both views in px, all (1, C, 32, 64) float64.

    Its point at x in the left view is at x_right = (1 - slope) * x - disparity_px in the right
    one.
    """
    rng = np.random.default_rng(seed)
    x = torch.arange(64, dtype=torch.float64)
    x_of_right_pixels = (x + disparity_px) / (1 - slope)
    waves, rows = (torch.from_numpy(rng.uniform(*ends, (12, 1, 1))) for ends in ((0.5, 2), (0, 9)))
    row = torch.arange(32, dtype=torch.float64)[:, None]

    def texture(x_left):
        grey = torch.sin(waves * x_left + rows * row).mean(dim=0)
        return (0.5 + grey).clamp(0, 1).expand(1, 3, 32, 64)

    d_left = (slope * x + disparity_px).expand(1, 1, 32, 64)
    d_right = (x_of_right_pixels - x).expand(1, 1, 32, 64)
    return texture(x), texture(x_of_right_pixels), torch.cat([d_left, d_right], dim=1)


@given(seed=st.integers(0, 2**32 - 1), disparity_px=st.floats(3, 6), slope=st.floats(-0.03, 0.08))
def test_the_true_disparity_of_a_slanted_plane_costs_least(seed, disparity_px, slope):
    left, right, true_px = _slanted_pair(seed, disparity_px=disparity_px, slope=slope)

    def cost(error_px):
        disparity = (true_px + error_px) / 64
        pyramid = [F.interpolate(disparity, scale_factor=0.5**s, mode='area') for s in range(4)]
        return stereo_loss(left, right, pyramid).total

    assert cost(0) < cost(-1)
    assert cost(0) < cost(1)


@pytest.fixture
def doubles():
    """(1, 3, 6, 8) images and (1, 1, 6, 8) disparities in float64, two of each."""
    generator = torch.Generator().manual_seed(0)
    options = {'dtype': torch.float64, 'generator': generator}
    images = [torch.rand(1, 3, 6, 8, **options).requires_grad_() for _ in range(2)]
    disparities = [(torch.rand(1, 1, 6, 8, **options) * 0.2).requires_grad_() for _ in range(2)]
    return images, disparities


def test_gradients_of_every_term(doubles):
    images, disparities = doubles
    assert torch.autograd.gradcheck(appearance_loss, images)
    assert torch.autograd.gradcheck(smoothness_loss, (disparities[0], images[0]))
    assert torch.autograd.gradcheck(consistency_loss, disparities)


def test_gradients_of_the_whole_loss(doubles):
    images, disparities = doubles

    def total(*d):
        return stereo_loss(*images, [torch.cat(d, dim=1)]).total

    assert torch.autograd.gradcheck(total, disparities)


def test_double_precision_stays_and_half_precision_is_widened():
    left, right = _textured_pair()
    disparities = _constant(SHIFT_PX)
    single = stereo_loss(left, right, disparities).total
    double = stereo_loss(left.double(), right.double(), [d.double() for d in disparities]).total
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    halves = [d.bfloat16() for d in disparities]
    widened = stereo_loss(left, right, [d.float() for d in halves]).total
    with torch.autocast('cpu', torch.bfloat16):
        assert stereo_loss(left, right, disparities).total == single
        assert stereo_loss(left, right, halves).total == widened


def test_a_longer_baseline_scales_the_disparity():
    left, right = _textured_pair()
    half = stereo_loss(left, right, _constant(SHIFT_PX / 2), baseline_ratio=torch.tensor([2.0]))
    assert half.total.item() == pytest.approx(
        stereo_loss(left, right, _constant(SHIFT_PX)).total.item()
    )


def test_scales_are_summed_and_smoothness_halves_with_each():
    left, right = _textured_pair()
    slope = 0.05 / WIDTH  # of the width, a pixel
    ramps = [
        (slope * 2**s * torch.arange(WIDTH >> s)).expand(1, 2, 32 >> s, WIDTH >> s)
        for s in range(2)
    ]
    black = torch.zeros_like(left)
    one, two = (stereo_loss(black, black, ramps[:scales]) for scales in (1, 2))
    assert one.smoothness.item() == pytest.approx(2 * slope, rel=1e-4)
    # A pixel of the next scale is twice as wide: twice the gradient at half the weight.
    assert two.smoothness.item() == pytest.approx(2 * one.smoothness.item(), rel=1e-4)
    one, two = (stereo_loss(left, right, _constant(SHIFT_PX)[:scales]) for scales in (1, 2))
    half_left, half_right = (F.avg_pool2d(view, 2) for view in (left, right))
    alone = stereo_loss(half_left, half_right, _constant(SHIFT_PX)[1:2])
    assert (two.appearance - one.appearance).item() == pytest.approx(alone.appearance.item())


def test_total_by_the_papers_weights_and_that_of_hints():
    terms = LossTerms(*(torch.tensor(value) for value in (1.0, 10.0, 100.0, 1000.0, 0.5)))
    assert terms.total.item() == pytest.approx(1 + 0.1 * 10 + 100 + 0.5 * 1000 + 0.5)


def test_an_edge_of_an_image_damps_at_its_place_alone():
    """The first of two images has an edge in its first row, as its disparity; all else is flat."""
    disparity = torch.zeros(2, 1, 2, 3)
    disparity[0, 0, 0, 1:] = 1
    image = torch.zeros(2, 3, 2, 3)
    image[0, :, 0, 1:] = torch.tensor([[0.3], [0.6], [0.9]])  # 0.6 in the mean of the channels
    # Of 2 * 2 * 2 gaps between columns one is crossed, of 2 * 1 * 3 between rows two.
    expected = (1 / 8 + 2 / 6) * math.exp(-0.6)
    assert smoothness_loss(disparity, image).item() == pytest.approx(expected)
