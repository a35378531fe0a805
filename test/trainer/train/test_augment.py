"""Augmentation of pairs."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import default_collate

from trainer.train.augment import (
    augment,
    change_colors,
    draw_augmentation,
    mirror_pairs,
    UNCHANGED,
)
from trainer.train.samples import StereoSample


def _draws(count):
    return [draw_augmentation(np.random.default_rng((0, number))) for number in range(count)]


def _batch(left, right, draws, *, hints=None):
    """Images in grey levels of a batch that is not augmented yet."""
    count = len(left)
    hints = torch.zeros(count, 2, 0, 0) if hints is None else hints
    return StereoSample(
        left, right, hints, torch.ones(count), default_collate(draws), [''] * count
    )


def test_mirroring_exchanges_the_views():
    left, right = torch.rand(2, 3, 4, 6), torch.rand(2, 3, 4, 6)
    new_left, new_right = mirror_pairs(left, right, chosen=torch.tensor([True, False]))
    assert torch.equal(new_left[0], right[0].flip(-1))
    assert torch.equal(new_right[0], left[0].flip(-1))
    assert torch.equal(new_left[1], left[1])
    assert torch.equal(new_right[1], right[1])


def test_colours_by_hand():
    image = torch.full((1, 3, 1, 1), 0.25)
    gain = torch.tensor([1.0, 2.0, 4.0]).view(1, 3, 1, 1)
    changed = change_colors(image, gamma=torch.full((1, 1, 1, 1), 0.5), gain=gain)
    assert changed.flatten().tolist() == [0.5, 1.0, 1.0]


def test_half_of_the_pairs_are_mirrored_and_half_keep_their_colours():
    draws = _draws(1000)
    assert 450 < sum(bool(draw.mirrored) for draw in draws) < 550
    assert 450 < sum(draw.gamma.item() == 1 for draw in draws) < 550


def test_draws_span_the_papers_ranges():
    changed = [draw for draw in _draws(4000) if draw.gamma != 1]
    gamma = torch.stack([draw.gamma for draw in changed])
    gain = torch.stack([draw.gain for draw in changed])
    assert 0.8 < gamma.min() < 0.81
    assert 1.19 < gamma.max() < 1.2
    # Brightness 0.5..2.0 times 0.8..1.2 of each channel.
    assert 0.4 < gain.min() < 0.45
    assert 2.2 < gain.max() < 2.4
    assert (gain[:, 0] != gain[:, 1]).all()


def test_both_views_get_the_same_colours():
    grey = torch.full((64, 3, 1, 1), 77, dtype=torch.uint8)
    augmented = augment(_batch(grey, grey, _draws(64)))
    assert torch.equal(augmented.left, augmented.right)
    assert len(augmented.left.flatten(1).unique(dim=0)) > 20


def test_unchanged_is_unchanged():
    left, right = torch.randint(256, (2, 2, 3, 4, 6), dtype=torch.uint8)
    same = augment(_batch(left, right, [UNCHANGED] * 2))
    torch.testing.assert_close(same.left, left / 255)
    torch.testing.assert_close(same.right, right / 255)
    assert same.hints is None


def test_hints_are_mirrored_with_their_views():
    """Views whose grey values are their hints stay so."""
    left, right = torch.randint(256, (2, 64, 1, 4, 5), dtype=torch.uint8)
    draws = [draw._replace(gamma=torch.tensor(1.0), gain=torch.ones(3)) for draw in _draws(64)]
    hints = torch.cat([left, right], dim=1) / 255
    images = left.expand(64, 3, 4, 5), right.expand(64, 3, 4, 5)
    new = augment(_batch(*images, draws, hints=hints))
    assert torch.equal(new.hints[:, 0], new.left[:, 0])
    assert torch.equal(new.hints[:, 1], new.right[:, 0])
    assert not torch.equal(new.hints, hints)
