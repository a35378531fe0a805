"""Differentiable reconstruction of one view from the other."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F

# Two matching disparities differ by less than both, as they are sampled between pixels.
HIDDEN_PX, HIDDEN_FRACTION = 1.0, 0.05


def warp(image: Tensor, *, offset_frac: Tensor) -> Tensor:
    """
    Sample an image along its rows at x + offset, linearly, zeros outside (docs/method.md#warp).

    image: (B, C, H, W).
    offset_frac: (B, 1, H, W), in fractions of W: +right disparity reconstructs the right view
        from the left view, -left disparity the left view from the right view.
    Returns (B, C, H, W). An offset of exactly k px returns the image shifted by k.
    """
    batch, _, height, width = image.shape
    x = _match_x_px(offset_frac)[:, 0]  # (B, H, W)
    y = torch.arange(height, dtype=x.dtype, device=x.device)[:, None].expand(batch, height, width)
    # align_corners=True puts -1 and 1 on the centres of the outermost pixels.
    grid = torch.stack([_normalised(x, width), _normalised(y, height)], dim=-1)
    return F.grid_sample(image, grid, mode='bilinear', padding_mode='zeros', align_corners=True)


@torch.no_grad()
def seen_by_other(disparity: Tensor, d_match: Tensor, *, offset_frac: Tensor) -> Tensor:
    """
    Return where the other view sees a view's surface: (B, 1, H, W), 1 or 0, without a gradient.

    A pixel is unseen if its match lies outside the other image, or if the other view's disparity
    there is larger by more than 1 px of these images and 5 %: something nearer hides it.

    disparity: (B, 1, H, W) of this view, in fractions of W.
    d_match: the other view's disparity, warped to this view by offset_frac.
    offset_frac: see warp.
    """
    width = disparity.shape[-1]
    x = _match_x_px(offset_frac)
    inside = (x >= 0) & (x <= width - 1)
    hidden = d_match - disparity > (HIDDEN_FRACTION * disparity).clamp(min=HIDDEN_PX / width)
    return (inside & ~hidden).to(disparity.dtype)


def _match_x_px(offset_frac: Tensor) -> Tensor:
    """Return the column of the match of each pixel, (B, 1, H, W)."""
    width = offset_frac.shape[-1]
    columns = torch.arange(width, dtype=offset_frac.dtype, device=offset_frac.device)
    return columns + offset_frac * width


def _normalised(coordinate_px: Tensor, size: int) -> Tensor:
    return 2 * coordinate_px / max(size - 1, 1) - 1
