"""What becomes of the network's passes, the image's and its mirror image's."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.model.warp import warp

RAMP_START = 0.05
RAMP_SLOPE = 20.0
# The estimates of one network lie so many times closer to each other than to the truth
# (docs/design.md#post-processing).
ERROR_PER_SPREAD = 4.0


def flip_blend(of_image: Tensor, of_mirrored: Tensor) -> Tensor:
    """
    Blend the disparity of an image and of its mirror image (docs/method.md#flip-post-processing).

    Both (B, H, W), the latter still mirrored. Left of where the right view ends a network cannot
    match and invents a ramp. At either border the prediction is taken whose ramp is at the other
    one; in between their mean.
    """
    mirrored_back = of_mirrored.flip(-1)
    width = of_image.shape[-1]
    # Not linspace: the exporter would freeze its length.
    x = torch.arange(width, dtype=of_image.dtype, device=of_image.device) / (width - 1)
    at_left = 1 - (RAMP_SLOPE * (x - RAMP_START)).clamp(0, 1)
    at_right = at_left.flip(0)
    mean = (of_image + mirrored_back) / 2
    return at_left * mirrored_back + at_right * of_image + (1 - at_left - at_right) * mean


def joined(passes: Tensor) -> Tensor:
    """The passes' (2, H, W), the image's and its mirror image's, blended; one (1, H, W) as is."""
    return passes if len(passes) == 1 else flip_blend(passes[:1], passes[1:])


def confidence(disparities: Tensor, disparity: Tensor, *, unit_px: int) -> Tensor:
    """
    How far the estimates of a pixel agree: 1 - confidence estimates the relative depth error.

    Each pass says twice what the disparity is: by its left disparity d, and by its right one at
    x - d, where it sees the same point. Confidence is d / (d + ERROR_PER_SPREAD * s), d the
    disparity given out and s the root mean square distance of the four (two, of one pass) to it,
    the passes weighted as in the blend.

    disparities: (P, 2, H, W) > 0, P passes (image, mirrored) by view (left, right), in fractions
    of unit_px pixels. disparity: (1, H, W), the left ones joined. Returns (1, H, W) in 0..1.
    """
    left, right = disparities[:, :1], disparities[:, 1:]
    # warp counts in widths of this image, which may be wider than the unit.
    in_widths = unit_px / disparities.shape[-1]
    seen_by_right = warp(right, offset_frac=-left * in_widths)
    estimates = torch.cat([left, seen_by_right], dim=1)
    centre = torch.cat([disparity, disparity.flip(-1)][: len(disparities)])[:, None]
    spread = joined(((estimates - centre) ** 2).mean(dim=1)).sqrt()
    return disparity / (disparity + ERROR_PER_SPREAD * spread)
