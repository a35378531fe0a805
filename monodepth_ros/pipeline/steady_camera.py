"""A calibration kept steady among slightly different ones, and how often it changes; no ROS."""

from __future__ import annotations

from collections import deque
import time

from monodepth_ros.core.camera import Camera
from monodepth_ros.core.camera_shift import shift_px

# A smaller shift is not another camera; maps have a resolution of 1/32 px.
MIN_SHIFT_PX = 0.1
# Two calibrations that take turns are both kept, so that they cost no more than one.
KEPT_CAMERAS = 2
WINDOW_S = 10.0


class SteadyCamera:
    """
    The calibration of one camera, replaced only by one that is MIN_SHIFT_PX from it.

    The shift is measured from the calibration in use, not from the latest one, so that a slow
    drift is followed in steps. A recently used calibration is used again unchanged.

    camera: the calibration in use; None before the first, and after an invalid one.
    """

    def __init__(self) -> None:
        self.camera: Camera | None = None
        # Cameras in the order of their last use.
        self._recent: deque[Camera] = deque(maxlen=KEPT_CAMERAS)
        self._changes_s: deque[float] = deque()

    def take(self, camera: Camera) -> Camera:
        """Update with a received calibration; return the one in use."""
        is_first, known = not self._recent, self._known(camera)
        if known is not self.camera and not is_first:
            self._count_change()
        self.camera = known
        return known

    def lose(self) -> None:
        """Use no calibration, because the latest one is not valid."""
        if self.camera is not None:
            self._count_change()
        self.camera = None

    @property
    def changes(self) -> int:
        """Return how often the calibration in use changed in the last WINDOW_S."""
        self._forget_old()
        return len(self._changes_s)

    def _known(self, camera: Camera) -> Camera:
        """Return the recent calibration within MIN_SHIFT_PX of this one, else this one."""
        for recent in reversed(self._recent):
            if recent == camera or shift_px(recent, camera) < MIN_SHIFT_PX:
                self._recent.remove(recent)
                camera = recent
                break
        self._recent.append(camera)
        return camera

    def _count_change(self) -> None:
        self._changes_s.append(time.monotonic())
        self._forget_old()

    def _forget_old(self) -> None:
        while self._changes_s and self._changes_s[0] < time.monotonic() - WINDOW_S:
            self._changes_s.popleft()
