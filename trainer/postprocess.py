"""Flip post-processing (METHOD section 5, the paper's section 4.2)."""

from __future__ import annotations

import torch
from torch import Tensor

RAMP_START = 0.05
RAMP_SLOPE = 20.0


def flip_blend(disparity: Tensor, disparity_of_mirrored: Tensor) -> Tensor:
    """
    Blend left disparities of an image and of its mirror image; both (B, H, W).

    Left of where the right view ends a network cannot match and invents a ramp. At either border
    the prediction is taken whose ramp is at the other one; in between their mean.
    """
    mirrored_back = disparity_of_mirrored.flip(-1)
    width = disparity.shape[-1]
    # Not linspace: the exporter would freeze its length.
    x = torch.arange(width, dtype=disparity.dtype, device=disparity.device) / (width - 1)
    at_left = 1 - (RAMP_SLOPE * (x - RAMP_START)).clamp(0, 1)
    at_right = at_left.flip(0)
    mean = (disparity + mirrored_back) / 2
    return at_left * mirrored_back + at_right * disparity + (1 - at_left - at_right) * mean
