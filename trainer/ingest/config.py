"""The configuration of ingest: the only home of its names, defaults and units."""

from __future__ import annotations

from dataclasses import asdict, dataclass
import math
from pathlib import Path
from typing import Any

from trainer.datasets.shares import check_shares


@dataclass(frozen=True)
class IngestConfig:
    """Which topics and which part of a recording to take, and which frames to leave out."""

    left: str | None = None
    """Image topic of the left camera, where the recording holds several pairs."""
    right: str | None = None
    """Image topic of the right camera."""
    left_info: str | None = None
    """camera_info topic of `left`, where it is not the one beside it."""
    right_info: str | None = None
    """camera_info topic of `right`."""
    truth_topic: str | None = None
    """PointCloud2 or depth image topic for gt_depth/, where the recording holds several."""
    calibration: tuple[Path, Path] | None = None
    """camera_info YAML files of the left and the right camera, instead of camera_info topics;
    a folder of frames needs them."""
    tolerance_ms: float = 5.0
    """How far the stamps of left, right and truth may be apart, in ms."""
    first_share: float = 0.0
    """Where to begin, as a share 0..1 of the recording's duration."""
    last_share: float = 1.0
    """Where to end, as a share 0..1 of the recording's duration."""
    min_motion: float = 0.1
    """A frame that moved less since the last one kept is left out, in percent of the width."""
    min_brightness: float = 15.0
    """A pair with an eye whose mean grey level, 0..255, is below is left out."""
    max_blown_out: float = 0.6
    """A pair with an eye of which more pixels are white is left out, as a share 0..1."""
    min_sharpness: float = 0.4
    """A pair with an eye that has less fine detail is left out, as a share of the median of the
    pairs around it."""

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
            raise ValueError(f'max_blown_out is {self.max_blown_out}, expected 0 < share <= 1')

    def plain(self) -> dict[str, Any]:
        """Numbers, texts and lists only, as JSON holds them."""
        files = self.calibration and [str(path) for path in self.calibration]
        return asdict(self) | {'calibration': files}
