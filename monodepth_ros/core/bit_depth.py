"""
How many bits of a camera's 16-bit images count, and those images in 8 bits.

A camera of 10, 12 or 14 bits fills the lower ones of 16, and no message or file says how many.
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
# So many frames at the beginning of a sequence say its bit depth.
FIRST_FRAMES = 20
_Images = TypeVar('_Images')


class BitDepth:
    """
    The number that is white in a sequence of 16-bit images, 2^bits - 1, learned from the images.

    bits: the smallest of BIT_DEPTHS that holds all images so far, and at least the given one;
    None before the first image of 16 bits. brightest: the largest number so far. warn: is told at
    the first 16-bit image what is assumed, and again whenever a brighter one raises the bits.
    """

    def __init__(
        self, bits: int | None = None, *, warn: Callable[[str], None] | None = None
    ) -> None:
        self.bits = bits
        self.brightest = -1
        self._warn = warn

    @property
    def remark(self) -> str:
        """Describe what 16-bit images are taken as; empty before the first one."""
        if self.bits is None or self.brightest < 0:
            return ''
        return f'taken as {described(self.bits)}, the brightest so far is {self.brightest}'

    def to_uint8(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """
        Return an image with black at 0 and white at 255, rounded; one of 8 bits as it is.

        pixels: uint8 or uint16, of any shape but empty. Raises ValueError for another dtype.
        """
        if pixels.dtype == np.uint8:
            return pixels
        if pixels.dtype != np.uint16:
            raise ValueError(f'got pixels of {pixels.dtype}, expected 8 or 16 bits without a sign')
        scale = 255 / white(self._bits_with(int(pixels.max())))
        return np.asarray(cv2.convertScaleAbs(pixels, alpha=scale), np.uint8)

    def _bits_with(self, brightest: int) -> int:
        """The bits that hold all images so far and one whose brightest number is given."""
        before, is_first = self.bits, self.brightest < 0
        self.brightest = max(self.brightest, brightest)
        self.bits = max(before or 0, holding(brightest))
        if self._warn is not None and (is_first or self.bits != before):
            earlier = '' if is_first else f'; those before it were taken as {before} bits'
            self._warn(f'16-bit images: {self.remark}{earlier}')
        return self.bits


def white(bits: int) -> int:
    """Return the largest number of so many bits."""
    return (1 << bits) - 1


def described(bits: int) -> str:
    """Return a bit depth for people."""
    return f'{bits} bits (white is {white(bits)})'


def holding(number: int) -> int:
    """Return the smallest of BIT_DEPTHS that holds a number of 16 bits."""
    return next(bits for bits in BIT_DEPTHS if number <= white(bits))


def check_bits(bits: object, source: str) -> int | None:
    """Return what a file states as bit depth; source: names it. Raises ValueError for others."""
    if bits is None:
        return None
    if isinstance(bits, bool) or not isinstance(bits, int) or bits not in BIT_DEPTHS:
        raise ValueError(f'{source} has bits {bits!r}, expected one of {BIT_DEPTHS}, or none')
    return bits


def at_one_depth(read: Callable[[BitDepth], _Images], depth: BitDepth) -> _Images:
    """
    Return the images of one moment at one scale: that of the brightest of them.

    read: decodes them with the given BitDepth, which the second one of a pair may raise.
    """
    before = depth.bits
    images = read(depth)
    return images if depth.bits == before else read(depth)


def first_bits(reads: Iterable[Callable[[BitDepth], object]]) -> int | None:
    """
    Return the bit depth of a sequence: the smallest that holds its FIRST_FRAMES; None of 8 bits.

    reads: each decodes a frame with the given BitDepth. One that raises ValueError or OSError is
    passed over; after one of 8 bits no other is asked.
    """
    depth = BitDepth()
    for read in islice(reads, FIRST_FRAMES):
        with suppress(ValueError, OSError):
            read(depth)
            if depth.bits is None:
                break
    return depth.bits
