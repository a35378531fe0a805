"""Sources of raw stereo pairs: the protocol of a recording, and folders of frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from monodepth_ros.core.bit_depth import BitDepth, first_bits
from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.storage.camera_yaml import read_camera_yaml
from monodepth_ros.storage.image_files import decode_file
from monodepth_ros.storage.image_folder import find_images, other_files
from monodepth_ros.storage.pair_folder import VIEWS

# Names with at least this many digits are stamps in nanoseconds, shorter ones frame numbers.
STAMP_DIGITS = 16


class Rig(NamedTuple):
    """The left and the right camera, as calibrated."""

    left: Camera
    right: Camera


class RawPair(NamedTuple):
    """
    One pair as it was recorded; its two functions may be called in any thread.

    stamp_ns: stamp of the left image.
    rig: the cameras that recorded the pair.
    read: yield the left, then the right image, (H, W) grey or (H, W, 3) RGB uint8, decoded by a
        BitDepth, which may adapt to them. Raises ValueError for damaged data.
    read_ground_truth: return the ground truth in a window of the rectified left camera,
        (H, W) float32 metres, NaN where unknown; None if there is none. Raises ValueError for
        damaged data.
    """

    stamp_ns: int
    rig: Rig
    read: Callable[[BitDepth], Iterator[np.ndarray]]
    read_ground_truth: Callable[[Intrinsics], np.ndarray | None]


class Recording(Protocol):
    """
    A source of raw pairs in the order of time.

    described: topics or folders that it is read from, for ingest.json.
    bits: bit depth of its 16-bit images, from the first frames, see BitDepth; None for 8 bits.
    count: approximate number of pairs.
    left_out: number of messages or files that could not become a pair, by reason.
    """

    described: dict[str, str | None]
    bits: int | None
    count: int
    left_out: Counter[str]

    def pairs(self) -> Iterator[RawPair]:
        """Yield the pairs; raise ValueError at the first place that cannot be read."""


class FrameFolder:
    """A folder with left/ and right/ images of the same names, and a calibration from files."""

    def __init__(self, path: Path, calibration: tuple[Path, Path]) -> None:
        left, right = (find_images(path / view).files for view in VIEWS)
        self._names = [name for name in left if name in right]
        if not self._names:
            raise FileNotFoundError(
                f'{path} holds no image of the same name in left/ and right/, expected frames of '
                'a stereo rig' + ''.join(other_files(path / view) for view in VIEWS)
            )
        self._files = {name: (left[name], right[name]) for name in self._names}
        self._rig = Rig(*(read_camera_yaml(file, rectified=False) for file in calibration))
        self.described: dict[str, str | None] = {'left': 'left/', 'right': 'right/', 'truth': None}
        self.bits = first_bits(partial(_read_both, self._files[name]) for name in self._names)
        self.count = len(self._names)
        self.left_out = Counter({'unpaired': len(left.keys() ^ right.keys())})

    def pairs(self) -> Iterator[RawPair]:
        """Yield the pairs in the order of their names."""
        stamped = all(n.isdecimal() and len(n) >= STAMP_DIGITS for n in self._names)
        for number, name in enumerate(self._names):
            files = self._files[name]
            stamp_ns = int(name) if stamped else number
            yield RawPair(stamp_ns, self._rig, partial(_read_each, files), lambda _: None)


def _read_each(files: tuple[Path, Path], bit_depth: BitDepth) -> Iterator[np.ndarray]:
    for path in files:
        try:
            yield decode_file(path, bit_depth, keep_grey=True)
        except OSError as error:
            raise ValueError(f'{path}: {error}') from error


def _read_both(files: tuple[Path, Path], bit_depth: BitDepth) -> list[np.ndarray]:
    return list(_read_each(files, bit_depth))
