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
    """Which truth to compare with, over which pixels, of which part of the data."""

    truth: Truth = 'laser'
    """`laser`: the data's own depth or disparity. `improved`: of KITTI raw, its annotated depth
    maps (Uhrig et al. 2017), looked for in ROOT and beside it. `stereo`: left-right-checked
    semi-global matching of the pairs, an estimate, for teams without a laser."""
    min_m: float = 1e-3
    """Truth nearer than this is left out, predictions are raised to it, in m."""
    cap_m: float = 80.0
    """Truth farther than this is left out, predictions are lowered to it, in m."""
    crop: Crop = 'auto'
    """`garg`: the part of the image that KITTI's laser meets. `auto`: that for KITTI raw with its
    laser, none for all else."""
    median_scaling: bool = False
    """Give every prediction the median of its truth. It hides a wrong scale; outputs say so."""
    velodyne_depth: VelodyneDepth = 'optical'
    """KITTI raw: what depth of a laser point is, along the optical axis, or the laser's own x as
    in the papers' ground truth."""
    prior: Path | None = None
    """Pair folder of the training; adds the best guess that never looks at the image."""
    image: str | None = None
    """Bags: the camera's image topic, where there are several; of one stereo pair the left one."""
    info: str | None = None
    """Bags: the camera_info topic of these images, where it is not the one beside them."""
    truth_topic: str | None = None
    """Bags: the PointCloud2 or depth image topic, where there are several."""
    tolerance_ms: float = 20.0
    """Bags: how far the stamps of an image and of its truth may be apart, in ms."""
    first_share: float = 0.0
    """Where to begin, as a share 0..1 of a bag's duration or of the frames."""
    last_share: float = 1.0
    """Where to end, as a share 0..1 of a bag's duration or of the frames."""

    def __post_init__(self) -> None:
        check_shares(self.first_share, self.last_share)
        if not 0 < self.min_m < self.cap_m < math.inf:
            raise ValueError(
                f'min_m is {self.min_m:g} and cap_m {self.cap_m:g}, expected '
                '0 < min_m < cap_m < inf'
            )
        if not self.tolerance_ms >= 0:
            raise ValueError(f'tolerance_ms is {self.tolerance_ms:g}, expected 0 or more')
