"""Semi-global matching with a left-right check: a ground truth for data without a lidar."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from monodepth_ros.core.camera import StereoCalibration
from monodepth_ros.core.disparity import depth_from_disparity

FRACTION_STEPS = 16  # StereoSGBM returns disparities in 1/16 px
CONSISTENT_PX = 1.0


class Matcher(NamedTuple):
    """
    The settings of StereoSGBM.

    block_size: side of the window that is compared, odd, in px.
    step_penalty, jump_penalty: costs of a change of disparity by 1 px and by more.
    uniqueness: percent by which the best cost must beat the next one.
    """

    block_size: int
    step_penalty: int
    jump_penalty: int
    uniqueness: int


GROUND_TRUTH = Matcher(block_size=3, step_penalty=36, jump_penalty=288, uniqueness=10)


def checked_depth_m(
    left_rgb: np.ndarray, right_rgb: np.ndarray, calibration: StereoCalibration
) -> np.ndarray:
    """Return the depth of checked_disparity_px, (H, W) float32 metres, NaN where unknown."""
    return depth_from_disparity(
        checked_disparity_px(left_rgb, right_rgb),
        focal_px=calibration.intrinsics.fx,
        baseline_m=calibration.baseline_m,
    )


def checked_disparity_px(
    left_rgb: np.ndarray, right_rgb: np.ndarray, *, max_disparity_px: int = 128
) -> np.ndarray:
    """
    Return the disparity of the left view where that of the right view agrees to CONSISTENT_PX.

    left_rgb, right_rgb: (H, W, 3) or grey (H, W) uint8, rectified.
    max_disparity_px: largest disparity to search, a multiple of 16.
    Returns (H, W) float32 px, NaN elsewhere.
    """
    views = grey(left_rgb), grey(right_rgb)
    return checked_views_px(*views, GROUND_TRUTH, max_disparity_px=max_disparity_px)[0]


def checked_views_px(
    left: np.ndarray, right: np.ndarray, matcher: Matcher, *, max_disparity_px: int
) -> tuple[np.ndarray, np.ndarray]:
    """
    Return the disparities of both views where each agrees with the other to CONSISTENT_PX.

    left, right: grey (H, W) uint8, rectified.
    matcher: settings.
    max_disparity_px: see checked_disparity_px.
    Returns (H, W) float32 px twice, NaN elsewhere.
    """
    of_left = _match(left, right, matcher, max_disparity_px)
    # Mirrored, the right view is a left one: its disparity has the same sign.
    of_right = _match(right[:, ::-1], left[:, ::-1], matcher, max_disparity_px)
    return (
        _where_consistent(of_left, of_right[:, ::-1]),
        _where_consistent(of_right, of_left[:, ::-1])[:, ::-1],
    )


def grey(image: np.ndarray) -> np.ndarray:
    """Return an (H, W, 3) RGB or (H, W) grey image as grey."""
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _where_consistent(disparity_px: np.ndarray, of_other_px: np.ndarray) -> np.ndarray:
    """Return a left view's disparity where the right view's at its match agrees, NaN elsewhere."""
    height, width = disparity_px.shape
    u = np.arange(width, dtype=np.float32) - np.nan_to_num(disparity_px)
    match = np.clip(np.rint(u), 0, width - 1).astype(int)
    at_match = of_other_px[np.arange(height)[:, None], match]
    consistent = (np.abs(disparity_px - at_match) <= CONSISTENT_PX) & (u >= 0)
    return np.where(consistent, disparity_px, np.float32(np.nan))


def _match(
    left: np.ndarray, right: np.ndarray, matcher: Matcher, max_disparity_px: int
) -> np.ndarray:
    sgbm = cv2.StereoSGBM.create(
        minDisparity=0,
        numDisparities=max_disparity_px,
        blockSize=matcher.block_size,
        P1=matcher.step_penalty,
        P2=matcher.jump_penalty,
        preFilterCap=63,
        uniquenessRatio=matcher.uniqueness,
        speckleWindowSize=100,
        speckleRange=16,
    )
    # The matcher skips the first max_disparity_px columns, so pad the views by as many.
    padded = [np.pad(view, ((0, 0), (max_disparity_px, 0))) for view in (left, right)]
    disparity = sgbm.compute(*padded)[:, max_disparity_px:].astype(np.float32) / FRACTION_STEPS
    return np.where(disparity > 0, disparity, np.float32(np.nan))
