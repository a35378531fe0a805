"""What an evaluation compares with: images and their true depth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from monodepth_ros.core.camera import Camera, StereoCalibration
from trainer.datasets.depth_map import DepthMap

Benchmark = Literal['kitti raw', 'kitti stereo 2015']


class DisparityTruth(NamedTuple):
    """
    How a benchmark of measured disparities makes depth of them: with its nominal rig.

    rig: took the pictures. nominal: of the same intrinsics, gives metres. A prediction goes
    through the rig to disparity and through the nominal rig back to depth, as in the papers.
    """

    rig: StereoCalibration
    nominal: StereoCalibration


class TruthFrame(NamedTuple):
    """rgb (H, W, 3) uint8 of `camera`, raw or rectified, and its truth in a rectified camera."""

    name: str
    rgb: np.ndarray
    camera: Camera
    truth: DepthMap
    disparity: DisparityTruth | None = None


@dataclass(frozen=True)
class TruthFrames:
    """
    The frames of a data set that have a truth.

    label: what the truth is. looked_for: where, for the message when there is none. most: about
    how many, for the progress bar. frames: None stands for one without a ground truth.
    """

    label: str
    looked_for: str
    most: int
    frames: Iterable[TruthFrame | None]
    benchmark: Benchmark | None = None
