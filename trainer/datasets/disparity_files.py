"""KITTI's files of disparity, and its measure of a wrong one (Menze and Geiger, CVPR 2015)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.storage.pair_folder import read_fixed_point, write_uint16

UNITS_PER_PX = 256
# A pixel is bad if its error is at least both, in px and as a fraction.
BAD_PX, BAD_FRACTION = 3.0, 0.05


def read_disparity_px(path: Path, camera: Intrinsics) -> np.ndarray:
    """
    Return the disparity of a png (uint16, px * 256, 0 where unknown).

    The result is (H, W) float32 px, NaN where unknown. Raises ValueError as read_uint16.
    """
    return read_fixed_point(path, camera, steps=UNITS_PER_PX)


def write_disparity_px(path: Path, disparity_px: np.ndarray) -> None:
    """Write (H, W) float32 px, NaN where unknown; 256 px and more do not fit and are left out."""
    units = np.rint(np.nan_to_num(disparity_px) * UNITS_PER_PX)
    units[units > np.iinfo(np.uint16).max] = 0
    write_uint16(path, units.astype(np.uint16))


def is_bad(disparity_px: np.ndarray, true_px: np.ndarray) -> np.ndarray:
    """Return where disparities are wrong by at least 3 px and 5 %, bool of equal shapes."""
    error_px = np.abs(disparity_px - true_px)
    return np.asarray((error_px >= BAD_PX) & (error_px / true_px >= BAD_FRACTION))
