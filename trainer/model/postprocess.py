"""Post-processing: the predictions for an image and for its mirror image, blended and rated."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.model.warp import warp

RAMP_START = 0.05
RAMP_SLOPE = 20.0
# The estimates of one network are this many times closer to each other than to the ground truth
# (measured, docs/design.md#post-processing).
ERROR_PER_SPREAD = 4.0


def flip_blend(of_image: Tensor, of_mirrored: Tensor) -> Tensor:
    """
    Blend the disparity of an image and of its mirror image (docs/method.md#flip-post-processing).

    Both are (B, H, W); of_mirrored is still mirrored. The right view does not show the left
    border of the left view, so the network cannot match there and predicts a ramp. The result is
    the prediction without the ramp at each border, and the mean of both in between.
    """
    mirrored_back = of_mirrored.flip(-1)
    width = of_image.shape[-1]
    # The ONNX exporter would freeze the length of a linspace.
    x = torch.arange(width, dtype=of_image.dtype, device=of_image.device) / (width - 1)
    at_left = 1 - (RAMP_SLOPE * (x - RAMP_START)).clamp(0, 1)
    at_right = at_left.flip(0)
    mean = (of_image + mirrored_back) / 2
    return at_left * mirrored_back + at_right * of_image + (1 - at_left - at_right) * mean


def joined(passes: Tensor) -> Tensor:
    """Blend the two passes of (2, H, W), image and mirror image; return one (1, H, W) as it is."""
    return passes if len(passes) == 1 else flip_blend(passes[:1], passes[1:])


def error_of_spread(disparities: Tensor, disparity: Tensor, *, unit_px: int) -> Tensor:
    """
    Return the expected relative error of each pixel, from the spread of its estimates.

    Each pass estimates the disparity twice: by its left disparity d, and by its right disparity
    at x - d, the same point in the right view. The error is k s / (d + k s). Here k is
    ERROR_PER_SPREAD, d the disparity of the output, and s the root mean square distance of the
    four estimates (two, with one pass) to d, with the passes weighted as in the blend.

    disparities: (P, 2, H, W) > 0, P passes (image, mirrored) by view (left, right), in fractions
        of unit_px pixels.
    disparity: (1, H, W), the left disparities of the passes, joined.
    unit_px: width in pixels that the fractions refer to.
    Returns (1, H, W) in 0..1.
    """
    left, right = disparities[:, :1], disparities[:, 1:]
    # warp takes fractions of the width of this image, which may differ from the unit.
    in_widths = unit_px / disparities.shape[-1]
    seen_by_right = warp(right, offset_frac=-left * in_widths)
    estimates = torch.cat([left, seen_by_right], dim=1)
    centre = torch.cat([disparity, disparity.flip(-1)][: len(disparities)])[:, None]
    error = ERROR_PER_SPREAD * joined(((estimates - centre) ** 2).mean(dim=1)).sqrt()
    return error / (disparity + error)
