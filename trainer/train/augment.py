"""
Augmentation of stereo batches: flips that stay stereo, shared colours.

The probabilities and ranges are the paper's (docs/method.md#augmentation).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Augmentation(NamedTuple):
    """Changes of a pair: mirrored () bool, gamma () float32, gain (3,) float32 of R, G and B."""

    mirrored: Tensor
    gamma: Tensor
    gain: Tensor


UNCHANGED = Augmentation(torch.tensor(False), torch.tensor(1.0), torch.ones(3))


def draw_augmentation(generator: np.random.Generator) -> Augmentation:
    """Draw flip and colours of one pair, each with probability 1/2."""
    mirrored = torch.tensor(bool(generator.random() < 0.5))
    if generator.random() < 0.5:
        return UNCHANGED._replace(mirrored=mirrored)
    gamma = generator.uniform(0.8, 1.2)
    gain = generator.uniform(0.5, 2.0) * generator.uniform(0.8, 1.2, 3)
    return Augmentation(
        mirrored,
        torch.tensor(gamma, dtype=torch.float32),
        torch.tensor(gain, dtype=torch.float32),
    )


def augment(left: Tensor, right: Tensor, augmentation: Augmentation) -> tuple[Tensor, Tensor]:
    """
    Apply to each pair of a batch the augmentation that was drawn for it.

    left, right: (B, 3, H, W) in 0..1.
    augmentation: batch of B augmentations.
    Returns the new left and right, clipped to 0..1.
    """
    mirrored, gamma, gain = augmentation
    left, right = mirror_pairs(left, right, chosen=mirrored)
    gamma, gain = gamma.view(-1, 1, 1, 1), gain.view(-1, 3, 1, 1)
    left, right = (change_colors(view, gamma=gamma, gain=gain) for view in (left, right))
    return left, right


def mirror_pairs(left: Tensor, right: Tensor, *, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """
    Mirror the chosen pairs: the mirrored right view becomes the left one and vice versa.

    Without the exchange, mirroring would change the sign of every disparity.

    left, right: (B, 3, H, W).
    chosen: (B,) bool.
    """
    chosen = chosen.view(-1, 1, 1, 1)
    return torch.where(chosen, right.flip(-1), left), torch.where(chosen, left.flip(-1), right)


def change_colors(image: Tensor, *, gamma: Tensor, gain: Tensor) -> Tensor:
    """Return image**gamma * gain in 0..1; gamma is (B, 1, 1, 1), gain (B, 3 or 1, 1, 1)."""
    return (image**gamma * gain).clamp(0, 1)
