"""Jpeg and png bytes to arrays."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

JPEG_START = b'\xff\xd8'
PNG_START = b'\x89PNG\r\n\x1a\n'
# Bits a channel and kind of colour, in the png's first chunk.
PNG_KIND = slice(24, 26)
# Bytes that compressed_depth_image_transport writes ahead of its png.
DEPTH_HEADER = 12
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def decode_compressed(
    data: bytes, *, shrink: int = 1, keep_grey: bool = False
) -> NDArray[np.uint8]:
    """
    Jpeg or png bytes to (H, W, 3) uint8 RGB.

    Raises ValueError when they do not decode.

    shrink: 1, 2, 4 or 8. A jpeg is decoded at 1 / shrink of its size, rounded up, for a fraction
    of the time: each pixel is the mean of shrink x shrink. A png comes at full size. keep_grey: at
    full size, (H, W) for a grey image.
    """
    encoded = np.frombuffer(data, np.uint8)
    # A camera's calibration belongs to the sensor's rows: an EXIF rotation must not turn them.
    flags = cv2.IMREAD_IGNORE_ORIENTATION
    reduced = _REDUCED[shrink if bytes(data[:2]) == JPEG_START else 1]
    flags |= cv2.IMREAD_ANYCOLOR if keep_grey else reduced
    try:
        bgr = cv2.imdecode(encoded, flags) if encoded.size else None
    except cv2.error:  # a damaged header may ask for more pixels than OpenCV allows
        bgr = None
    if bgr is None:
        raise ValueError(f'got {encoded.size} bytes that are no jpeg or png image')
    return np.asarray(bgr if bgr.ndim == 2 else cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def is_png16(data: bytes) -> bool:
    """Whether it is a grey png of 16 bits, as depth images travel; see decode_png16."""
    start = _png_start(data)
    return start >= 0 and tuple(bytes(data[start : start + PNG_KIND.stop])[PNG_KIND]) == (16, 0)


def decode_png16(data: bytes) -> NDArray[np.uint16]:
    """
    A grey png of 16 bits to (H, W) uint16.

    What compressed_depth_image_transport writes ahead of the png is passed over. Raises
    ValueError when it does not decode.
    """
    pixels = None
    if is_png16(data):
        try:
            png = np.frombuffer(data, np.uint8)[_png_start(data) :]
            pixels = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
        except cv2.error:  # a damaged header may ask for more pixels than OpenCV allows
            pixels = None
    if pixels is None:
        raise ValueError(f'got {len(data)} bytes that are no grey png of 16 bits')
    return np.asarray(pixels, np.uint16)


def _png_start(data: bytes) -> int:
    return bytes(data[: DEPTH_HEADER + len(PNG_START)]).find(PNG_START)
