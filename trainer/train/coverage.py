"""The fraction of the network's image that each rig of a training covers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from monodepth_ros.core.camera import Intrinsics
from trainer.datasets.sources import PairSequence

# Limits for the fraction of the canonical image that a rig's images cover: a rig below the first
# is refused, one below the second is named. Figures: docs/design.md#trainertrain.
MIN_COVERED, NEARLY_ALL = 0.25, 0.9


class Coverage(NamedTuple):
    """A sequence, and the fraction of the canonical image that its images cover."""

    sequence: PairSequence
    fraction: float

    def __str__(self) -> str:
        return (
            f'{self.sequence.path}: its images cover {self.fraction:.0%} of the canonical camera, '
            'because their view is narrower or beside it'
        )


def covered_fraction(rig: Intrinsics, canonical: Intrinsics) -> float:
    """Return the fraction of the canonical image, 0..1, that a rectified image covers."""
    # Outer edges of the first and the last pixel.
    edges = (np.array([-0.5, length - 0.5]) for length in (rig.width, rig.height))
    columns, rows = canonical.to_pixels(*rig.to_rays(*edges))
    seen_px = [
        np.ptp(np.clip(ends, -0.5, length - 0.5))
        for ends, length in ((columns, canonical.width), (rows, canonical.height))
    ]
    return float(np.prod(seen_px) / (canonical.width * canonical.height))


def least_coverage(sequences: Iterable[PairSequence], canonical: Intrinsics) -> Coverage:
    """Return the coverage of the sequence that covers least."""
    coverages = (
        Coverage(sequence, covered_fraction(sequence.calibration.intrinsics, canonical))
        for sequence in sequences
    )
    return min(coverages, key=lambda coverage: coverage.fraction)
