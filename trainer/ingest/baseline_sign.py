"""A right camera with the wrong sign of P[3]: a slip of the calibration, or swapped cameras?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monodepth_ros.core.bit_depth import at_one_depth, BitDepth
from monodepth_ros.core.camera import check_baseline, stereo_baseline_m
from monodepth_ros.core.rectifier import Rectifier
from monodepth_ros.storage.bag import BagError
from trainer.datasets.stereo_matching import checked_disparity_px
from trainer.ingest.recording import RawPair, Rig

# The right way round, this many times as many pixels find their match: on real pairs over ten.
CLEARLY = 2.0
# Less is chance: on a bare or dark wall something always matches.
LEAST_SHARE = 0.1


class UndecidedError(ValueError):
    """This pair does not tell; another one may."""


def with_positive_baseline(pair: RawPair) -> Rig:
    """
    The pair's rig; its P[3] is turned where the images say that only its sign is wrong.

    Raises BagError where they say that left and right are swapped, UndecidedError where this pair
    cannot be read or does not tell, ValueError for a baseline that no rig has.
    """
    left, right = pair.rig
    baseline_m = stereo_baseline_m(left, right)
    if baseline_m > 0:
        return pair.rig
    check_baseline(abs(baseline_m))  # else it is not, or not only, the sign
    p3 = -right.p[0] * (left.offset_m - baseline_m)
    turned = Rig(left, replace(right, p=(*right.p[:3], p3, *right.p[4:])))
    try:
        images = at_one_depth(lambda depth: list(pair.read(depth)), BitDepth())
        views = Rectifier(*turned).warp(*images)
    except ValueError as error:
        raise UndecidedError(str(error)) from error
    as_given, swapped = _matched_share(*views), _matched_share(*reversed(views))
    got = (
        f'P[3] of the right camera is {right.p[3]:g}, expected -fx * baseline beside the '
        f'{left.p[3]:g} of the left one'
    )
    if as_given > max(CLEARLY * swapped, LEAST_SHARE):
        print(f'{got}: the images say that its sign is wrong; taken as {p3:g}')
        return turned
    if swapped > max(CLEARLY * as_given, LEAST_SHARE):
        raise BagError(
            f'{got}, and the images match the other way round: left and right are swapped; '
            'exchange --left and --right, or the cables'
        )
    raise UndecidedError(
        f'{got}, and the images do not tell whether its sign is wrong or left and right are '
        'swapped; calibrate the rig as a stereo pair'
    )


def _matched_share(left: np.ndarray, right: np.ndarray) -> float:
    """Share of the pixels that checked matching finds in the other view."""
    return float(np.isfinite(checked_disparity_px(left, right)).mean())
