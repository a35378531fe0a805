"""Correction of a right camera with the wrong sign of P[3], unless the cameras are swapped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monodepth_ros.core.bit_depth import at_one_depth, BitDepth
from monodepth_ros.core.camera import check_baseline, stereo_baseline_m
from monodepth_ros.core.rectifier import Rectifier
from monodepth_ros.storage.bag import BagError
from trainer.datasets.stereo_matching import checked_disparity_px
from trainer.ingest.recording import RawPair, Rig

# In the correct order at least this many times as many pixels match; over 10 on real pairs.
CLEARLY = 2.0
# A smaller fraction of matched pixels proves nothing: on a bare or dark wall some match by chance.
MIN_FRACTION = 0.1


class UndecidedError(ValueError):
    """Raised for a pair that does not show whether the cameras are swapped; another pair may."""


def with_positive_baseline(pair: RawPair) -> Rig:
    """
    Return the rig of a pair, with the sign of P[3] corrected if the images show that it is wrong.

    Raises BagError if the images show that left and right are swapped, UndecidedError if this
    pair cannot be read or shows neither, ValueError for an impossible baseline.
    """
    left, right = pair.rig
    baseline_m = stereo_baseline_m(left, right)
    if baseline_m > 0:
        return pair.rig
    check_baseline(abs(baseline_m))  # a wrong size is another fault than a wrong sign
    p3 = -right.p[0] * (left.offset_m - baseline_m)
    turned = Rig(left, replace(right, p=(*right.p[:3], p3, *right.p[4:])))
    try:
        images = at_one_depth(lambda depth: list(pair.read(depth)), BitDepth())
        views = Rectifier(*turned).warp(*images)
    except ValueError as error:
        raise UndecidedError(str(error)) from error
    as_given, swapped = _matched_fraction(*views), _matched_fraction(*reversed(views))
    got = (
        f'P[3] of the right camera is {right.p[3]:g}, expected -fx * baseline beside the '
        f'{left.p[3]:g} of the left one'
    )
    if as_given > max(CLEARLY * swapped, MIN_FRACTION):
        print(f'{got}: the images show that its sign is wrong; using {p3:g}')
        return turned
    if swapped > max(CLEARLY * as_given, MIN_FRACTION):
        raise BagError(
            f'{got}, and the images match only when exchanged: left and right are swapped; '
            'exchange --left and --right, or the cables'
        )
    raise UndecidedError(
        f'{got}, and the images do not show whether its sign is wrong or left and right are '
        'swapped; calibrate the rig as a stereo pair'
    )


def _matched_fraction(left: np.ndarray, right: np.ndarray) -> float:
    """Return the fraction of pixels that matching with a left-right check finds."""
    return float(np.isfinite(checked_disparity_px(left, right)).mean())
