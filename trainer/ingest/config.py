"""The configuration of ingest: the only home of its names, defaults and units."""

from __future__ import annotations

from dataclasses import asdict, dataclass
import math
from pathlib import Path
from typing import Any

from trainer.datasets.shares import check_shares


@dataclass(frozen=True)
class IngestConfig:
    """The topics and the part of a recording to use, and the limits of usable frames."""

    left: str | None = None
    """Image topic of the left camera; needed if the recording holds several stereo pairs."""
    right: str | None = None
    """Image topic of the right camera; needed if the recording holds several stereo pairs."""
    left_info: str | None = None
    """camera_info topic of `left`, if it is not the one beside the image topic."""
    right_info: str | None = None
    """camera_info topic of `right`, if it is not the one beside the image topic."""
    truth_topic: str | None = None
    """PointCloud2 or depth image topic for gt_depth/, if the recording holds several."""
    calibration: tuple[Path, Path] | None = None
    """camera_info YAML files of the left and the right camera, instead of camera_info topics;
    a folder of frames needs them."""
    tolerance_ms: float = 5.0
    """Largest difference of the stamps of left, right and ground truth, in ms."""
    first_share: float = 0.0
    """Start of the part to use, as a fraction 0..1 of the recording's duration."""
    last_share: float = 1.0
    """End of the part to use, as a fraction 0..1 of the recording's duration."""
    min_motion: float = 0.1
    """Smallest motion since the last pair kept, in percent of the image width."""
    min_brightness: float = 15.0
    """Smallest mean grey level, 0..255, of each view."""
    max_blown_out: float = 0.6
    """Largest fraction 0..1 of white pixels in each view."""
    min_sharpness: float = 0.4
    """Smallest sharpness of each view, as a fraction of the median of the latest pairs."""
    hints: bool = False
    """Also match the pairs kept, for `train --hints sgbm`, which does it at its first use."""

    def __post_init__(self) -> None:
        check_shares(self.first_share, self.last_share)
        for view in ('left', 'right'):
            named = getattr(self, view) is not None and self.calibration is None
            if getattr(self, f'{view}_info') is not None and not named:
                raise ValueError(
                    f'{view}_info is {getattr(self, f"{view}_info")}, expected it with the image '
                    f'topic that it describes, --{view}, and without --calibration'
                )
        for name in ('tolerance_ms', 'min_motion', 'min_brightness', 'min_sharpness'):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f'{name} is {getattr(self, name)}, expected 0 or more')
        if not 0 < self.max_blown_out <= 1:
            raise ValueError(f'max_blown_out is {self.max_blown_out}, expected above 0, at most 1')

    def plain(self) -> dict[str, Any]:
        """Return the fields as numbers, texts and lists, for JSON."""
        files = self.calibration and [str(path) for path in self.calibration]
        return asdict(self) | {'calibration': files}
