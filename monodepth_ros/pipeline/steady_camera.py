"""Which calibration holds where those that come differ, and how often it changes; no ROS."""

from __future__ import annotations

from collections import deque
import time

from monodepth_ros.core.camera import Camera
from monodepth_ros.core.camera_shift import shift_px

# What makes less of a difference is no other camera; maps hold 1/32 px.
LEAST_SHIFT_PX = 0.1
# So that two which take turns cost no more than one.
KEPT_CAMERAS = 2
WINDOW_S = 10.0


class SteadyCamera:
    """
    Hold the calibration of one camera until another one is LEAST_SHIFT_PX from it.

    That is measured from the one in use, not from the last that came, so that a slow drift is
    followed in steps. One that was in use just before is taken up again as it was.
    camera: the one in use; None before the first, and where the last one is not valid.
    """

    def __init__(self) -> None:
        self.camera: Camera | None = None
        # In the order of their last use.
        self._recent: deque[Camera] = deque(maxlen=KEPT_CAMERAS)
        self._changes_s: deque[float] = deque()

    def take(self, camera: Camera) -> Camera:
        """Follow a calibration that came; returns the one that holds."""
        is_first, known = not self._recent, self._known(camera)
        if known is not self.camera and not is_first:
            self._count_change()
        self.camera = known
        return known

    def lose(self) -> None:
        """Use none, because the last that came is not valid."""
        if self.camera is not None:
            self._count_change()
        self.camera = None

    @property
    def changes(self) -> int:
        """Tell how often another one came into use, or none was valid, in the last WINDOW_S."""
        self._forget_old()
        return len(self._changes_s)

    def _known(self, camera: Camera) -> Camera:
        """Return the recent one that this one is, or else itself."""
        for recent in reversed(self._recent):
            if recent == camera or shift_px(recent, camera) < LEAST_SHIFT_PX:
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
