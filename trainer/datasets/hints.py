"""
Stereo hints: disparities beside the pairs that teach a training (docs/method.md#stereo-hints).

A folder hints_KIND of a sequence has left/NAME.png and right/NAME.png, KITTI's files of disparity:
of the left view positive for a match further left, of the right view for one further right.
Without right/ only the left views are taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
import os
from pathlib import Path
from statistics import fmean

import numpy as np
from rich.progress import track

from monodepth_ros.storage.pair_folder import VIEWS
from trainer.datasets.disparity_files import (
    BAD_FRACTION,
    BAD_PX,
    is_bad,
    read_disparity_px,
    UNITS_PER_PX,
)
from trainer.datasets.hint_matching import make_hints, MATCHED
from trainer.datasets.sources import PairSequence
from trainer.datasets.stereo_matching import checked_views_px, grey, GROUND_TRUTH

# Hints of another rig or unit are bad nearly everywhere, those of a stereo network at a tenth of
# the pixels.
MAX_BAD = 0.5
COMPARED_PAIRS, COMPARED_PX = 5, 128


class Hints:
    """
    The hints of pairs of a sequence, made at the first use if their kind is MATCHED.

    sequence: the sequence.
    kind: names the folder hints_KIND in the sequence's own.
    names: the pairs that have hints.
    Raises FileNotFoundError if there are none of another kind, and as make_hints.
    """

    def __init__(self, sequence: PairSequence, kind: str, names: Sequence[str]) -> None:
        self.sequence = sequence
        self.folder = sequence.path / f'hints_{kind}'
        self.is_made = kind == MATCHED
        if self.is_made:
            names = make_hints(sequence, self.folder, names)
        elif not (self.folder / VIEWS[0]).is_dir():
            raise FileNotFoundError(
                f'{self.folder} has no {VIEWS[0]}/, expected NAME.png for each pair (uint16, px * '
                f'{UNITS_PER_PX}, 0 = none); write them, or give --hints {MATCHED}'
            )
        self.names = list(names)

    def paths(self, name: str) -> list[Path]:
        """Return the files of a pair, of the left and, if it is taught, of the right view."""
        return [
            self.folder / view / f'{name}.png' for view in VIEWS if (self.folder / view).is_dir()
        ]

    def read(self, name: str) -> np.ndarray:
        """
        Return the disparities of both views, (2, H, W) float32 px, NaN where there is none.

        Raises ValueError for a file that is missing, damaged or of another size.
        """
        camera = self.sequence.calibration.intrinsics
        disparity_px = np.full((2, camera.height, camera.width), np.nan, np.float32)
        try:
            for of_view, path in zip(disparity_px, self.paths(name), strict=False):
                of_view[:] = read_disparity_px(path, camera)
        except ValueError as error:
            advice = f'remove {self.folder}, and it is made again' if self.is_made else ''
            raise ValueError(f'{error}; {advice}'.rstrip('; ')) from error
        return disparity_px


def check_hints(hints: Hints) -> float:
    """
    Return the fraction of the left pixels that have a hint.

    Reads all hints once, since one that is wrong would only be found after hours. Raises
    ValueError for hints that are missing, damaged, of another size, that contradict the images,
    or that know nothing.
    """
    if not hints.is_made:
        _require_all(hints)
        _require_agreement(hints)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        known = pool.map(lambda name: float(np.isfinite(hints.read(name)[0]).mean()), hints.names)
        label = f'hints of {hints.sequence.path.name}'
        fractions = list(track(known, label, total=len(hints.names)))
    if not any(fractions):
        raise ValueError(
            f'{hints.folder} knows no disparity of {len(hints.names)} pairs; look at their '
            'images, or train without hints'
        )
    return fmean(fractions)


def _require_all(hints: Hints) -> None:
    files = [path for name in hints.names for path in hints.paths(name)]
    if missing := [path for path in files if not path.exists()]:
        raise ValueError(
            f'{hints.folder} lacks {len(missing)} of {len(files)} files, the first is '
            f'{missing[0]}; expected one for each pair that trains'
        )


def _require_agreement(hints: Hints) -> None:
    """Compare each view of a few pairs with matching."""
    bad: dict[str, list[np.ndarray]] = {view: [] for view in VIEWS}
    for name in hints.names[:: -(-len(hints.names) // COMPARED_PAIRS)]:
        try:
            left, right = map(grey, hints.sequence.read_pair(name))
        except (ValueError, OSError):
            continue  # the training names it, and takes another pair
        matched = checked_views_px(left, right, GROUND_TRUTH, max_disparity_px=COMPARED_PX)
        for of_view, hint_px, matched_px in zip(
            bad.values(), hints.read(name), matched, strict=True
        ):
            both = np.isfinite(hint_px + matched_px)
            of_view.append(is_bad(hint_px[both], matched_px[both]))
    for view, compared in bad.items():
        fraction = np.mean(np.concatenate(compared)) if any(map(len, compared)) else 0.0
        if fraction > MAX_BAD:
            raise ValueError(
                f'{hints.folder / view} differs from semi-global matching by {BAD_PX:g} px and '
                f'{BAD_FRACTION:.0%} or more at {fraction:.0%} of the pixels of {len(compared)} '
                f'pairs, expected at most {MAX_BAD:.0%}; are these hints of another rig, view or '
                f'size, or in another unit than px * {UNITS_PER_PX}?'
            )
