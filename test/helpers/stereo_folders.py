"""Small pair folders of known disparity, written by the tests."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from monodepth_ros.core.camera import Intrinsics, StereoCalibration
from monodepth_ros.storage.pair_folder import PairFolderWriter

SIZE = {'width': 64, 'height': 32}
SHIFT_PX = 4
RIG = Intrinsics(fx=60, fy=60, cx=31.5, cy=15.5, **SIZE)
BASELINE_M = 0.5


def write_pairs(
    path: Path,
    count: int = 4,
    *,
    seed: int = 0,
    rig: Intrinsics = RIG,
    baseline_m: float = BASELINE_M,
) -> Path:
    """Smooth random textures at a disparity of SHIFT_PX everywhere, named 0, 1, ..."""
    rng = np.random.default_rng(seed)
    writer = PairFolderWriter(path, StereoCalibration(rig, baseline_m))
    for number in range(count):
        coarse = rng.integers(0, 256, (8, 17, 3), np.uint8)
        wide = cv2.resize(coarse, (64 + SHIFT_PX, 32), interpolation=cv2.INTER_LINEAR)
        left, right = wide[:, :64], wide[:, SHIFT_PX : 64 + SHIFT_PX]
        writer.add(f'{number}', left_rgb=left, right_rgb=right, stamp_ns=number)
    return path
