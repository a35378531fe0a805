"""
The paper's training loss (Godard et al. 2017), one function an equation (docs/method.md#loss).

Disparities are (B, 2, H, W): channel 0 belongs to the left view, 1 to the right one, both in
fractions of the width. Images are (B, 3, H, W) in 0..1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
import torch.nn.functional as F

from trainer.model.warp import warp

SSIM_WEIGHT = 0.85
SMOOTHNESS_WEIGHT = 0.1
CONSISTENCY_WEIGHT = 1.0


class LossTerms(NamedTuple):
    """The terms summed over views and scales; only smoothness is weighted, by 1 / 2**scale."""

    appearance: Tensor
    smoothness: Tensor
    consistency: Tensor

    @property
    def total(self) -> Tensor:
        """Return the weighted sum that is minimised (equation 1)."""
        return (
            self.appearance
            + SMOOTHNESS_WEIGHT * self.smoothness
            + CONSISTENCY_WEIGHT * self.consistency
        )


def stereo_loss(
    left: Tensor,
    right: Tensor,
    disparities: Sequence[Tensor],
    *,
    baseline_ratio: Tensor | None = None,
) -> LossTerms:
    """
    Return the loss of a batch of pairs, computed in float32 or float64 in spite of autocast.

    left, right: (B, 3, H, W).
    disparities: one (B, 2, H / 2**s, W / 2**s) for each scale s, finest first, as the network
        predicts them for the canonical baseline.
    baseline_ratio: (B,) B_r / B_c, baseline of each pair over the canonical one
        (docs/method.md#canonical-camera); None: 1.
    """
    # In half precision, the difference E[x^2] - E[x]^2 in SSIM would be mostly noise.
    with torch.autocast(left.device.type, enabled=False):
        left, right = _at_least_float32(left), _at_least_float32(right)
        scales = []
        for scale, disparity in enumerate(map(_at_least_float32, disparities)):
            if scale > 0:
                left, right = F.avg_pool2d(left, 2), F.avg_pool2d(right, 2)
            if baseline_ratio is not None:
                disparity = disparity * baseline_ratio.view(-1, 1, 1, 1)
            scales.append(_scale_terms(left, right, disparity, scale))
        return LossTerms(*(sum(term) for term in zip(*scales, strict=True)))


def _scale_terms(left: Tensor, right: Tensor, disparity: Tensor, scale: int) -> LossTerms:
    d_left, d_right = disparity[:, :1], disparity[:, 1:]
    left_estimate = warp(right, offset_frac=-d_left)
    right_estimate = warp(left, offset_frac=d_right)
    return LossTerms(
        appearance_loss(left_estimate, left) + appearance_loss(right_estimate, right),
        (smoothness_loss(d_left, left) + smoothness_loss(d_right, right)) / 2**scale,
        consistency_loss(d_left, d_right),
    )


def appearance_loss(estimate: Tensor, image: Tensor) -> Tensor:
    """Return 0.85 * DSSIM + 0.15 * L1, means over pixels and channels (equation 2)."""
    dssim = ((1 - ssim(estimate, image)) / 2).clamp(0, 1).mean()
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


def smoothness_loss(disparity: Tensor, image: Tensor) -> Tensor:
    """Return the mean disparity gradient in x and y, damped at image edges (equation 3)."""
    along_x, along_y = (
        (_gradient(disparity, dim).abs() * _edge_damping(image, dim)).mean() for dim in (-1, -2)
    )
    return along_x + along_y


def consistency_loss(d_left: Tensor, d_right: Tensor) -> Tensor:
    """Return the difference of each view's disparity to the other's at the match (equation 4)."""
    right_in_left = warp(d_right, offset_frac=-d_left)
    left_in_right = warp(d_left, offset_frac=d_right)
    return (d_left - right_in_left).abs().mean() + (d_right - left_in_right).abs().mean()


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _mean_3x3(image: Tensor) -> Tensor:
    return F.avg_pool2d(image, kernel_size=3, stride=1)


def _gradient(tensor: Tensor, dim: int) -> Tensor:
    return tensor.diff(dim=dim)


def _edge_damping(image: Tensor, dim: int) -> Tensor:
    return torch.exp(-_gradient(image, dim).abs().mean(dim=1, keepdim=True))
