"""
The teacher of a one-pass network: a network's own two passes, each where it can see.

docs/method.md#self-distillation.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
import torch.nn.functional as F

from trainer.model.network import DepthNetwork
from trainer.model.one_pass import OnePassNetwork
from trainer.train.checkpoint import load_trained


class Teacher:
    """The frozen network that teaches, on the device of the images that it is given."""

    def __init__(self, network: DepthNetwork) -> None:
        self.network = network.eval().requires_grad_(False)

    @torch.no_grad()
    def __call__(self, image: Tensor) -> Tensor:
        """Return the left disparity of two passes, (B, 1, H, W), for images (B, 3, H, W)."""
        network = self.network.to(image.device)
        of_image, of_mirrored = network(torch.cat([image, image.flip(-1)]))[0][:, :1].chunk(2)
        return blend_where_visible(of_image, of_mirrored.flip(-1))

    @torch.no_grad()
    def one_pass(self, image: Tensor) -> Tensor:
        """Return the left disparity of one pass, as __call__."""
        disparity: Tensor = self.network.to(image.device)(image)[0][:, :1]
        return disparity


def load_teacher(checkpoint: Path) -> Teacher:
    """Load a teacher; raise ValueError for another file, and for a network of one pass."""
    network = load_trained(checkpoint).network
    if isinstance(network, OnePassNetwork):
        raise ValueError(
            f'{checkpoint} needs one pass already; give the checkpoint that it learnt from'
        )
    return Teacher(network)


def blend_where_visible(of_image: Tensor, of_mirrored: Tensor) -> Tensor:
    """
    Return the disparity of the pass whose other view would see a pixel; else the mean.

    of_image, of_mirrored: (B, 1, H, W) left disparities in fractions of the width, the second one
        mirrored back. The other view of a mirror image lies to the left.
    """
    in_right = is_visible(of_image)
    in_left = is_visible(of_mirrored.flip(-1)).flip(-1)
    mean = (of_image + of_mirrored) / 2
    return torch.where(in_right == in_left, mean, torch.where(in_right, of_image, of_mirrored))


def is_visible(disparity: Tensor) -> Tensor:
    """
    Return whether the right view sees a pixel of the left one: inside, and nothing covers it.

    disparity: (B, 1, H, W) of the left view, in fractions of the width. A pixel is covered by one
    to its right that is nearer, and so falls on the same place or left of it.
    """
    width = disparity.shape[-1]
    column = torch.arange(width, device=disparity.device, dtype=disparity.dtype)
    match_px = column - width * disparity
    leftmost = match_px.flip(-1).cummin(dim=-1).values.flip(-1)
    leftmost_of_right = F.pad(leftmost[..., 1:], (0, 1), value=float('inf'))
    return (match_px >= 0) & (match_px < leftmost_of_right)
