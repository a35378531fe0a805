"""Rows of other pairs in a sample."""

from __future__ import annotations

import numpy as np
import torch

from trainer.train.graft import draw_graft, grafted_rows, seams, take_rows
from trainer.train.losses import stereo_loss
from trainer.train.samples import Graft

WHOLE, GRAFTED, EXCHANGED = (3, False), (2, False), (2, True)


def _rows(*grafts):
    own_rows, exchanged = (torch.tensor(values) for values in zip(*grafts, strict=True))
    return grafted_rows(Graft(own_rows, exchanged), 3)


def test_rows_by_hand():
    """Three samples of three rows: 0 1 2, 3 4 5, 6 7 8."""
    rows = _rows(WHOLE, GRAFTED, EXCHANGED)
    assert rows.tolist() == [[0, 1, 2], [3, 4, 8], [2, 6, 7]]
    assert seams(rows).tolist() == [[False] * 3, [False, False, True], [False, True, False]]


def test_the_first_row_after_the_last_one_of_the_pair_before_is_a_seam():
    """Of two samples, the second takes rows of the first: its number 3 follows 2."""
    rows = _rows(WHOLE, EXCHANGED)
    assert rows.tolist() == [[0, 1, 2], [2, 3, 4]]
    assert seams(rows)[1].tolist() == [False, True, False]


def test_rows_are_taken_in_all_channels():
    values = torch.arange(2 * 2 * 3 * 2).view(2, 2, 3, 2)
    taken = take_rows(values, _rows(GRAFTED, WHOLE))
    assert torch.equal(taken[1], values[1])
    assert torch.equal(taken[0, :, :2], values[0, :, :2])
    assert torch.equal(taken[0, :, 2], values[1, :, 2])


def test_draws_are_whole_rows_of_the_coarsest_scale():
    draws = [draw_graft(np.random.default_rng((0, number)), 128) for number in range(500)]
    rows = [int(draw.own_rows) for draw in draws]
    # Of 128 rows, 0.2 to 0.8 in steps of 8; 128 for a sample that stays whole.
    assert set(rows) == {128, 24, 48, 80, 104}
    assert 70 < rows.count(128) < 130
    assert not any(draw.exchanged for draw in draws if draw.own_rows == 128)
    assert 160 < sum(bool(draw.exchanged) for draw in draws) < 240


def test_the_true_disparity_of_a_grafted_pair_costs_least_and_its_jump_nothing():
    wide = torch.rand(2, 3, 64, 72, generator=torch.Generator().manual_seed(0))
    left, right = wide[..., :64], torch.stack([wide[0, :, :, 2:66], wide[1, :, :, 6:70]])
    disparity = torch.tensor([2 / 64, 6 / 64]).view(2, 1, 1, 1).expand(2, 2, 64, 64)
    rows = grafted_rows(Graft(torch.tensor([24, 40]), torch.tensor([False, True])), 64)
    views = [take_rows(view, rows) for view in (left, right)]
    true, wrong = take_rows(disparity, rows), disparity

    def terms(disparity, **options):
        return stereo_loss(*views, [disparity[..., :: 2**s, :: 2**s] for s in range(4)], **options)

    assert terms(true).appearance < terms(wrong).appearance
    assert terms(true, seams=seams(rows)).smoothness == 0
    assert terms(true).smoothness > 0


def test_ratios_of_rows_scale_each_row():
    left, right = torch.rand(2, 1, 3, 16, 32, generator=torch.Generator().manual_seed(1))
    pyramid = [torch.full((1, 2, 16 >> s, 32 >> s), 0.05) for s in range(2)]
    ratio = torch.ones(1, 16)
    ratio[:, 8:] = 2
    by_hand = [d * ratio[:, None, :: 2**s, None] for s, d in enumerate(pyramid)]
    scaled = stereo_loss(left, right, pyramid, baseline_ratio=ratio)
    assert scaled == stereo_loss(left, right, by_hand)
