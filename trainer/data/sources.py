"""Where stereo pairs come from: pair folders, and the trees that public data sets come as."""

from __future__ import annotations

from collections.abc import Iterable
import hashlib
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

    def paths(self, name: str) -> tuple[Path, Path]:
        """The left and the right image file."""

    def read_gt_depth(self, name: str) -> np.ndarray | None:
        """Depth of the left view, (H, W) float32 metres, NaN where unknown; None without any."""


def open_sequences(source: str) -> list[PairSequence]:
    """
    The sequences that a path names. Raises ValueError or FileNotFoundError for anything else.

    source: a pair folder.
    """
    return [PairFolder(source)]


def fingerprint(sequences: Iterable[PairSequence]) -> str:
    """A hash of calibrations, names and file sizes: it changes when frames come or go."""
    digest = hashlib.sha256()
    for sequence in sequences:
        digest.update(repr(sequence.calibration).encode())
        for name in sequence.names:
            sizes = [path.stat().st_size for path in sequence.paths(name)]
            digest.update(repr((name, sizes)).encode())
    return digest.hexdigest()
