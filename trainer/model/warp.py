"""Differentiable reconstruction of one view from the other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
import torch.nn.functional as F


def warp(image: Tensor, *, offset_frac: Tensor) -> Tensor:
    """
    Sample an image along its rows at x + offset, linearly, zeros outside (docs/method.md#warp).

    image: (B, C, H, W).
    offset_frac: (B, 1, H, W), in fractions of W: +right disparity reconstructs the right view
        from the left view, -left disparity the left view from the right view.
    Returns (B, C, H, W). An offset of exactly k px returns the image shifted by k.
    """
    batch, _, height, width = image.shape
    options: dict[str, Any] = {'dtype': offset_frac.dtype, 'device': offset_frac.device}
    x = torch.arange(width, **options) + offset_frac[:, 0] * width  # (B, H, W), px
    y = torch.arange(height, **options)[:, None].expand(batch, height, width)
    # align_corners=True puts -1 and 1 on the centres of the outermost pixels.
    grid = torch.stack([_normalised(x, width), _normalised(y, height)], dim=-1)
    return F.grid_sample(image, grid, mode='bilinear', padding_mode='zeros', align_corners=True)


def _normalised(coordinate_px: Tensor, size: int) -> Tensor:
    return 2 * coordinate_px / max(size - 1, 1) - 1
