"""The configuration of an evaluation: the only home of its names, defaults and units."""

from __future__ import annotations

from dataclasses import dataclass
import math
from pathlib import Path
from typing import Literal

from trainer.datasets.shares import check_shares
from trainer.datasets.velodyne_depth import VelodyneDepth

Truth = Literal['laser', 'improved', 'stereo']
Crop = Literal['auto', 'garg', 'none']


@dataclass(frozen=True)
class EvaluateConfig:
    """The ground truth, the pixels and the part of the data that an evaluation compares."""

    truth: Truth = 'laser'
    """Ground truth. `laser`: the depth or disparity in the data. `improved`: KITTI raw's annotated
    depth maps (Uhrig et al. 2017), found in ROOT or beside it. `stereo`: semi-global matching of
    the pairs with a left-right check, an estimate, for data without a lidar."""
    min_m: float = 1e-3
    """Nearest depth compared, in m; nearer ground truth is left out, predictions are clamped."""
    cap_m: float = 80.0
    """Farthest depth compared, in m; farther ground truth is left out, predictions are clamped."""
    crop: Crop = 'auto'
    """Part of the image to compare. `garg`: the part that KITTI's lidar covers. `none`: all.
    `auto`: `garg` for KITTI raw with its lidar, else `none`."""
    median_scaling: bool = False
    """Scale each prediction to the median of its ground truth. This hides a wrong scale; the
    results say so."""
    velodyne_depth: VelodyneDepth = 'optical'
    """KITTI raw: depth of a lidar point, along the optical axis, or the lidar's own x as in the
    papers' ground truth."""
    prior: Path | None = None
    """Pair folder of the training; adds the median depth of the training as a row to compare."""
    image: str | None = None
    """Bags: image topic of the camera, if there are several; null: the left one of a stereo
    pair."""
    info: str | None = None
    """Bags: camera_info topic of these images, if it is not the one beside them."""
    truth_topic: str | None = None
    """Bags: PointCloud2 or depth image topic of the ground truth, if there are several."""
    tolerance_ms: float = 20.0
    """Bags: largest difference of the stamps of an image and its ground truth, in ms."""
    first_share: float = 0.0
    """Start of the part to use, as a fraction 0..1 of a bag's duration or of the frames."""
    last_share: float = 1.0
    """End of the part to use, as a fraction 0..1 of a bag's duration or of the frames."""

    def __post_init__(self) -> None:
        check_shares(self.first_share, self.last_share)
        if not 0 < self.min_m < self.cap_m < math.inf:
            raise ValueError(
                f'min_m is {self.min_m:g} and cap_m {self.cap_m:g}, expected '
                '0 < min_m < cap_m < inf'
            )
        if not self.tolerance_ms >= 0:
            raise ValueError(f'tolerance_ms is {self.tolerance_ms:g}, expected 0 or more')
