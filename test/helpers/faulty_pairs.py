"""Pair sequences with a fault that a rig or its driver may have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from monodepth_ros.core.camera import StereoCalibration
from trainer.datasets.sources import PairSequence

Pair = tuple[np.ndarray, np.ndarray]


class FaultySequence:
    """Another sequence, seen through `spoil`; late_frames: how many its right view lags."""

    def __init__(
        self,
        good: PairSequence,
        *,
        spoil: Callable[[np.ndarray, np.ndarray], Pair] = lambda left, right: (left, right),
        late_frames: int = 0,
        baseline_factor: float = 1.0,
    ) -> None:
        self.path = good.path
        self.names = good.names
        self.images = good.images
        self.calibration: StereoCalibration = replace(
            good.calibration, baseline_m=good.calibration.baseline_m * baseline_factor
        )
        self._good = good
        self._spoil = spoil
        self._late_frames = late_frames

    def read_pair(self, name: str, *, shrink: int = 1) -> Pair:
        left, right = self._good.read_pair(name, shrink=shrink)
        if self._late_frames:
            at = np.clip(self.names.index(name) + self._late_frames, 0, len(self.names) - 1)
            _, right = self._good.read_pair(self.names[at], shrink=shrink)
        return self._spoil(left, right)

    def paths(self, name):
        return self._good.paths(name)

    def read_gt_depth(self, name: str) -> np.ndarray | None:
        return self._good.read_gt_depth(name)


def swap(left: np.ndarray, right: np.ndarray) -> Pair:
    return right, left


def lower_by_3_px(left: np.ndarray, right: np.ndarray) -> Pair:
    return left, np.roll(right, 3, axis=0)


def turn(left: np.ndarray, right: np.ndarray) -> Pair:
    """So that the left and the right edge are 5 px off: half a degree of a KITTI image."""
    height, width = right.shape[:2]
    angle_deg = np.degrees(5 / (width / 2))
    turned = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle_deg, 1)
    return left, cv2.warpAffine(right, turned, (width, height))


def distort(left: np.ndarray, right: np.ndarray) -> Pair:
    """A right lens that nobody undistorted."""
    height, width = right.shape[:2]
    k = np.array([[0.6 * width, 0, width / 2], [0, 0.6 * width, height / 2], [0, 0, 1]])
    return left, cv2.undistort(right, k, np.array([-0.15, 0.03, 0, 0]))


def darken(left: np.ndarray, right: np.ndarray) -> Pair:
    return left, right // 10


def blind(left: np.ndarray, right: np.ndarray) -> Pair:
    return left, np.zeros_like(right)


# What is done to good data, and the line of the table that must say so.
FAULTS = {
    'swapped': ({'spoil': swap}, 'order of the views'),
    '3 px lower': ({'spoil': lower_by_3_px}, 'vertical offset'),
    'turned': ({'spoil': turn}, 'its variation'),
    'distorted': ({'spoil': distort}, 'its variation'),
    'dark': ({'spoil': darken}, 'exposure'),
    'blind': ({'spoil': blind}, 'contrast'),
    '2 frames late': ({'late_frames': 2}, 'right frames late'),
    '2 frames early': ({'late_frames': -2}, 'right frames late'),
}
HALVED_BASELINE = {'baseline_factor': 0.5}
