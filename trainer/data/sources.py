"""Where stereo pairs come from: pair folders, and the trees that public data sets come as."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from monodepth_ros.pair_folder import PairFolder, StereoCalibration


class PairSequence(Protocol):
    """
    Rectified pairs of one rig in the order of time; a PairFolder is one.

    path: what messages call it. names: of its pairs, in the order of time.
    """

    path: Path
    calibration: StereoCalibration
    names: list[str]

    def read_pair(self, name: str, *, shrink: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Left and right image, (H, W, 3) uint8 RGB; shrink: see decode_compressed."""

    def read_gt_depth(self, name: str) -> np.ndarray | None:
        """Depth of the left view, (H, W) float32 metres, NaN where unknown; None without any."""


def open_sequences(source: str) -> list[PairSequence]:
    """
    The sequences that a path names. Raises ValueError or FileNotFoundError for anything else.

    source: a pair folder.
    """
    return [PairFolder(source)]
