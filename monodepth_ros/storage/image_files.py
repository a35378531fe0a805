"""Image files: the supported kinds, and pairs of files read at one bit depth."""

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
    Decode an image file to (H, W, 3) uint8 RGB.

    path: the image file.
    bit_depth, shrink, keep_grey: see decode_compressed.
    Raises ValueError, naming the file, for one that does not decode, OSError for one that cannot
    be read.
    """
    data = path.read_bytes()
    try:
        return decode_compressed(data, bit_depth=bit_depth, shrink=shrink, keep_grey=keep_grey)
    except ValueError as error:
        # OpenCV writes the formats that it reads; some builds lack webp or tiff.
        known = cv2.haveImageWriter(path.name)
        why = '' if known else f' (OpenCV was built without {path.suffix} here)'
        raise ValueError(f'{path}: {error}{why}') from error


def read_rgb(
    path: Path, camera: Intrinsics, bit_depth: BitDepth, *, shrink: int = 1
) -> np.ndarray:
    """
    Decode an image file of a camera to (H, W, 3) uint8 RGB.

    path: the image file.
    camera: the camera, whose size the image must have.
    bit_depth, shrink: see decode_compressed.
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
    The image files of a sequence of pairs, read at one bit depth in any order.

    left, right: the files by name.
    camera: the camera of all images.
    names: names in the order of time.
    stated_bits: bit depth that the sequence states; None: it is learned from the first pairs.
    bit_depth: bit depth of the 16-bit images, and their largest number, once one was read.
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
        """Return the left and the right image file."""
        return self._left[name], self._right[name]

    def read(self, name: str, *, shrink: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """
        Return the left and right image, (H, W, 3) uint8 RGB.

        A pair with a larger number than the sequence's bits hold is read with as many bits as it
        needs, and a warning is printed, so that a pair never depends on what was read before it.

        shrink: see decode_compressed.
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
        # If the first pairs have 8 bits, each 16-bit pair is read with as many bits as it needs.
        bits = first_bits(reads) or BIT_DEPTHS[0]
        is_first = self.bit_depth.bits is None
        self.bit_depth.bits = bits
        # The worker processes of a training find the same bits; only the parent prints.
        if is_first and multiprocessing.parent_process() is None:
            print(
                f'{self._left[self._names[0]].parent}: 16-bit images: taken as {described(bits)}, '
                f'as the first {FIRST_FRAMES} pairs say',
                file=sys.stderr,
            )
