"""
Conversion of ROS messages to core types.

This module imports no ROS. It reads any message with the ROS field names, of rclpy or of a rosbags
typestore.
"""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np

from monodepth_ros.common.errors import one_line
from monodepth_ros.core.bit_depth import BitDepth
from monodepth_ros.core.camera import Camera, camera_of_images, MM_PER_M
from monodepth_ros.core.choices import DEPTH_ENCODINGS
from monodepth_ros.core.compressed import decode_compressed, decode_png16, is_png16
from monodepth_ros.core.image_encodings import decode_image, ENCODINGS
from monodepth_ros.messages.cv_bridge_encodings import decode_with_cv_bridge

FLOAT32 = 7  # sensor_msgs/PointField.FLOAT32
NS_PER_S = 1_000_000_000
DEPTH_TYPES = dict(zip(DEPTH_ENCODINGS, (np.float32, np.uint16), strict=True))


def stamp_ns(header: Any) -> int:
    """Return the acquisition time of a header in nanoseconds."""
    return int(header.stamp.sec) * NS_PER_S + int(header.stamp.nanosec)


def image_rgb(msg: Any, bit_depth: BitDepth) -> np.ndarray:
    """
    Convert an Image or CompressedImage to (H, W, 3) uint8 RGB.

    bit_depth: bit depth of the camera, used for 16-bit images; it learns from each image.
    Raises ValueError for an image that cannot be decoded.
    """
    return _decoded(msg, bit_depth, keep_grey=False)


def image_pixels(msg: Any, bit_depth: BitDepth) -> np.ndarray:
    """Convert as image_rgb does, but a grey image to (H, W) uint8."""
    return _decoded(msg, bit_depth, keep_grey=True)


def _decoded(msg: Any, bit_depth: BitDepth, *, keep_grey: bool) -> np.ndarray:
    try:
        return _pixels(msg, bit_depth, keep_grey=keep_grey)
    # The sender's sizes and bytes can make OpenCV fail; any other error is a bug of this package.
    except cv2.error as error:
        raise ValueError(f'OpenCV cannot decode the image: {one_line(error)}') from None


def _pixels(msg: Any, bit_depth: BitDepth, *, keep_grey: bool) -> np.ndarray:
    if not hasattr(msg, 'encoding'):
        return decode_compressed(
            msg.data, bit_depth=bit_depth, format=msg.format, keep_grey=keep_grey
        )
    if msg.encoding not in ENCODINGS:
        return decode_with_cv_bridge(msg)
    return decode_image(
        msg.data,
        bit_depth=bit_depth,
        encoding=msg.encoding,
        width=msg.width,
        height=msg.height,
        step=msg.step,
        is_bigendian=bool(msg.is_bigendian),
        keep_grey=keep_grey,
    )


def camera_from_info(info: Any, *, rectified: bool) -> Camera:
    """
    Convert a CameraInfo to the camera of its images: roi and binning are applied.

    K and P of a CameraInfo describe the full sensor (CameraInfo.msg); an image of a window of the
    sensor, or a binned image, has fewer pixels.

    rectified: see camera_of_images.
    Raises ValueError for an uncalibrated camera.
    """
    bin_x, bin_y = _binning(info)
    width, height = size_of_images(info)
    window = np.array(
        [
            [1 / bin_x, 0, (0.5 - info.roi.x_offset) / bin_x - 0.5],
            [0, 1 / bin_y, (0.5 - info.roi.y_offset) / bin_y - 0.5],
            [0, 0, 1],
        ]
    )
    return camera_of_images(
        rectified=rectified,
        width=width,
        height=height,
        k=_windowed(window, info.k, columns=3),
        d=tuple(float(value) for value in info.d),
        r=tuple(float(value) for value in info.r),
        p=_windowed(window, info.p, columns=4),
        distortion_model=info.distortion_model,
    )


def size_of_images(info: Any) -> tuple[int, int]:
    """Return width and height in px of the images that a CameraInfo describes."""
    bin_x, bin_y = _binning(info)
    return (info.roi.width or info.width) // bin_x, (info.roi.height or info.height) // bin_y


def _binning(info: Any) -> tuple[int, int]:
    return max(info.binning_x, 1), max(info.binning_y, 1)


def _windowed(window: np.ndarray, matrix: Any, *, columns: int) -> tuple[float, ...]:
    return tuple((window @ np.reshape(matrix, (3, columns))).ravel().tolist())


def is_depth(msg: Any, topic: str) -> bool:
    """Return whether an Image or CompressedImage of this topic holds depth that can be read."""
    if hasattr(msg, 'encoding'):
        return msg.encoding in DEPTH_ENCODINGS
    # A 16-bit png may be a thermal image, so the topic or format must name it depth.
    return is_png16(msg.data) and 'depth' in f'{topic} {msg.format}'.lower()


def depth_m_from_image(msg: Any) -> np.ndarray:
    """
    Convert a depth image (REP 118) to (H, W) float32 metres, without a copy where possible.

    32FC1 holds metres; 16UC1 and a 16-bit png hold millimetres, where 0 becomes NaN. A 32FC1 image
    of compressed_depth_image_transport holds inverse depth. Raises ValueError for another
    encoding.
    """
    if not hasattr(msg, 'encoding'):
        return _compressed_depth_m(msg)
    if msg.encoding not in DEPTH_ENCODINGS:
        raise ValueError(
            f'got depth encoding {msg.encoding!r}, expected one of {sorted(DEPTH_ENCODINGS)}'
        )
    layout = np.dtype(DEPTH_TYPES[msg.encoding]).newbyteorder('>' if msg.is_bigendian else '<')
    if msg.step < msg.width * layout.itemsize:
        raise ValueError(f'got step {msg.step} for {msg.width} pixels of {layout.itemsize} bytes')
    rows = np.frombuffer(msg.data, np.uint8).reshape(msg.height, msg.step)
    strides = (msg.step, layout.itemsize)
    pixels: np.ndarray = np.ndarray((msg.height, msg.width), layout, rows, strides=strides)
    if msg.encoding == '16UC1':
        return _metres(pixels)
    return pixels.astype(np.float32, copy=False)


def _compressed_depth_m(msg: Any) -> np.ndarray:
    pixels = decode_png16(msg.data)
    if not msg.format.startswith('32FC1'):
        return _metres(pixels)
    # The ConfigHeader holds an enum, then A and B of depth = A / (pixel - B).
    _, a, b = struct.unpack('<iff', bytes(msg.data[:12]))
    inverse = np.where(pixels > 0, pixels - np.float32(b), np.float32(np.nan))
    return (np.float32(a) / inverse).astype(np.float32)


def _metres(pixels_mm: np.ndarray) -> np.ndarray:
    return np.where(pixels_mm > 0, pixels_mm / np.float32(MM_PER_M), np.float32(np.nan))
