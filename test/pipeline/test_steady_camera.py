"""Which calibration holds: steps of less than a tenth of a pixel change nothing, drifts do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.pipeline import steady_camera
from monodepth_ros.pipeline.steady_camera import SteadyCamera, WINDOW_S

CAMERA = Camera.pinhole(Intrinsics(fx=100, fy=100, cx=50, cy=25, width=101, height=51))


def _moved(px):
    """Return the camera whose principal point is so far to the right of CAMERA's."""
    return replace(CAMERA, k=(100.0, 0.0, 50.0 + px, *CAMERA.k[3:]))


@pytest.fixture
def now_s(monkeypatch):
    made = [100.0]
    monkeypatch.setattr(steady_camera.time, 'monotonic', lambda: made[0])
    return made


def test_a_calibration_that_trembles_stays_as_it_was(now_s):
    steady = SteadyCamera()
    assert steady.camera is None
    for px in (0.0, 0.09, -0.09, 0.0, 0.05):
        assert steady.take(_moved(px)) == steady.camera == CAMERA
    assert steady.changes == 0


def test_a_slow_drift_is_followed_in_steps(now_s):
    steady = SteadyCamera()
    for step in range(26):
        moved = _moved(0.04 * step)
        in_use = steady.take(moved)
        assert abs(in_use.k[2] - moved.k[2]) < 0.1
    assert steady.changes == 8  # each is of 0.12 px


def test_two_that_take_turns_and_tremble_stay_two(now_s):
    steady, far = SteadyCamera(), _moved(30.0)
    used = []
    for px in (0.0, 0.03, -0.03, 0.02):
        used += [steady.take(_moved(px)), steady.take(_moved(30.0 + px))]
    assert used == [CAMERA, far] * 4
    assert len({id(camera) for camera in used}) == 2
    assert steady.changes == 7


def test_changes_are_those_of_the_last_seconds(now_s):
    steady = SteadyCamera()
    steady.take(CAMERA)
    steady.take(_moved(30.0))
    assert steady.changes == 1
    now_s[0] += 1.1 * WINDOW_S
    assert steady.changes == 0


def test_one_that_is_not_valid_is_a_change_and_the_one_before_is_taken_up_again(now_s):
    steady = SteadyCamera()
    steady.lose()
    assert steady.changes == 0
    first = steady.take(CAMERA)
    steady.lose()
    steady.lose()
    assert (steady.camera, steady.changes) == (None, 1)
    assert steady.take(_moved(0.05)) is first
    assert steady.changes == 2
