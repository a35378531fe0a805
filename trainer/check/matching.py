"""Feature matches without the constraints of stereo: in any direction, at any distance."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

# The strongest features; twice as many take twice the time and change no measure.
MAX_FEATURES = 1500
# Half of SIFT's default, to find features on tarmac and walls too.
CONTRAST = 0.02
# The distance of the best match must be below this times that of the second best (Lowe 2004: 0.8).
RATIO = 0.75


class Features(NamedTuple):
    """Features: at_px (N, 2) float32 u, v in px; descriptors (N, 128) float32 of length 1."""

    at_px: np.ndarray
    descriptors: np.ndarray


class ViewMatches(NamedTuple):
    """
    Points found in both views, (N, 2) float32 px: u, v in each view.

    motion_px: motion of the point in the left view until the next frame; NaN if it is not found
        there.
    """

    left_px: np.ndarray
    right_px: np.ndarray
    motion_px: np.ndarray

    @property
    def disparity_px(self) -> np.ndarray:
        """Return u_left - u_right, (N,), of any sign."""
        return np.asarray(self.left_px[:, 0] - self.right_px[:, 0])

    @property
    def vertical_px(self) -> np.ndarray:
        """Return v_right - v_left, (N,): 0 in a rectified pair."""
        return np.asarray(self.right_px[:, 1] - self.left_px[:, 1])


def detect(grey: np.ndarray) -> Features:
    """Return the features of a (H, W) uint8 image, possibly none."""
    sift = cv2.SIFT.create(nfeatures=MAX_FEATURES, contrastThreshold=CONTRAST)
    points, descriptors = sift.detectAndCompute(grey, None)
    if descriptors is None:
        return Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    # The square root of the normalised histogram gives the Hellinger distance, which separates
    # matches better than the Euclidean one (Arandjelovic and Zisserman 2012).
    total = np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-9)
    at_px = np.array([point.pt for point in points], np.float32)
    return Features(at_px, np.sqrt(descriptors / total))


def match(first: Features, second: Features) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices (N,) into first and second of mutual best matches that pass RATIO."""
    if min(len(first.at_px), len(second.at_px)) < 2:
        return np.zeros(0, int), np.zeros(0, int)
    similarity = first.descriptors @ second.descriptors.T
    partner = similarity.argmax(axis=1)
    nearest, second_nearest = (
        2 - 2 * np.partition(similarity, at, axis=1)[:, at] for at in (-1, -2)
    )  # squared distances of unit vectors
    mutual = similarity.argmax(axis=0)[partner] == np.arange(len(partner))
    chosen = np.flatnonzero(mutual & (nearest < RATIO**2 * second_nearest))
    return chosen, partner[chosen]


def match_views(left: Features, right: Features, next_left: Features | None) -> ViewMatches:
    """Match both views, and the left one with its next frame if there is one."""
    in_left, in_right = match(left, right)
    motion_px = np.full_like(left.at_px, np.nan)
    if next_left is not None:
        now, then = match(left, next_left)
        motion_px[now] = next_left.at_px[then] - left.at_px[now]
    return ViewMatches(left.at_px[in_left], right.at_px[in_right], motion_px[in_left])
