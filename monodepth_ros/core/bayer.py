"""Bayer mosaics: their encodings, and their conversion to RGB."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# OpenCV silently turns a mosaic of fewer rows or columns black.
SMALLEST_MOSAIC = 3
# ROS names a pattern by its upper left corner, OpenCV by the pixels one column right and one down.
_CODES = {
    'rggb': cv2.COLOR_BayerBG2RGB,
    'bggr': cv2.COLOR_BayerRG2RGB,
    'gbrg': cv2.COLOR_BayerGR2RGB,
    'grbg': cv2.COLOR_BayerGB2RGB,
}
# OpenCV's conversion codes by encoding, e.g. bayer_rggb8.
MOSAICS = {f'bayer_{name}{bits}': code for name, code in _CODES.items() for bits in (8, 16)}


def demosaic(mosaic: NDArray[Any], encoding: str) -> NDArray[Any]:
    """
    Convert an (H, W) mosaic of 8 or 16 bits to (H, W, 3) RGB of the same bits.

    encoding: one of MOSAICS. Raises ValueError for another encoding or an impossible size.
    """
    if encoding not in MOSAICS:
        raise ValueError(f'got mosaic encoding {encoding!r}, expected one of {list(MOSAICS)}')
    height, width = mosaic.shape
    if min(height, width) < SMALLEST_MOSAIC:
        raise ValueError(
            f'got a {width} x {height} {encoding} image, expected at least {SMALLEST_MOSAIC} x '
            f'{SMALLEST_MOSAIC}'
        )
    return np.asarray(cv2.cvtColor(mosaic, MOSAICS[encoding]))
