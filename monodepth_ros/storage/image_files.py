"""Image files: which kinds are read, and pairs of them at one bit depth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
import multiprocessing
from pathlib import Path
import sys

import cv2
import numpy as np

from monodepth_ros.core.bit_depth import (
    at_one_depth,
    BIT_DEPTHS,
    BitDepth,
    described,
    first_bits,
    FIRST_FRAMES,
)
from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.core.compressed import decode_compressed

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.pgm', '.ppm')


def decode_file(
    path: Path, bit_depth: BitDepth, *, shrink: int = 1, keep_grey: bool = False
) -> np.ndarray:
    """
    Decode an image file, (H, W, 3) uint8 RGB.

    shrink, keep_grey: see decode_compressed. Raises ValueError that names a file which does not
    decode, OSError for one that cannot be read.
    """
    data = path.read_bytes()
    try:
        return decode_compressed(data, bit_depth=bit_depth, shrink=shrink, keep_grey=keep_grey)
    except ValueError as error:
        # OpenCV writes what it reads; some builds know no webp or tiff.
        known = cv2.haveImageWriter(path.name)
        why = '' if known else f' (OpenCV was built without {path.suffix} here)'
        raise ValueError(f'{path}: {error}{why}') from error


def read_rgb(
    path: Path, camera: Intrinsics, bit_depth: BitDepth, *, shrink: int = 1
) -> np.ndarray:
    """
    An image file of a camera, (H, W, 3) uint8 RGB; shrink: see decode_compressed.

    Raises ValueError for a file that does not decode or is not of the camera's size.
    """
    try:
        image = decode_file(path, bit_depth, shrink=shrink)
    except ValueError as error:
        raise ValueError(f'{error}; remove the pair or copy it again') from error
    sizes = {(-(-camera.height // n), -(-camera.width // n)) for n in (1, shrink)}
    if image.shape[:2] not in sizes:
        raise ValueError(
            f'{path} is {image.shape[1]} x {image.shape[0]} pixels of {shrink}, expected '
            f'{camera.width} x {camera.height} as its calibration says'
        )
    return image


class PairImages:
    """
    The image files of a sequence of pairs, read at one bit depth, whichever pair comes first.

    left, right: the files by name. names: in the order of time. stated_bits: what the sequence
    says of its bit depth; None: the first pairs tell. bit_depth: what its 16-bit images are taken
    for, once one was read, and the brightest number that was.
    """

    def __init__(
        self,
        left: Mapping[str, Path],
        right: Mapping[str, Path],
        camera: Intrinsics,
        names: Iterable[str],
        *,
        stated_bits: int | None = None,
    ) -> None:
        self._left, self._right, self._camera = left, right, camera
        self._names = list(names)
        self.stated_bits = stated_bits
        self.bit_depth = BitDepth(stated_bits)
        self._is_warned = False

    def paths(self, name: str) -> tuple[Path, Path]:
        """The left and the right image file."""
        return self._left[name], self._right[name]

    def read(self, name: str, *, shrink: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """
        Left and right image, (H, W, 3) uint8 RGB; shrink: see decode_compressed.

        A pair with a brighter number than the sequence's bits hold is read with as many bits as it
        needs, and that is said: what a pair looks like never depends on what was read before.
        """
        bits = self.bit_depth.bits
        depth = BitDepth(bits)
        views = at_one_depth(partial(self._decode, name, shrink), depth)
        if bits is None and depth.bits is not None:
            self._find_bits()
            return self.read(name, shrink=shrink)
        self.bit_depth.brightest = max(self.bit_depth.brightest, depth.brightest)
        if depth.bits != bits and not self._is_warned:
            self._is_warned = True
            print(
                f'{self._left[name]}: the pair holds {depth.brightest}, and the sequence is read '
                f'as {described(bits or 0)}: it and others like it are read as {depth.bits} bits, '
                f'darker than the rest; state "bits": {depth.bits} in calib.json',
                file=sys.stderr,
            )
        return views

    def _decode(
        self, name: str, shrink: int, bit_depth: BitDepth
    ) -> tuple[np.ndarray, np.ndarray]:
        left, right = (
            read_rgb(path, self._camera, bit_depth, shrink=shrink) for path in self.paths(name)
        )
        return left, right

    def _find_bits(self) -> None:
        reads = (partial(self._decode, name, 1) for name in self._names)
        # Where the first ones have 8 bits, each of the others has as many as it needs.
        bits = first_bits(reads) or BIT_DEPTHS[0]
        is_first = self.bit_depth.bits is None
        self.bit_depth.bits = bits
        # A training's worker processes find the same.
        if is_first and multiprocessing.parent_process() is None:
            print(
                f'{self._left[self._names[0]].parent}: 16-bit images: taken as {described(bits)}, '
                f'as the first {FIRST_FRAMES} pairs say',
                file=sys.stderr,
            )
