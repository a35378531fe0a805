"""
The difference of a view to its reconstruction (docs/method.md#loss).

Images are (B, 3, H, W) in 0..1.
"""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F

from trainer.model.warp import warp

SSIM_WEIGHT = 0.85


def appearance_loss(estimate: Tensor, image: Tensor) -> Tensor:
    """Return 0.85 * DSSIM + 0.15 * L1, means over pixels and channels (equation 2)."""
    dssim = _dssim(estimate, image).mean()
    return SSIM_WEIGHT * dssim + (1 - SSIM_WEIGHT) * (estimate - image).abs().mean()


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Return structural similarity in 3x3 windows, unpadded: (B, C, H - 2, W - 2) in -1..1."""
    c1, c2 = 0.01**2, 0.03**2
    mean_1, mean_2 = _mean_3x3(first), _mean_3x3(second)
    product, squares = mean_1 * mean_2, mean_1**2 + mean_2**2
    covariance = _mean_3x3(first * second) - product
    # Only the sum of both variances is needed, which takes one pooling instead of two.
    variances = _mean_3x3(first**2 + second**2) - squares
    return (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))


def reprojection_error(left: Tensor, right: Tensor, disparity: Tensor) -> Tensor:
    """Return the paper's appearance term of each pixel and view, (B, 2, H, W)."""
    d_left, d_right = disparity[:, :1], disparity[:, 1:]
    of_left = _pixel_error(warp(right, offset_frac=-d_left), left)
    of_right = _pixel_error(warp(left, offset_frac=d_right), right)
    return torch.cat([of_left, of_right], dim=1)


def _pixel_error(estimate: Tensor, image: Tensor) -> Tensor:
    """Return 0.85 * DSSIM + 0.15 * L1 of each pixel, means over channels: (B, 1, H, W)."""
    dssim = _dssim(_padded(estimate), _padded(image))
    error = SSIM_WEIGHT * dssim + (1 - SSIM_WEIGHT) * (estimate - image).abs()
    return error.mean(dim=1, keepdim=True)


def _dssim(estimate: Tensor, image: Tensor) -> Tensor:
    return ((1 - ssim(estimate, image)) / 2).clamp(0, 1)


def _padded(image: Tensor) -> Tensor:
    return F.pad(image, (1, 1, 1, 1), mode='replicate')


def _mean_3x3(image: Tensor) -> Tensor:
    return F.avg_pool2d(image, kernel_size=3, stride=1)
