"""The data of an evaluation: images and their ground truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from monodepth_ros.core.camera import Camera, StereoCalibration
from trainer.datasets.depth_map import DepthMap

Benchmark = Literal['kitti raw', 'kitti stereo 2015']


class DisparityGroundTruth(NamedTuple):
    """
    The two rigs of a benchmark that measures disparity and computes depth with a nominal rig.

    A prediction is converted to disparity by the rig, and back to depth by the nominal rig, as in
    the papers.

    rig: the rig that took the images.
    nominal: the rig that defines the metres, with the same intrinsics.
    """

    rig: StereoCalibration
    nominal: StereoCalibration


class GroundTruthFrame(NamedTuple):
    """
    An image and its ground truth.

    name: name of the image.
    rgb: (H, W, 3) uint8 of `camera`, raw or rectified.
    camera: the camera of the image.
    ground_truth: depth in a rectified camera, which may be another one.
    disparity: the rigs of a ground truth that was measured as disparity.
    """

    name: str
    rgb: np.ndarray
    camera: Camera
    ground_truth: DepthMap
    disparity: DisparityGroundTruth | None = None


@dataclass(frozen=True)
class GroundTruthFrames:
    """
    The frames of a data set.

    label: name of the ground truth.
    looked_for: place of the ground truth, for the message if there is none.
    max_frames: approximate number of frames, for the progress bar.
    frames: the frames; None for a frame without a ground truth.
    benchmark: the benchmark that the data is, if any.
    """

    label: str
    looked_for: str
    max_frames: int
    frames: Iterable[GroundTruthFrame | None]
    benchmark: Benchmark | None = None
