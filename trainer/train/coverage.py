"""The fraction of the network's image that each rig of a training covers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from monodepth_ros.core.camera import Intrinsics
from trainer.datasets.sources import PairSequence

# Limit for the fraction of the canonical image that a rig's images cover; outside them the network
# sees mirrored colours, whose disparity means nothing: docs/design.md#trainertrain.
MIN_COVERED = 0.5


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


def coverage_fault(sequences: Iterable[PairSequence], canonical: Intrinsics) -> str:
    """Name the sequence that covers least, if that is less than MIN_COVERED; empty otherwise."""
    fractions = [(covered_fraction(s.calibration.intrinsics, canonical), s) for s in sequences]
    covered, sequence = min(fractions, key=lambda found: found[0])
    if covered >= MIN_COVERED:
        return ''
    return (
        f'{sequence.path}: its images cover {covered:.0%} of the canonical camera, expected at '
        f'least {MIN_COVERED:.0%}, because its view is narrower or beside it'
    )
