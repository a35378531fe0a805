"""Two raw cameras to one rectified rig."""

from __future__ import annotations

import numpy as np
import pytest

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.rectifier import largest_valid_window, Rectifier


def test_the_window_by_hand():
    valid = np.ones((6, 8), bool)
    valid[0] = False  # a black row above
    valid[:, 7] = False  # a black column at the right
    valid[5, 0] = False  # and a corner, of 5 x 7: a column costs less than a row
    top, bottom, first, last = largest_valid_window(valid)
    assert (top, bottom, first, last) == (1, 6, 1, 7)
    with pytest.raises(ValueError, match='no pixel'):
        largest_valid_window(np.zeros((3, 3), bool))


def _camera(shift=0.0, cx=31.5):
    k = (60.0, 0, cx, 0, 60.0, 23.5, 0, 0, 1.0)
    p = (60.0, 0, 31.5, shift, 0, 60.0, 23.5, 0, 0, 0, 1.0, 0)
    return Camera(64, 48, k, p=p)


def test_what_only_one_camera_sees_is_cut_off_and_the_principal_point_moves():
    # The right raw image is 10 px further right: its first 10 rectified columns are unseen.
    rectifier = Rectifier(_camera(), _camera(shift=-15.0, cx=21.5))
    assert rectifier.calibration.baseline_m == 0.25
    assert rectifier.calibration.intrinsics == Intrinsics(60, 60, 21.5, 23.5, 54, 48)
    ramp = np.tile(np.arange(64, dtype=np.uint8), (48, 1))
    assert rectifier.views[0].warp(ramp)[0, 0] == 10
    assert rectifier.views[1].warp(ramp)[0, 0] == 0


def test_the_left_camera_need_not_be_the_origin():
    # KITTI's colour pair in small: (6 - -24) / 60.
    assert Rectifier(_camera(shift=6.0), _camera(shift=-24.0)).calibration.baseline_m == 0.5


def test_a_baseline_that_no_rig_has_is_refused():
    with pytest.raises(ValueError, match=r'baseline of -0\.25 m.*swapped'):
        Rectifier(_camera(), _camera(shift=15.0))
    with pytest.raises(ValueError, match=r'baseline of 0 m.*both cameras have the same P\[3\]'):
        Rectifier(_camera(shift=-15.0), _camera(shift=-15.0))


def test_a_hole_inside_is_cut_off_too():
    valid = np.ones((6, 8), bool)
    valid[4, 3] = False
    # No side has a False, so rows go from above until one has, the hole's.
    top, bottom, first, last = largest_valid_window(valid)
    assert valid[top:bottom, first:last].all()
    assert last > first


def _off_axis(cx, cy, shift=0.0):
    """Its raw principal point is elsewhere than its rectified one, (31.5, 23.5)."""
    p = (60.0, 0, 31.5, shift, 0, 60.0, 23.5, 0, 0, 0, 1.0, 0)
    return Camera(64, 48, (60.0, 0, cx, 0, 60.0, cy, 0, 0, 1.0), p=p)


def test_each_camera_cuts_off_what_it_does_not_see_and_has_its_own_map():
    # Left: 5 columns and 4 rows are missing at the top left; right: 6 rows at the bottom.
    rectifier = Rectifier(_off_axis(26.5, 19.5), _off_axis(31.5, 29.5, shift=-15.0))
    assert rectifier.calibration.intrinsics == Intrinsics(60, 60, 26.5, 19.5, 59, 38)
    columns, rows = np.meshgrid(np.arange(64, dtype=np.uint8), np.arange(48, dtype=np.uint8))
    for image, left_first, right_first in ((columns, 0, 5), (rows, 0, 10)):
        left, right = rectifier.warp(image, image)
        assert left.shape == right.shape == (38, 59)
        assert (left[0, 0], right[0, 0]) == (left_first, right_first)
