"""Where raw stereo pairs come from: recordings, and folders of frames."""

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
from monodepth_ros.storage.pair_folder import EYES

# Names of this many digits are stamps in nanoseconds, shorter ones numbers of frames.
STAMP_DIGITS = 16


class Rig(NamedTuple):
    """The cameras of both eyes, as calibrated."""

    left: Camera
    right: Camera


class RawPair(NamedTuple):
    """
    One pair as it was recorded.

    read: left, then right image, (H, W) grey or (H, W, 3) RGB uint8, by a BitDepth, which may
    learn from them. read_truth: depth in a window of the rectified left camera, (H, W) float32
    metres, NaN where unknown, None where there is none. Both raise ValueError for damaged data,
    from any thread.
    """

    stamp_ns: int
    rig: Rig
    read: Callable[[BitDepth], Iterator[np.ndarray]]
    read_truth: Callable[[Intrinsics], np.ndarray | None]


class Recording(Protocol):
    """
    Raw pairs in the order of time.

    described: what it is read from, as ingest.json keeps it. bits: of its 16-bit images, as the
    first frames say, see BitDepth; None of 8 bits. most: about how many pairs. left_out: what
    could not become a pair, and how often.
    """

    described: dict[str, str | None]
    bits: int | None
    most: int
    left_out: Counter[str]

    def pairs(self) -> Iterator[RawPair]:
        """Raises ValueError where it cannot be read on."""


class FrameFolder:
    """A folder with left/ and right/ images of the same names, and a calibration from files."""

    def __init__(self, path: Path, calibration: tuple[Path, Path]) -> None:
        left, right = (find_images(path / eye).files for eye in EYES)
        self._names = [name for name in left if name in right]
        if not self._names:
            raise FileNotFoundError(
                f'{path} holds no image of the same name in left/ and right/, expected frames of '
                'a stereo rig' + ''.join(other_files(path / eye) for eye in EYES)
            )
        self._files = {name: (left[name], right[name]) for name in self._names}
        self._rig = Rig(*(read_camera_yaml(file, rectified=False) for file in calibration))
        self.described: dict[str, str | None] = {'left': 'left/', 'right': 'right/', 'truth': None}
        self.bits = first_bits(partial(_read_both, self._files[name]) for name in self._names)
        self.most = len(self._names)
        self.left_out = Counter({'unpaired': len(left.keys() ^ right.keys())})

    def pairs(self) -> Iterator[RawPair]:
        """By name."""
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
