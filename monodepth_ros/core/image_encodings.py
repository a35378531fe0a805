"""
Conversion of raw image bytes, as sensor_msgs carries them, to RGB arrays.

sensor_msgs/image_encodings.hpp names the encodings. Where it leaves the meaning open, this module
reads them as follows:

- 8UC1, 8UC3 and 8UC4 are mono8, bgr8 and bgra8: OpenCV's order, as in rviz. The 16-bit ones
  follow the same order.
- 16-bit images are black at 0. White is the largest number of the bits that the camera fills (see
  BitDepth), not 65535 as in cv_bridge, which makes the images of a 12-bit camera dark.
- 32FC1 is black at 0 and NaN, white at 1, as in OpenCV; cv_bridge does not convert it to colour.
- yuv422, nv12 and similar ones are BT.601 with black at 16, as in cv_bridge. The rows of nv24's
  second plane are twice as long as a step, as Video4Linux defines it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.bayer import MOSAICS, SMALLEST_MOSAIC
from monodepth_ros.core.bit_depth import BitDepth


class _Packed(NamedTuple):
    """
    A layout with `channels` numbers per pixel, one pixel after the other in a row.

    to_rgb: OpenCV's conversion code; None for RGB.
    columns: the width is a multiple of it.
    smallest: smallest width and height.
    """

    dtype: type[np.generic]
    channels: int
    to_rgb: int | None
    columns: int = 1
    smallest: int = 1


class _SemiPlanar(NamedTuple):
    """
    A layout of a luma plane, then a chroma plane with one pair for each `block` x `block` pixels.

    to_rgb: OpenCV's conversion code for blocks of CODE_BLOCK.
    """

    to_rgb: int
    block: int


CODE_BLOCK = 2
_GREY = cv2.COLOR_GRAY2RGB
_PACKED = {
    'rgb8': _Packed(np.uint8, 3, None),
    'bgr8': _Packed(np.uint8, 3, cv2.COLOR_BGR2RGB),
    # Slicing alpha off costs more: cv2.remap copies the slice, 40 times slower than cvtColor.
    'rgba8': _Packed(np.uint8, 4, cv2.COLOR_RGBA2RGB),
    'bgra8': _Packed(np.uint8, 4, cv2.COLOR_BGRA2RGB),
    'rgb16': _Packed(np.uint16, 3, None),
    'bgr16': _Packed(np.uint16, 3, cv2.COLOR_BGR2RGB),
    'rgba16': _Packed(np.uint16, 4, cv2.COLOR_RGBA2RGB),
    'bgra16': _Packed(np.uint16, 4, cv2.COLOR_BGRA2RGB),
    'mono8': _Packed(np.uint8, 1, _GREY),
    'mono16': _Packed(np.uint16, 1, _GREY),
    '8UC1': _Packed(np.uint8, 1, _GREY),
    '8UC3': _Packed(np.uint8, 3, cv2.COLOR_BGR2RGB),
    '8UC4': _Packed(np.uint8, 4, cv2.COLOR_BGRA2RGB),
    '16UC1': _Packed(np.uint16, 1, _GREY),
    '16UC3': _Packed(np.uint16, 3, cv2.COLOR_BGR2RGB),
    '16UC4': _Packed(np.uint16, 4, cv2.COLOR_BGRA2RGB),
    '32FC1': _Packed(np.float32, 1, _GREY),
    'yuv422': _Packed(np.uint8, 2, cv2.COLOR_YUV2RGB_UYVY, columns=2),
    'uyvy': _Packed(np.uint8, 2, cv2.COLOR_YUV2RGB_UYVY, columns=2),
    'yuv422_yuy2': _Packed(np.uint8, 2, cv2.COLOR_YUV2RGB_YUY2, columns=2),
    'yuyv': _Packed(np.uint8, 2, cv2.COLOR_YUV2RGB_YUY2, columns=2),
    **{
        name: _Packed(
            np.uint8 if name.endswith('8') else np.uint16, 1, code, smallest=SMALLEST_MOSAIC
        )
        for name, code in MOSAICS.items()
    },
}
_SEMI_PLANAR = {
    'nv12': _SemiPlanar(cv2.COLOR_YUV2RGB_NV12, 2),
    'nv21': _SemiPlanar(cv2.COLOR_YUV2RGB_NV21, 2),
    'nv24': _SemiPlanar(cv2.COLOR_YUV2RGB_NV12, 1),
}
ENCODINGS = tuple(sorted([*_PACKED, *_SEMI_PLANAR]))


class _Image(NamedTuple):
    """The fields of an Image message that describe the layout of its bytes."""

    encoding: str
    width: int
    height: int
    step: int
    is_bigendian: bool

    @property
    def title(self) -> str:
        return f'a {self.width} x {self.height} {self.encoding} image'


def decode_image(
    data: bytes,
    *,
    bit_depth: BitDepth,
    encoding: str,
    width: int,
    height: int,
    step: int,
    is_bigendian: bool = False,
    keep_grey: bool = False,
) -> NDArray[np.uint8]:
    """
    Convert raw image bytes to (H, W, 3) uint8 RGB, without a copy where possible.

    data: the bytes of Image.data.
    bit_depth: bit depth of the camera, used for 16-bit images.
    encoding: one of ENCODINGS.
    width, height: size in pixels.
    step: bytes per row, padding included; for planar encodings, of the luma plane.
    is_bigendian: byte order of 16-bit and 32-bit numbers.
    keep_grey: return (H, W) for a grey image.
    Raises ValueError for an unknown encoding, an impossible size, or too few bytes.
    """
    raw = np.frombuffer(data, np.uint8)
    image = _Image(encoding, width, height, step, is_bigendian)
    if encoding in _SEMI_PLANAR:
        return _rgb_from_planes(raw, image)
    if encoding not in _PACKED:
        raise ValueError(f'got image encoding {encoding!r}, expected one of {list(ENCODINGS)}')
    pixels = _packed_pixels(raw, image)
    to_rgb = _PACKED[encoding].to_rgb
    if to_rgb is None or (keep_grey and to_rgb == _GREY):
        return _as_uint8(pixels, bit_depth)
    return _as_uint8(cv2.cvtColor(pixels, to_rgb), bit_depth)


def _packed_pixels(raw: NDArray[np.uint8], image: _Image) -> NDArray[Any]:
    """Return (H, W) or (H, W, channels) in native byte order, without a copy where possible."""
    layout = _PACKED[image.encoding]
    native = np.dtype(layout.dtype)
    pixel_bytes = layout.channels * native.itemsize
    _check_size(image, columns=layout.columns, rows=1, smallest=layout.smallest)
    _check_bytes(image, raw, row_bytes=image.width * pixel_bytes, rows=image.height)
    pixels = np.ndarray(
        (image.height, image.width, layout.channels),
        native.newbyteorder('>' if image.is_bigendian else '<'),
        raw,
        strides=(image.step, pixel_bytes, native.itemsize),
    )
    return np.require(pixels[..., 0] if layout.channels == 1 else pixels, native, 'A')


def _rgb_from_planes(raw: NDArray[np.uint8], image: _Image) -> NDArray[np.uint8]:
    _, width, height, step, _ = image
    to_rgb, block = _SEMI_PLANAR[image.encoding]
    _check_size(image, columns=block, rows=block, smallest=1)
    _check_bytes(image, raw, row_bytes=width, rows=height + 2 * height // block**2)
    luma = np.ndarray((height, width), np.uint8, raw, strides=(step, 1))
    chroma = np.ndarray(
        (height // block, width // block, 2),
        np.uint8,
        raw,
        offset=height * step,
        strides=(step * 2 // block, 2, 1),
    )
    # OpenCV has no code for one chroma pair per pixel (nv24): each pixel is enlarged to a block.
    scale = CODE_BLOCK // block
    luma_of_blocks = cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    rgb = cv2.cvtColorTwoPlane(luma_of_blocks, chroma, to_rgb)
    return np.ascontiguousarray(rgb[::scale, ::scale], np.uint8)


def _check_size(image: _Image, *, columns: int, rows: int, smallest: int) -> None:
    """Raise ValueError unless the size is large enough and a multiple of columns and rows."""
    if min(image.width, image.height) < smallest or image.width % columns or image.height % rows:
        raise ValueError(
            f'got {image.title}, expected at least {smallest} x {smallest} pixels and a multiple '
            f'of {columns} x {rows}'
        )


def _check_bytes(image: _Image, raw: NDArray[np.uint8], *, row_bytes: int, rows: int) -> None:
    """
    Raise ValueError unless the bytes hold the image.

    Called before any allocation, because a message may state any size.
    """
    if image.step < row_bytes or raw.size < image.step * rows:
        raise ValueError(
            f'got {raw.size} bytes with step {image.step}, expected at least {rows} rows of '
            f'{row_bytes} for {image.title}'
        )


def _as_uint8(numbers: Any, bit_depth: BitDepth) -> NDArray[np.uint8]:
    """Map black to 0 and white to 255, rounded."""
    if numbers.dtype == np.float32:
        numbers = np.rint(np.nan_to_num(np.clip(numbers, 0, 1)) * 255).astype(np.uint8)
    return bit_depth.to_uint8(numbers)
