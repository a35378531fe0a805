"""
Crops: a window of each pair, enlarged to the whole image (docs/method.md#augmentation).

Both views show the same window, so that they stay rectified.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F

# The middle of the smallest window lies up to 0.19 of its height from that of the image: KITTI's
# camera, if it looked up or down by 6 degrees.
MIN_SCALE = 0.72
WHOLE = (1.0, 0.0, 0.0)


def draw_window(generator: np.random.Generator) -> Tensor:
    """
    Draw the window of one pair, or the whole image with probability 1/2.

    Returns (3,) float32: size of the window over that of the image, and u and v of its middle from
    -1 to 1 over the image.
    """
    if generator.random() < 0.5:
        return torch.tensor(WHOLE)
    scale = generator.uniform(MIN_SCALE, 1)
    u, v = generator.uniform(-1, 1, 2) * (1 - scale)
    return torch.tensor((scale, u, v), dtype=torch.float32)


def cropped(
    values: Tensor, windows: Tensor, *, mode: Literal['bilinear', 'nearest'] = 'bilinear'
) -> Tensor:
    """
    Return the windows of (B, C, H, W), enlarged to the same size.

    windows: (B, 3), see draw_window.
    mode: of the interpolation.
    """
    height, width = values.shape[-2:]
    x, y = (_middles(size, windows.device) for size in (width, height))
    scale, u, v = windows[:, :, None].unbind(1)  # (B, 1) each
    # Not affine_grid: its matrix product would be of half precision under autocast.
    columns, rows = (u + scale * x)[:, None, :], (v + scale * y)[:, :, None]
    size = (len(values), height, width)
    grid = torch.stack([columns.expand(size), rows.expand(size)], dim=-1)
    return F.grid_sample(values, grid, mode=mode, padding_mode='border', align_corners=False)


def cropped_hints(hints: Tensor, windows: Tensor) -> Tensor:
    """Return the windows of hints, in fractions of the enlarged width: nearest, none is mixed."""
    nearest = cropped(hints.float(), windows, mode='nearest')
    return nearest / windows[:, 0].view(-1, 1, 1, 1)


def _middles(size: int, device: torch.device) -> Tensor:
    """Return the middles of pixels along an axis from -1 to 1, (size,)."""
    return (2 * torch.arange(size, dtype=torch.float32, device=device) + 1) / size - 1
