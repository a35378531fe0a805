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
from trainer.train.hint_loss import hint_loss, HINT_WEIGHT, trusted_hints
from trainer.train.photometric import appearance_loss

SMOOTHNESS_WEIGHT = 0.1
CONSISTENCY_WEIGHT = 1.0


class LossTerms(NamedTuple):
    """
    The terms summed over views and scales; only smoothness is weighted, by 1 / 2**scale.

    error: error_loss of the finest left disparity, if the network learns it; 0 by stereo_loss.
    """

    appearance: Tensor
    smoothness: Tensor
    consistency: Tensor
    hints: Tensor
    error: Tensor

    @property
    def total(self) -> Tensor:
        """Return the weighted sum that is minimised (equation 1; the paper has no hints)."""
        return (
            self.appearance
            + SMOOTHNESS_WEIGHT * self.smoothness
            + CONSISTENCY_WEIGHT * self.consistency
            + HINT_WEIGHT * self.hints
            # It moves the head of the error alone. Only clipped gradients feel its weight.
            + self.error
        )


def stereo_loss(
    left: Tensor,
    right: Tensor,
    disparities: Sequence[Tensor],
    *,
    baseline_ratio: Tensor | None = None,
    hints: Tensor | None = None,
) -> LossTerms:
    """
    Return the loss of a batch of pairs, computed in float32 or float64 in spite of autocast.

    left, right: (B, 3, H, W).
    disparities: one (B, 2, H / 2**s, W / 2**s) for each scale s, finest first, as the network
        predicts them for the canonical baseline.
    baseline_ratio: (B,) B_r / B_c, baseline of each pair over the canonical one
        (docs/method.md#canonical-camera); None: 1.
    hints: (B, 2, H, W) disparities of the pairs' own baseline, 0 where there is none; None: the
        paper's loss.
    """
    # In half precision, the difference E[x^2] - E[x]^2 in SSIM would be mostly noise.
    with torch.autocast(left.device.type, enabled=False):
        left, right = _at_least_float32(left), _at_least_float32(right)
        scales = []
        for scale, disparity in enumerate(map(_at_least_float32, disparities)):
            step = 2**scale
            if scale > 0:
                left, right = F.avg_pool2d(left, 2), F.avg_pool2d(right, 2)
            if baseline_ratio is not None:
                disparity = disparity * baseline_ratio.view(-1, 1, 1, 1)
            if scale == 0 and hints is not None:
                hints = trusted_hints(left, right, disparity, _at_least_float32(hints))
            of_scale = None if hints is None else _hints_of_scale(hints, step)
            terms = _scale_terms(left, right, disparity, hints=of_scale)
            scales.append(terms._replace(smoothness=terms.smoothness / step))
        return LossTerms(*(sum(term) for term in zip(*scales, strict=True)))


def _scale_terms(
    left: Tensor, right: Tensor, disparity: Tensor, *, hints: Tensor | None
) -> LossTerms:
    d_left, d_right = disparity[:, :1], disparity[:, 1:]
    left_estimate = warp(right, offset_frac=-d_left)
    right_estimate = warp(left, offset_frac=d_right)
    return LossTerms(
        appearance_loss(left_estimate, left) + appearance_loss(right_estimate, right),
        smoothness_loss(d_left, left) + smoothness_loss(d_right, right),
        consistency_loss(d_left, d_right),
        disparity.new_zeros(()) if hints is None else hint_loss(disparity, hints),
        disparity.new_zeros(()),
    )


def _hints_of_scale(hints: Tensor, step: int) -> Tensor:
    """Return the hints of a coarse scale: at the fine pixels nearest to its pixels' middles."""
    return hints[..., step // 2 :: step, step // 2 :: step]


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


def _gradient(tensor: Tensor, dim: int) -> Tensor:
    return tensor.diff(dim=dim)


def _edge_damping(image: Tensor, dim: int) -> Tensor:
    return torch.exp(-_gradient(image, dim).abs().mean(dim=1, keepdim=True))
