"""Rectification of a raw stereo pair to two views of one pinhole camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.camera import (
    Camera,
    check_baseline,
    stereo_baseline_m,
    StereoCalibration,
)
from monodepth_ros.core.canonical import ImageWarp


class Rectifier:
    """
    Rectifies both views into one pinhole camera: the left one's P, cropped to where both see.

    calibration: calibration of the result.
    views: the maps of the left and the right camera.
    Raises ValueError for an implausible baseline (check_baseline), or without a common pixel.
    """

    def __init__(self, left: Camera, right: Camera) -> None:
        baseline_m = stereo_baseline_m(left, right)
        check_baseline(baseline_m)  # before the maps, which take longer to compute
        full = left.rectified
        views = [ImageWarp(view, full) for view in (left, right)]
        top, bottom, first, last = largest_valid_window(views[0].valid & views[1].valid)
        window = {'left': first, 'top': top, 'width': last - first, 'height': bottom - top}
        self.calibration = StereoCalibration(full.cropped(**window), baseline_m)
        self.views = views[0].cropped(**window), views[1].cropped(**window)

    def warp(
        self, left: NDArray[np.uint8], right: NDArray[np.uint8]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Rectify both images. Raises ValueError for an image that is not of its camera's size."""
        return self.views[0].warp(left), self.views[1].warp(right)


def largest_valid_window(valid: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """
    Return a window (top, bottom, first column, end column) that is True throughout.

    The search is greedy: while one pixel is False, the side with most False pixels loses a line.
    """
    top, bottom, first, last = 0, valid.shape[0], 0, valid.shape[1]
    while top < bottom and first < last:
        window = valid[top:bottom, first:last]
        sides = [window[0], window[-1], window[:, 0], window[:, -1]]
        worst = int(np.argmin([side.mean() for side in sides]))
        if sides[worst].all() and window.all():
            return top, bottom, first, last
        top, bottom = top + (worst == 0), bottom - (worst == 1)
        first, last = first + (worst == 2), last - (worst == 3)
    raise ValueError('no pixel is seen by both rectified cameras; is the calibration right?')
