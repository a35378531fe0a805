"""
`python -m bench.hints`: how much stereo hints know, and how often they are wrong, by a lidar.

Each of the two matchings by itself, and the better of both per pixel, on every second scan of a
drive (docs/method.md#stereo-hints).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
import math
import os
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from bench.ablation import DATA
from bench.ablation_data import DRIVE
from bench.report import report, Target
from monodepth_ros.core.disparity import depth_from_disparity
from monodepth_ros.storage.pair_folder import GT_DEPTH, PairFolder
from trainer.datasets.hint_matching import matched_hints_px, MATCHERS, max_disparity_px
from trainer.datasets.stereo_matching import checked_views_px, grey, Matcher
from trainer.ingest.config import IngestConfig
from trainer.ingest.ingest import ingest

EDGES_M = (2.0, 4.0, 5.7, 8.0, 16.0, 32.0, 80.0)
EVERY = 2
OFF = 0.1
BOTH = 'both'
# Near objects are what hints are for: this bin, in which both must know more than either, and not
# be wrong much more often.
NEAR = 1
MIN_COVERAGE_RATIO, MAX_OFF_RATIO = 1.05, 1.5

Disparity = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Quality(NamedTuple):
    """The hints of one bin by distance: fraction that is known, and fraction of it that is off."""

    coverage: float
    off: float


def main() -> int:
    """Match, compare, print, write out/bench/hints.json; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data', type=Path, default=DATA, help=f'folder with {DRIVE}')
    drive = parser.parse_args().data.resolve() / DRIVE
    try:
        with TemporaryDirectory() as folder:
            ingest([drive], Path(folder) / 'pairs', IngestConfig())
            found = {
                name: qualities(PairFolder(Path(folder) / 'pairs'), of) for name, of in rows()
            }
    except (ValueError, OSError) as error:
        print(f'hints: {error}', file=sys.stderr)
        return 1
    return report(
        'hints',
        columns=('', *(f'{low:g} to {high:g} m' for low, high in pairwise(EDGES_M))),
        rows=[
            [name, *(f'{of.coverage:.0%}, {of.off:.0%}' for of in bins)]
            for name, bins in found.items()
        ],
        targets=targets(found),
        details={'hints, and of these off': found},
    )


def rows() -> Iterator[tuple[str, Disparity]]:
    """Yield the names of the matchings, and functions of two RGB views to the left disparity."""
    for matcher in MATCHERS:
        yield f'windows of {matcher.block_size} px', partial(_single, matcher)
    yield BOTH, lambda left, right: matched_hints_px(left, right)[0]


def _single(matcher: Matcher, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    limit_px = max_disparity_px(left.shape[1])
    return checked_views_px(grey(left), grey(right), matcher, max_disparity_px=limit_px)[0]


def qualities(pairs: PairFolder, disparity_of: Disparity) -> list[Quality]:
    """Compare disparities of the pairs that have a ground truth with it, by distance."""
    scans = sorted(path.stem for path in (pairs.path / GT_DEPTH).iterdir())[::EVERY]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compared = list(pool.map(lambda name: _compared(pairs, name, disparity_of), scans))
    depth_m, true_m = (np.concatenate(values) for values in zip(*compared, strict=True))
    return [quality(depth_m, true_m, low, high) for low, high in pairwise(EDGES_M)]


def _compared(
    pairs: PairFolder, name: str, disparity_of: Disparity
) -> tuple[np.ndarray, np.ndarray]:
    """Return the depth of hints, NaN without one, and the true depth, of the lidar's pixels."""
    true_m = pairs.read_gt_depth(name)
    assert true_m is not None  # scans are the names of its files
    rig = pairs.calibration
    depth_m = depth_from_disparity(
        disparity_of(*pairs.read_pair(name)), focal_px=rig.intrinsics.fx, baseline_m=rig.baseline_m
    )
    known = np.isfinite(true_m)
    return depth_m[known], true_m[known]


def quality(depth_m: np.ndarray, true_m: np.ndarray, low_m: float, high_m: float) -> Quality:
    """Return the quality of depths, (N,) with NaN for none, where the truth is in low..high."""
    within = (true_m >= low_m) & (true_m < high_m)
    if not within.any():
        return Quality(math.nan, math.nan)
    depth_m, true_m = depth_m[within], true_m[within]
    known = np.isfinite(depth_m)
    off = known & (np.abs(depth_m / true_m - 1) > OFF)
    return Quality(float(known.mean()), float(off.sum() / max(known.sum(), 1)))


def targets(found: Mapping[str, list[Quality]]) -> list[Target]:
    """Return the targets of both together: known over the better one, off over the worse one."""
    both, singles = found[BOTH][NEAR], [bins[NEAR] for name, bins in found.items() if name != BOTH]
    where = f'{EDGES_M[NEAR]:g} to {EDGES_M[NEAR + 1]:g} m'
    coverage = both.coverage / max(single.coverage for single in singles)
    off = both.off / max(single.off for single in singles)
    return [
        Target(f'{where}: pixels with a hint, both / better one', coverage, MIN_COVERAGE_RATIO),
        Target(f'{where}: of these off, both / worse one', off, MAX_OFF_RATIO, at_most=True),
    ]


if __name__ == '__main__':
    sys.exit(main())
