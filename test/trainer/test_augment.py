"""Augmentation of pairs."""

from __future__ import annotations

import torch

from trainer.data.augment import augment, change_colors, mirror_pairs


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


def test_both_views_get_the_same_colours_and_half_of_the_pairs_keep_theirs():
    torch.manual_seed(0)
    grey = torch.full((400, 3, 1, 1), 0.3)
    left, right = augment(grey, grey)
    assert torch.equal(left, right)
    kept = (left == grey).all(dim=(1, 2, 3)).float().mean()
    assert 0.4 < kept < 0.6
    # Drawn once a pair: pairs differ from one another, and channels within a pair.
    changed = left[(left != grey).any(dim=(1, 2, 3))].flatten(1)
    assert len(changed.unique(dim=0)) > 150
    assert (changed[:, 0] != changed[:, 1]).all()
