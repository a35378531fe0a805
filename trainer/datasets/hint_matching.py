"""
The stereo hints that we make: two matchings with a left-right check, and per pixel the better one.

docs/method.md#stereo-hints has what each step is worth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
import os
from pathlib import Path
import shutil

import cv2
import numpy as np
from rich.progress import track

from monodepth_ros.common.atomic import append_line, atomic_file, locked_folder, whole_lines
from monodepth_ros.storage.pair_folder import VIEWS
from trainer.datasets.disparity_files import write_disparity_px
from trainer.datasets.sources import PairSequence
from trainer.datasets.stereo_matching import checked_views_px, grey, GROUND_TRUTH, Matcher

MATCHED = 'sgbm'
# The first finds more of near and even surfaces, the second more of thin objects.
MATCHERS = (
    Matcher(block_size=5, step_penalty=600, jump_penalty=2400, uniqueness=0),
    GROUND_TRUTH,
)
# KITTI's rig sees 2 m at this fraction of the width. Twice as much takes twice the time.
SEARCHED_FRAC = 0.16
ERROR_WINDOW_PX = 5
# Increment it whenever the same images get other hints.
VERSION = 'StereoSGBM 1'
# After a line of the version a line for each pair that has its hints: its name, and size and time
# of its images.
JOURNAL = 'made.txt'


def make_hints(sequence: PairSequence, folder: Path, names: Iterable[str]) -> list[str]:
    """
    Write the hints of pairs that are not there yet, in parallel; a kill loses none.

    Returns the pairs that have hints: those that can be read. Raises OSError for a disk that is
    full or may not be written, and ValueError for a folder that holds something else.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OSError(
            f'{folder} cannot be made ({error.strerror}); hints are kept beside the images: train '
            'on a copy of them in a folder that can be written'
        ) from error
    # Other processes of this training wait here, and find the hints made.
    with locked_folder(folder, waiting=lambda: None):
        made = _made(folder)
        entries = {name: _entry(sequence, name) for name in names}
        wanted = [name for name in entries if not _is_there(folder, name, made, entries)]
        unreadable = set()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            done = pool.map(lambda name: _make(sequence, folder, name), wanted)
            label = f'matching {sequence.path.name}'
            try:
                for name, is_made in zip(wanted, track(done, label, len(wanted)), strict=True):
                    if is_made:
                        append_line(folder / JOURNAL, f'{name} {entries[name]}')
                    else:
                        unreadable.add(name)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    return [name for name in entries if name not in unreadable]


def _made(folder: Path) -> dict[str, str]:
    """Return the entry of each pair that has hints; remove hints of another version."""
    journal = folder / JOURNAL
    if not journal.exists() and any(folder.iterdir()):
        raise ValueError(
            f'{folder} holds hints that are not ours; rename it to hints_KIND and give that KIND'
        )
    if whole_lines(journal)[:1] != [VERSION]:
        for view in VIEWS:
            shutil.rmtree(folder / view, ignore_errors=True)
        with atomic_file(journal) as partial:
            partial.write_text(VERSION + '\n')
    for view in VIEWS:
        (folder / view).mkdir(exist_ok=True)
    return dict(line.rsplit(maxsplit=1) for line in whole_lines(journal)[1:])


def _entry(sequence: PairSequence, name: str) -> str:
    stats = [path.stat() for path in sequence.paths(name)]
    return ','.join(f'{stat.st_size},{stat.st_mtime_ns}' for stat in stats)


def _is_there(
    folder: Path, name: str, made: Mapping[str, str], entries: Mapping[str, str]
) -> bool:
    files = (folder / view / f'{name}.png' for view in VIEWS)
    return made.get(name) == entries[name] and all(file.exists() for file in files)


def _make(sequence: PairSequence, folder: Path, name: str) -> bool:
    """Write the hints of one pair, and return whether it could be read."""
    try:
        pair = sequence.read_pair(name)
    except (ValueError, OSError):
        return False  # the training names it, and takes another pair
    for view, disparity_px in zip(VIEWS, matched_hints_px(*pair), strict=True):
        write_disparity_px(folder / view / f'{name}.png', disparity_px)
    return True


def matched_hints_px(left_rgb: np.ndarray, right_rgb: np.ndarray) -> np.ndarray:
    """
    Return the disparities of both views, (2, H, W) float32 px, NaN where no matching is sure.

    left_rgb, right_rgb: (H, W, 3) or grey (H, W) uint8, rectified.
    """
    left, right = grey(left_rgb), grey(right_rgb)
    searched_px = max_disparity_px(left.shape[1])
    found = [checked_views_px(left, right, m, max_disparity_px=searched_px) for m in MATCHERS]
    of_left = _best(left, right, [px for px, _ in found])
    # Mirrored, the right view is a left one.
    mirrored = [np.ascontiguousarray(px[:, ::-1]) for _, px in found]
    of_right = _best(right[:, ::-1], left[:, ::-1], mirrored)[:, ::-1]
    return np.stack([of_left, of_right])


def max_disparity_px(width_px: int) -> int:
    """Return the largest disparity to search: StereoSGBM takes multiples of 16 px."""
    return 16 * -(-int(SEARCHED_FRAC * width_px) // 16)


def _best(view: np.ndarray, other: np.ndarray, candidates: Sequence[np.ndarray]) -> np.ndarray:
    """Return the candidate that looks most like the view, per pixel, (H, W) px, or NaN."""
    errors = np.stack([_reprojection_error(view, other, px) for px in candidates])
    best = errors.argmin(axis=0)
    return np.asarray(np.take_along_axis(np.stack(candidates), best[None], axis=0)[0])


def _reprojection_error(
    view: np.ndarray, other: np.ndarray, disparity_px: np.ndarray
) -> np.ndarray:
    """Return the mean grey difference to the other view around a pixel, inf without a match."""
    height, width = view.shape
    known = np.isfinite(disparity_px)
    u, v = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(other, u - np.nan_to_num(disparity_px), v, cv2.INTER_LINEAR)
    difference = np.where(known, cv2.absdiff(moved, view), 0).astype(np.float32)
    window = (ERROR_WINDOW_PX,) * 2
    mass = cv2.boxFilter(known.astype(np.float32), -1, window)
    error = cv2.boxFilter(difference, -1, window) / np.maximum(mass, np.finfo(np.float32).eps)
    return np.where(known, error, np.float32(np.inf))
