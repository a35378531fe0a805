"""
Augmentation of stereo batches: flips that stay stereo, shared colours.

The probabilities and ranges are the paper's (docs/method.md#augmentation).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trainer.train.samples import Augmentation, AugmentedBatch, StereoSample

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


def augment(batch: StereoSample) -> AugmentedBatch:
    """Apply to each pair of a batch the augmentation that was drawn for it."""
    mirrored, gamma, gain = batch.augmentation
    views = mirror_pairs(batch.left / 255, batch.right / 255, chosen=mirrored)
    # As the views, the hints change places.
    hints = torch.where(mirrored.view(-1, 1, 1, 1), batch.hints.flip(1, -1), batch.hints)
    gamma, gain = gamma.view(-1, 1, 1, 1), gain.view(-1, 3, 1, 1)
    left, right = (change_colors(view, gamma=gamma, gain=gain) for view in views)
    return AugmentedBatch(left, right, hints if hints.numel() else None, batch.baseline_ratio)


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
