"""
The loss of stereo hints, where they are trusted (docs/method.md#stereo-hints).

Disparities and hints are (B, 2, H, W) as in losses.py, hints 0 where there is none.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.train.photometric import reprojection_error

HINT_WEIGHT = 0.5
# From this disparity on, in fractions of the width, a hint needs no better reprojection: between a
# wrong and the right disparity of a near object, that of the images is no guide.
NEAR_FRAC = 0.08


@torch.no_grad()
def trusted_hints(left: Tensor, right: Tensor, disparity: Tensor, hints: Tensor) -> Tensor:
    """
    Return the hints that are near, or reproject better than the disparity; 0 elsewhere.

    left, right: (B, 3, H, W).
    disparity: the network's, of the pairs' own baseline.
    """
    # Beside a hint, where there is none, the window of its error is that of the disparity.
    nearby = torch.where(hints > 0, hints, disparity)
    better = reprojection_error(left, right, nearby) < reprojection_error(left, right, disparity)
    return hints * ((hints >= NEAR_FRAC) | better)


def hint_loss(disparity: Tensor, hints: Tensor) -> Tensor:
    """Return |log d - log h| where there are hints, the mean over all pixels of a view, summed."""
    known = hints > 0
    difference = disparity.log() - torch.where(known, hints, disparity.detach()).log()
    return 2 * (difference.abs() * known).mean()


def error_loss(error: Tensor, disparity: Tensor, hints: Tensor) -> Tensor:
    """
    Return log e + |log d - log h| / e where there are hints, their mean; e is the expected error.

    Where it is least, e is the mean of |log d - log h| over pixels that look alike (the negative
    log-likelihood of Laplace's distribution; Kendall and Gal, NeurIPS 2017). It moves e alone.

    error, disparity, hints: (B, 1, H, W); all hints count, whether trusted or not.
    """
    known = hints > 0
    log_disparity = disparity.detach().log()
    difference = (log_disparity - torch.where(known, hints, disparity.detach()).log()).abs()
    each = error.log() + difference / error
    return (each * known).sum() / known.sum().clamp(min=1)
