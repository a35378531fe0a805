"""Semi-global matching with a left-right check: a ground truth for data without a lidar."""

from __future__ import annotations

import cv2
import numpy as np

from monodepth_ros.core.camera import StereoCalibration
from monodepth_ros.core.disparity import depth_from_disparity

BLOCK_SIZE = 3
FRACTION_STEPS = 16  # StereoSGBM returns disparities in 1/16 px
CONSISTENT_PX = 1.0


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
    left_view, right_view = (
        image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        for image in (left_rgb, right_rgb)
    )
    left = _match(left_view, right_view, max_disparity_px)
    # The right view's disparity is that of the mirrored pair with its views exchanged.
    right = _match(right_view[:, ::-1], left_view[:, ::-1], max_disparity_px)[:, ::-1]
    height, width = left.shape
    u = np.arange(width, dtype=np.float32) - np.nan_to_num(left)
    match = np.clip(np.rint(u), 0, width - 1).astype(int)
    seen_from_right = right[np.arange(height)[:, None], match]
    consistent = (np.abs(left - seen_from_right) <= CONSISTENT_PX) & (u >= 0)
    return np.where(consistent, left, np.float32(np.nan))


def _match(left: np.ndarray, right: np.ndarray, max_disparity_px: int) -> np.ndarray:
    matcher = cv2.StereoSGBM.create(
        minDisparity=0,
        numDisparities=max_disparity_px,
        blockSize=BLOCK_SIZE,
        P1=36,
        P2=288,
        preFilterCap=63,
        uniquenessRatio=10,
        speckleWindowSize=100,
        speckleRange=16,
    )
    # The matcher skips the first max_disparity_px columns, so pad the views by as many.
    padded = [np.pad(view, ((0, 0), (max_disparity_px, 0))) for view in (left, right)]
    disparity = matcher.compute(*padded)[:, max_disparity_px:].astype(np.float32) / FRACTION_STEPS
    return np.where(disparity > 0, disparity, np.float32(np.nan))
