"""Training samples: pairs of the sequences in the canonical camera."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
import sys
from typing import NamedTuple, Protocol

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.network_view import ToNetwork
from trainer.datasets.depth_map import look_up
from trainer.datasets.hints import Hints
from trainer.datasets.sources import PairSequence
from trainer.train.augment import draw_augmentation, UNCHANGED
from trainer.train.samples import NO_HINTS, StereoSample

JPEG_SHRINKS = (8, 4, 2)
# Grey levels between the darkest and the brightest value; a covered lens has fewer.
MIN_CONTRAST = 8
MAX_REPLACEMENTS = 10


class PairName(NamedTuple):
    """One pair: the index of its sequence, and its name in the sequence."""

    sequence: int
    name: str


class SampleKey(NamedTuple):
    """
    The key of a sample: index of a pair, and number of its augmentation.

    Without a number it is a sample that validates: neither augmented nor with hints.
    """

    index: int  # type: ignore[assignment]  # hides tuple.index
    draw: int | None


class CanonicalViews:
    """
    The pairs of a sequence in the canonical camera (docs/method.md#canonical-camera).

    hints: hints of the same sequence; None: the training has none.
    """

    def __init__(
        self, sequence: PairSequence, canonical: Intrinsics, hints: Hints | None = None
    ) -> None:
        self.sequence = sequence
        self.canonical = canonical
        self.hints = hints
        rig = sequence.calibration.intrinsics
        minified = min(rig.fx / canonical.fx, rig.fy / canonical.fy)
        self._shrink = next((n for n in JPEG_SHRINKS if n <= minified), 1)
        # Only jpegs are shrunk while they are decoded, other files have the full size.
        self._cameras = {
            (camera.height, camera.width): camera for camera in (rig, _shrunk(rig, self._shrink))
        }

    def read(self, name: str) -> np.ndarray:
        """Return both views, (2, 3, H, W) uint8 RGB; raise ValueError for an unusable pair."""
        pair = self.sequence.read_pair(name, shrink=self._shrink)
        views = [_map(self._cameras[view.shape[:2]], self.canonical).warp(view) for view in pair]
        return np.ascontiguousarray(np.stack(views).transpose(0, 3, 1, 2))

    def read_hints(self, name: str) -> np.ndarray | None:
        """
        Return the hints of a pair as StereoSample has them; None if the training has none.

        Raises ValueError as Hints.read.
        """
        if self.hints is None:
            return None
        return np.asarray(self.disparity_frac(self.hints.read(name)), np.float16)

    def disparity_frac(self, views_px: np.ndarray) -> np.ndarray:
        """
        Map the disparities of a pair's views into the canonical camera.

        views_px: (V, h, w) float32 px of the rig's camera, NaN where unknown.
        Returns (V, H, W) float32 of the rig's baseline, in fractions of the canonical width, 0
        where unknown.
        """
        rig = self.sequence.calibration.intrinsics
        scale = self.canonical.fx / rig.fx / self.canonical.width
        views = [look_up(px * np.float32(scale), rig, self.canonical) for px in views_px]
        return np.asarray(np.nan_to_num(np.stack(views)))


class PairReader(Protocol):
    """A reader of pairs: CanonicalViews, or its cache."""

    sequence: PairSequence

    def read(self, name: str) -> np.ndarray:
        """Return both views, (2, 3, H, W) uint8 RGB; raise ValueError for an unusable pair."""

    def read_hints(self, name: str) -> np.ndarray | None:
        """Return the hints of a pair, see CanonicalViews."""


class PairDataset(Dataset[StereoSample]):
    """
    The named pairs of the readers; a pair that cannot be used is replaced by the next one.

    readers: one reader for each sequence.
    names: the pairs.
    baseline_m: the canonical baseline.
    seed: seed of the augmentation; its draw number k is the same in every process and after a
        restart.
    """

    def __init__(
        self,
        readers: Sequence[PairReader],
        names: Sequence[PairName],
        *,
        baseline_m: float,
        seed: int,
    ) -> None:
        self._readers = readers
        self._ratios = [r.sequence.calibration.baseline_m / baseline_m for r in readers]
        self._names = names
        self._seed = seed
        self._reported: set[PairName] = set()

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, key: SampleKey) -> StereoSample:
        pair, views, hints = self._usable(key.index, with_hints=key.draw is not None)
        drawn = UNCHANGED
        if key.draw is not None:
            drawn = draw_augmentation(np.random.default_rng((self._seed, key.draw)))
        left, right = torch.from_numpy(views)
        ratio = torch.tensor(self._ratios[pair.sequence], dtype=torch.float32)
        label = self._label(pair)
        return StereoSample(left, right, torch.from_numpy(hints), ratio, drawn, label)

    def _usable(self, index: int, *, with_hints: bool) -> tuple[PairName, np.ndarray, np.ndarray]:
        """Return a pair from the index on that can be used, its views and its hints."""
        for offset in range(MAX_REPLACEMENTS):
            pair = self._names[(index + offset) % len(self._names)]
            try:
                return pair, *self._read(pair, with_hints=with_hints)
            except (ValueError, OSError) as error:
                last_error = error
                if pair not in self._reported:
                    self._reported.add(pair)
                    print(f'{error}; using the next pair instead', file=sys.stderr)
        raise ValueError(f'{MAX_REPLACEMENTS} pairs in a row are unusable: {last_error}')

    def _read(self, pair: PairName, *, with_hints: bool) -> tuple[np.ndarray, np.ndarray]:
        reader = self._readers[pair.sequence]
        views = reader.read(pair.name)
        if min(np.ptp(view) for view in views) < MIN_CONTRAST:
            raise ValueError(f'{self._label(pair)}: an image of one colour shows nothing')
        hints = reader.read_hints(pair.name) if with_hints else None
        return views, np.zeros(NO_HINTS, np.float16) if hints is None else hints

    def _label(self, pair: PairName) -> str:
        return f'{self._readers[pair.sequence].sequence.path}, pair {pair.name}'


def split_in_time(
    sequences: Sequence[PairSequence],
) -> tuple[list[PairName], list[PairName]]:
    """
    Return training and validation pairs; the last tenth of each sequence in time validates.

    Random frames would not be independent: the training would see their neighbours in time, which
    are nearly the same. Sequences of fewer than ten pairs only train.
    """
    training, validation = [], []
    for at, sequence in enumerate(sequences):
        names = [PairName(at, name) for name in sequence.names]
        cut = len(names) - len(names) // 10
        training += names[:cut]
        validation += names[cut:]
    return training, validation


def one_thread_a_worker(_: int) -> None:
    """Initialise a DataLoader worker: set OpenCV to one thread, as the workers run in parallel."""
    cv2.setNumThreads(1)


@cache
def _map(rig: Intrinsics, canonical: Intrinsics) -> ToNetwork:
    """Return the map of a rig, made once in each process, so that none is sent to a worker."""
    return ToNetwork(Camera.pinhole(rig), canonical)


def _shrunk(camera: Intrinsics, shrink: int) -> Intrinsics:
    """Return the camera of an image averaged over shrink x shrink pixels, sizes rounded up."""
    covered = Intrinsics(
        camera.fx,
        camera.fy,
        camera.cx,
        camera.cy,
        -(-camera.width // shrink) * shrink,
        -(-camera.height // shrink) * shrink,
    )
    return covered.scaled_to(width=covered.width // shrink, height=covered.height // shrink)
