"""
Decoding of jpeg, png and other image bytes.

compressed_image_transport writes `ORIGINAL; CODEC compressed [PIXELS]` into
CompressedImage.format. ORIGINAL and PIXELS are encodings as in Image. PIXELS is the encoding of
the decoded bytes; without it they have ORIGINAL, e.g. a mosaic. Other drivers write only the
codec, or nothing. compressed_depth_image_transport writes `ORIGINAL; compressedDepth CODEC`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.bayer import demosaic
from monodepth_ros.core.bit_depth import BitDepth

JPEG_START = b'\xff\xd8'
PNG_START = b'\x89PNG\r\n\x1a\n'
# Bits per channel and colour type, in the png's first chunk.
PNG_KIND = slice(24, 26)
# Number of bytes that compressed_depth_image_transport writes before its png.
DEPTH_HEADER = 12
# Video codecs, in lower case: a single message is not an image.
VIDEO_CODECS = ('h264', 'h265', 'hevc', 'av1', 'vp8', 'vp9', 'theora', 'ffmpeg')
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


class _Format(NamedTuple):
    """A parsed CompressedImage.format: the text, and in lower case its codec and pixels."""

    text: str
    codec: str
    pixels: str

    @classmethod
    def parsed(cls, text: str) -> _Format:
        """Parse a format as the module describes it; missing parts are empty."""
        original, _, rest = text.lower().partition(';')
        codec, *others = rest.split() or ['']
        pixels = [word for word in others if word != 'compressed'] or [original.strip()]
        return cls(text, codec, pixels[0])

    @property
    def is_depth(self) -> bool:
        return 'compresseddepth' in self.text.lower() or self.pixels == '32fc1'

    @property
    def is_mosaic(self) -> bool:
        return 'bayer' in self.pixels


def decode_compressed(
    data: bytes,
    *,
    bit_depth: BitDepth,
    format: str = '',
    shrink: int = 1,
    keep_grey: bool = False,
) -> NDArray[np.uint8]:
    """
    Decode jpeg, png or other image bytes to (H, W, 3) uint8 RGB.

    data: the encoded image.
    bit_depth: bit depth of the camera, used for 16-bit images.
    format: CompressedImage.format, see the module.
    shrink: 1, 2, 4 or 8. A jpeg is decoded at 1 / shrink of its size, rounded up, which is faster;
    each pixel is the mean of shrink x shrink. Other images keep their size.
    keep_grey: return (H, W) for a grey image; only at full size.
    Raises ValueError when the bytes do not decode, or hold depth.
    """
    said = _Format.parsed(format)
    if said.is_depth:
        raise ValueError(f'got depth (format {format!r}), expected a picture')
    encoded = np.frombuffer(data, np.uint8)
    # The calibration describes the sensor's rows, so an EXIF rotation must not be applied.
    flags = cv2.IMREAD_IGNORE_ORIENTATION | cv2.IMREAD_ANYDEPTH
    reduced = _REDUCED[shrink if bytes(data[:2]) == JPEG_START else 1]
    flags |= cv2.IMREAD_ANYCOLOR if keep_grey or said.is_mosaic else reduced
    try:
        pixels = cv2.imdecode(encoded, flags) if encoded.size else None
    except cv2.error:  # a damaged header may ask for more pixels than OpenCV allows
        pixels = None
    if pixels is None:
        raise ValueError(_not_decoded(encoded.size, said))
    return bit_depth.to_uint8(_in_rgb(pixels, said, keep_grey=keep_grey))


def _in_rgb(pixels: NDArray[Any], said: _Format, *, keep_grey: bool) -> NDArray[Any]:
    """Convert OpenCV's pixels to (H, W, 3) RGB, or (H, W) for a grey image with keep_grey."""
    if pixels.ndim == 2:
        if said.is_mosaic:
            return demosaic(pixels, said.pixels)
        return pixels if keep_grey else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))
    # The transport passes RGB pixels to OpenCV's tiff writer as if they were BGR.
    if said.codec == 'tiff' and said.pixels.startswith('rgb'):
        return pixels
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def _not_decoded(size: int, said: _Format) -> str:
    got = f'got {size} bytes that are no jpeg or png image, and no other that OpenCV reads'
    if not said.text:
        return got
    if any(codec in said.text.lower() for codec in VIDEO_CODECS):
        return (
            f'{got}: their format {said.text!r} is a video, where a message needs the ones before '
            'it; decode it first, e.g. with `ros2 run image_transport republish`, or record '
            'raw or jpeg images'
        )
    return f'{got} (their format is {said.text!r}); send or record raw, jpeg or png images'


def is_png16(data: bytes) -> bool:
    """Return whether the bytes are a grey 16-bit png, as depth images are; see decode_png16."""
    start = _png_start(data)
    return start >= 0 and tuple(bytes(data[start : start + PNG_KIND.stop])[PNG_KIND]) == (16, 0)


def decode_png16(data: bytes) -> NDArray[np.uint16]:
    """
    Decode a grey 16-bit png to (H, W) uint16.

    The header that compressed_depth_image_transport writes before the png is skipped. Raises
    ValueError when the bytes do not decode.
    """
    pixels = None
    if is_png16(data):
        try:
            png = np.frombuffer(data, np.uint8)[_png_start(data) :]
            pixels = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
        except cv2.error:  # a damaged header may ask for more pixels than OpenCV allows
            pixels = None
    if pixels is None:
        raise ValueError(f'got {len(data)} bytes that are no grey 16-bit png')
    return np.asarray(pixels, np.uint16)


def _png_start(data: bytes) -> int:
    return bytes(data[: DEPTH_HEADER + len(PNG_START)]).find(PNG_START)
