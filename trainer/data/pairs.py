"""Pair folders as training samples in the canonical camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import torch
from torch import Tensor
from torch.utils.data import Dataset

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.canonical import ToCanonical
from monodepth_ros.pair_folder import PairFolder


class StereoSample(NamedTuple):
    """left, right: (3, H, W) uint8 RGB; baseline_ratio: (), the rig's baseline over B_c."""

    left: Tensor
    right: Tensor
    baseline_ratio: Tensor


class PairDataset(Dataset[StereoSample]):
    """Every pair of the folders, resampled to the canonical camera (METHOD section 9)."""

    def __init__(
        self, folders: Sequence[PairFolder], *, canonical: Intrinsics, baseline_m: float
    ) -> None:
        self._folders = folders
        self._maps = [
            ToCanonical(Camera.pinhole(folder.calibration.intrinsics), canonical)
            for folder in folders
        ]
        self._ratios = [folder.calibration.baseline_m / baseline_m for folder in folders]
        self._index = [(at, name) for at, folder in enumerate(folders) for name in folder.names]

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, item: int) -> StereoSample:
        at, name = self._index[item]
        views = self._folders[at].read_pair(name)
        # Copied channels first: collating strided views would cost more than this.
        left, right = (
            torch.from_numpy(self._maps[at].warp(view)).permute(2, 0, 1).contiguous()
            for view in views
        )
        return StereoSample(left, right, torch.tensor(self._ratios[at], dtype=torch.float32))


def one_thread_a_worker(_: int) -> None:
    """Initialise a DataLoader worker: workers are the parallelism, OpenCV must not add its own."""
    cv2.setNumThreads(1)
