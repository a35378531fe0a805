"""
Bit depth of 16-bit images, and their conversion to 8 bits.

A camera of 10, 12 or 14 bits fills the lower bits of 16, and no message or file says how many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

BIT_DEPTHS = (10, 12, 14, 16)
# The bit depth of a sequence is read from so many frames at its beginning.
FIRST_FRAMES = 20
_Images = TypeVar('_Images')


class BitDepth:
    """
    The bit depth of a sequence of 16-bit images, learned from the images; white is 2^bits - 1.

    bits: smallest of BIT_DEPTHS that holds all images so far, and at least the given one; None
    before the first 16-bit image.
    brightest: largest number so far.
    warn: called with the assumption at the first 16-bit image, and again when a brighter image
    raises the bits.
    """

    def __init__(
        self, bits: int | None = None, *, warn: Callable[[str], None] | None = None
    ) -> None:
        self.bits = bits
        self.brightest = -1
        self._warn = warn

    @property
    def remark(self) -> str:
        """Describe how 16-bit images are interpreted; empty before the first one."""
        if self.bits is None or self.brightest < 0:
            return ''
        return f'taken as {described(self.bits)}, the brightest so far is {self.brightest}'

    def to_uint8(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """
        Return an image in 8 bits, black at 0 and white at 255, rounded; 8-bit images as they are.

        pixels: uint8 or uint16, any shape that is not empty. Raises ValueError for another dtype.
        """
        if pixels.dtype == np.uint8:
            return pixels
        if pixels.dtype != np.uint16:
            raise ValueError(f'got pixels of {pixels.dtype}, expected 8 or 16 bits without a sign')
        scale = 255 / white(self._bits_with(int(pixels.max())))
        return np.asarray(cv2.convertScaleAbs(pixels, alpha=scale), np.uint8)

    def _bits_with(self, brightest: int) -> int:
        """Return the bits that hold all images so far and a new one with this largest number."""
        before, is_first = self.bits, self.brightest < 0
        self.brightest = max(self.brightest, brightest)
        self.bits = max(before or 0, holding(brightest))
        if self._warn is not None and (is_first or self.bits != before):
            earlier = '' if is_first else f'; those before it were taken as {before} bits'
            self._warn(f'16-bit images: {self.remark}{earlier}')
        return self.bits


def white(bits: int) -> int:
    """Return the largest number of this many bits."""
    return (1 << bits) - 1


def described(bits: int) -> str:
    """Describe a bit depth for messages."""
    return f'{bits} bits (white is {white(bits)})'


def holding(number: int) -> int:
    """Return the smallest of BIT_DEPTHS that holds a 16-bit number."""
    return next(bits for bits in BIT_DEPTHS if number <= white(bits))


def check_bits(bits: object, source: str) -> int | None:
    """
    Return the bit depth that a file states; None without one.

    source: name of the file. Raises ValueError for another value.
    """
    if bits is None:
        return None
    if isinstance(bits, bool) or not isinstance(bits, int) or bits not in BIT_DEPTHS:
        raise ValueError(f'{source} has bits {bits!r}, expected one of {BIT_DEPTHS}, or none')
    return bits


def at_one_depth(read: Callable[[BitDepth], _Images], depth: BitDepth) -> _Images:
    """
    Return the images of one moment at one scale: that of the brightest image.

    read: decodes the images with the given BitDepth; the second image of a pair may raise its
    bits.
    """
    before = depth.bits
    images = read(depth)
    return images if depth.bits == before else read(depth)


def first_bits(reads: Iterable[Callable[[BitDepth], object]]) -> int | None:
    """
    Return the smallest bit depth that holds the first FIRST_FRAMES frames; None for 8-bit images.

    reads: each function decodes one frame with the given BitDepth. A frame that raises ValueError
    or OSError is skipped; after an 8-bit frame no other is read.
    """
    depth = BitDepth()
    for read in islice(reads, FIRST_FRAMES):
        with suppress(ValueError, OSError):
            read(depth)
            if depth.bits is None:
                break
    return depth.bits
