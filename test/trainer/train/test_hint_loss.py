"""The loss of stereo hints, and which of them are trusted."""

from __future__ import annotations

import math

import pytest
import torch

from trainer.train.hint_loss import error_loss, hint_loss, NEAR_FRAC, trusted_hints
from trainer.train.losses import stereo_loss

WIDTH, SHIFT_PX = 48, 4


@pytest.fixture
def views():
    """left[u] = right[u - SHIFT_PX], of random colours."""
    wide = torch.rand(1, 3, 32, WIDTH + SHIFT_PX, generator=torch.Generator().manual_seed(0))
    return wide[..., :WIDTH], wide[..., SHIFT_PX:]


def _disparity(px):
    return torch.full((1, 2, 32, WIDTH), px / WIDTH)


def test_the_loss_by_hand_is_relative_and_counts_known_pixels_alone():
    disparity, hints = torch.full((1, 2, 2, 4), 0.1), torch.zeros(1, 2, 2, 4)
    hints[0, 0, 0, 0] = 0.2
    hints[0, 1, 1, 2] = 0.05
    # Two of eight pixels of a view, one twice as near and one twice as far.
    assert hint_loss(disparity, hints).item() == pytest.approx(2 * 2 / 16 * math.log(2))
    assert hint_loss(disparity, torch.zeros(1, 2, 2, 4)) == 0
    assert hint_loss(disparity, disparity) == 0


def test_gradients_come_from_known_pixels_alone():
    disparity = torch.full((1, 2, 2, 4), 0.1, dtype=torch.float64, requires_grad=True)
    hints = torch.zeros(1, 2, 2, 4, dtype=torch.float64)
    hints[0, 0, 0, 0] = 0.2
    hint_loss(disparity, hints).backward()
    assert disparity.grad.count_nonzero() == 1
    # d log(d) = 1 / d, downhill towards the larger hint.
    assert disparity.grad[0, 0, 0, 0].item() == pytest.approx(-2 / 16 / 0.1)


def test_far_hints_are_trusted_where_they_look_better(views):
    right = views[1]
    left = right.roll(3, dims=-1)  # left[u] = right[u - 3]
    true, wrong = _disparity(3), _disparity(1)
    assert true.max() < NEAR_FRAC
    # Of the left view, without its columns that come from the other end.
    assert torch.equal(trusted_hints(left, right, wrong, true)[:, 0, :, 5:], true[:, 0, :, 5:])
    assert trusted_hints(left, right, true, wrong)[:, 0, :, 5:].max() == 0


def test_near_hints_are_trusted_whatever_they_look_like(views):
    near = _disparity(NEAR_FRAC * WIDTH + 0.1)
    assert torch.equal(trusted_hints(*views, _disparity(SHIFT_PX), near), near)


def test_no_hint_stays_none(views):
    none = torch.zeros(1, 2, 32, WIDTH)
    assert torch.equal(trusted_hints(*views, _disparity(1), none), none)


def test_every_scale_is_taught_and_the_other_terms_stay_the_papers(views):
    pyramid = [_disparity(1)[..., :: 2**s, :: 2**s] for s in range(4)]
    hints = _disparity(SHIFT_PX)
    paper, taught = stereo_loss(*views, pyramid), stereo_loss(*views, pyramid, hints=hints)
    assert paper.hints == 0
    assert paper[:3] == taught[:3]
    # Four scales, two views; all are near, and 1 px should be SHIFT_PX.
    assert hints.min() >= NEAR_FRAC
    assert taught.hints.item() == pytest.approx(4 * 2 * math.log(SHIFT_PX), rel=1e-4)
    assert taught.total == paper.total + 0.5 * taught.hints


def test_hints_are_of_the_pairs_own_baseline(views):
    """A pair of half the canonical baseline has half the disparity of the prediction."""
    predicted = [_disparity(2 * SHIFT_PX)]
    terms = stereo_loss(
        *views, predicted, baseline_ratio=torch.tensor([0.5]), hints=_disparity(SHIFT_PX)
    )
    assert terms.hints.item() == pytest.approx(0, abs=1e-6)


def test_coarse_scales_are_taught_what_lies_in_their_middle(views):
    """An edge between columns 20 and 21 is nearest to the middle of column 2 at 1/8: 19.5."""
    hints = _disparity(SHIFT_PX)
    hints[..., 21:] = 2 * hints[..., 21:]
    coarse = torch.full((1, 2, 4, 6), SHIFT_PX / WIDTH)
    coarse[..., 3:] *= 2
    pyramid = [hints, *(hints[..., 2**s // 2 :: 2**s, 2**s // 2 :: 2**s] for s in (1, 2)), coarse]
    assert stereo_loss(*views, pyramid, hints=hints).hints.item() == pytest.approx(0, abs=1e-6)


def test_pixels_beside_a_hint_do_not_decide_about_it(views):
    """A single far hint, right where the network is wrong."""
    right = views[1]
    left = right.roll(3, dims=-1)  # left[u] = right[u - 3]
    hints = torch.zeros(1, 2, 32, WIDTH)
    hints[0, 0, 16, 24] = 3 / WIDTH
    wrong = _disparity(2.9)
    assert torch.equal(trusted_hints(left, right, wrong, hints), hints)


def _row(*values):
    return torch.tensor(values).view(1, 1, 1, -1).requires_grad_()


def test_the_error_loss_by_hand():
    # The third pixel has no hint. The others are off by log 2 and 0.
    hints = _row(0.2, 0.1, 0.0)
    loss = error_loss(_row(0.5, 0.25, 0.9), _row(0.1, 0.1, 0.1), hints)
    expected = (math.log(0.5) + math.log(2) / 0.5 + math.log(0.25)) / 2
    assert loss.item() == pytest.approx(expected)


def test_it_is_least_where_the_expected_error_is_the_mean_one_and_moves_no_disparity():
    # Two pixels that look alike, off by 0.1 and 0.3: their mean is 0.2.
    error, disparity = _row(0.2, 0.2), _row(0.1, 0.1)
    hints = 0.1 * torch.tensor([0.1, -0.3]).exp().view(1, 1, 1, 2)
    error_loss(error, disparity, hints).backward()
    assert error.grad.sum().item() == pytest.approx(0, abs=1e-5)
    assert disparity.grad is None


def test_without_any_hint_the_error_loss_is_zero():
    assert error_loss(_row(0.2), _row(0.1), torch.zeros(1, 1, 1, 1)).item() == 0
