"""Augmentation of stereo batches (METHOD section 4): flips that stay stereo, shared colours."""

from __future__ import annotations

import torch
from torch import Tensor


def augment(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """
    Draw flips and colours for a batch of pairs, each with probability 1/2 a pair.

    left, right: (B, 3, H, W) in 0..1. Returns the same. Draws from torch's global generator.
    """
    batch = left.shape[0]
    left, right = mirror_pairs(left, right, chosen=torch.rand(batch) < 0.5)
    gamma = torch.empty(batch, 1, 1, 1).uniform_(0.8, 1.2)
    gain = torch.empty(batch, 1, 1, 1).uniform_(0.5, 2.0)
    gain = gain * torch.empty(batch, 3, 1, 1).uniform_(0.8, 1.2)
    plain = torch.rand(batch, 1, 1, 1) < 0.5
    gamma, gain = (torch.where(plain, 1.0, value).to(left.device) for value in (gamma, gain))
    return change_colors(left, gamma=gamma, gain=gain), change_colors(
        right, gamma=gamma, gain=gain
    )


def mirror_pairs(left: Tensor, right: Tensor, *, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """
    Mirror the chosen pairs: the mirrored right view becomes the left one and vice versa.

    Mirroring alone would turn the sign of every disparity. chosen: (B,) bool.
    """
    chosen = chosen.view(-1, 1, 1, 1).to(left.device)
    return torch.where(chosen, right.flip(-1), left), torch.where(chosen, left.flip(-1), right)


def change_colors(image: Tensor, *, gamma: Tensor, gain: Tensor) -> Tensor:
    """image**gamma * gain, clipped to 0..1; gamma (B, 1, 1, 1), gain (B, 3 or 1, 1, 1)."""
    return (image**gamma * gain).clamp(0, 1)
