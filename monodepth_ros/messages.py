"""
ROS messages <-> core types.

Reading takes any message with the ROS field names, rclpy's or a rosbags typestore's; writing makes
messages of the classes it is given, filled as rclpy wants them. So this module imports no ROS.
"""

from __future__ import annotations

from array import array
import struct
from types import SimpleNamespace
from typing import Any

import numpy as np

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.encodings import decode_compressed, decode_image, decode_png16, is_png16

FLOAT32 = 7  # sensor_msgs/PointField.FLOAT32
NS_PER_S = 1_000_000_000
MM_PER_M = 1000
DEPTH_ENCODINGS = {'32FC1': np.float32, '16UC1': np.uint16}


def stamp_ns(header: Any) -> int:
    """Acquisition time of a header in nanoseconds."""
    return int(header.stamp.sec) * NS_PER_S + int(header.stamp.nanosec)


def image_rgb(msg: Any) -> np.ndarray:
    """Image or CompressedImage to (H, W, 3) uint8 RGB. Raises ValueError for what it cannot."""
    return _decoded(msg, keep_grey=False)


def image_pixels(msg: Any) -> np.ndarray:
    """As image_rgb, but (H, W) uint8 for a grey image."""
    return _decoded(msg, keep_grey=True)


def _decoded(msg: Any, *, keep_grey: bool) -> np.ndarray:
    if not hasattr(msg, 'encoding'):
        return decode_compressed(msg.data, keep_grey=keep_grey)
    return decode_image(
        msg.data,
        encoding=msg.encoding,
        width=msg.width,
        height=msg.height,
        step=msg.step,
        keep_grey=keep_grey,
    )


def camera_from_info(info: Any) -> Camera:
    """
    CameraInfo to the camera of the image that comes with it: roi and binning are applied.

    K and P of a CameraInfo describe the full sensor (CameraInfo.msg); an image of a window of it,
    binned, has fewer pixels. Raises ValueError for an uncalibrated camera.
    """
    bin_x, bin_y = max(info.binning_x, 1), max(info.binning_y, 1)
    window = np.array(
        [
            [1 / bin_x, 0, (0.5 - info.roi.x_offset) / bin_x - 0.5],
            [0, 1 / bin_y, (0.5 - info.roi.y_offset) / bin_y - 0.5],
            [0, 0, 1],
        ]
    )
    return Camera(
        width=(info.roi.width or info.width) // bin_x,
        height=(info.roi.height or info.height) // bin_y,
        k=_windowed(window, info.k, columns=3),
        d=tuple(float(value) for value in info.d),
        r=tuple(float(value) for value in info.r),
        p=_windowed(window, info.p, columns=4),
        distortion_model=info.distortion_model or 'plumb_bob',
    )


def _windowed(window: np.ndarray, matrix: Any, *, columns: int) -> tuple[float, ...]:
    return tuple((window @ np.reshape(matrix, (3, columns))).ravel().tolist())


def depth_image(classes: SimpleNamespace, header: Any, depth_m: np.ndarray) -> Any:
    """32FC1 Image of (H, W) float32 metres (REP 118)."""
    height, width = depth_m.shape
    return classes.Image(
        header=header,
        height=height,
        width=width,
        encoding='32FC1',
        is_bigendian=0,
        step=4 * width,
        data=_byte_array(depth_m),
    )


def is_depth(msg: Any, topic: str) -> bool:
    """Whether an Image or CompressedImage of this topic holds depth that can be read."""
    if hasattr(msg, 'encoding'):
        return msg.encoding in DEPTH_ENCODINGS
    # A png of 16 bits may be a thermal camera's picture: the name must say what it is.
    return is_png16(msg.data) and 'depth' in f'{topic} {msg.format}'.lower()


def depth_m_from_image(msg: Any) -> np.ndarray:
    """
    A depth image (REP 118) to (H, W) float32 metres, a view where it can be.

    32FC1 is metres; 16UC1 and a 16-bit png are millimetres, 0 becomes NaN. A 32FC1 image of
    compressed_depth_image_transport holds inverse depth. Raises ValueError for another encoding.
    """
    if not hasattr(msg, 'encoding'):
        pixels = decode_png16(msg.data)
        if msg.format.startswith('32FC1'):
            # Of its ConfigHeader: an enum, then A and B of depth = A / (pixel - B).
            _, a, b = struct.unpack('<iff', bytes(msg.data[:12]))
            inverse = np.where(pixels > 0, pixels - np.float32(b), np.float32(np.nan))
            return (np.float32(a) / inverse).astype(np.float32)
        return _metres(pixels)
    if msg.encoding not in DEPTH_ENCODINGS:
        raise ValueError(
            f'got depth encoding {msg.encoding!r}, expected one of {sorted(DEPTH_ENCODINGS)}'
        )
    layout = np.dtype(DEPTH_ENCODINGS[msg.encoding]).newbyteorder('>' if msg.is_bigendian else '<')
    rows = np.frombuffer(msg.data, np.uint8).reshape(msg.height, msg.step)
    pixels = rows[:, : msg.width * layout.itemsize].view(layout)
    if msg.encoding == '16UC1':
        return _metres(pixels)
    return pixels.astype(np.float32, copy=False)


def _metres(pixels_mm: np.ndarray) -> np.ndarray:
    return np.where(pixels_mm > 0, pixels_mm / np.float32(MM_PER_M), np.float32(np.nan))


def camera_info(classes: SimpleNamespace, header: Any, intrinsics: Intrinsics) -> Any:
    """CameraInfo of a rectified image: D = 0, R = I, K = P[:3, :3]."""
    k = intrinsics.matrix()
    return classes.CameraInfo(
        header=header,
        width=intrinsics.width,
        height=intrinsics.height,
        distortion_model='plumb_bob',
        d=array('d', [0.0] * 5),
        k=k.ravel(),
        r=np.eye(3).ravel(),
        p=np.hstack([k, np.zeros((3, 1))]).ravel(),
        binning_x=0,
        binning_y=0,
        roi=classes.RegionOfInterest(x_offset=0, y_offset=0, height=0, width=0, do_rectify=False),
    )


def point_cloud(classes: SimpleNamespace, header: Any, points: np.ndarray) -> Any:
    """Organised PointCloud2 of CloudPacker's (H, W, 4) points: x, y, z, rgb."""
    height, width, _ = points.shape
    names = ('x', 'y', 'z', 'rgb')
    return classes.PointCloud2(
        header=header,
        height=height,
        width=width,
        fields=[
            classes.PointField(name=name, offset=4 * at, datatype=FLOAT32, count=1)
            for at, name in enumerate(names)
        ],
        is_bigendian=False,
        point_step=16,
        row_step=16 * width,
        data=_byte_array(points),
        is_dense=False,
    )


def _byte_array(values: np.ndarray) -> array[int]:
    # The one form that rclpy takes over at once; given numpy it looks at every byte for seconds.
    data = array('B')
    data.frombytes(memoryview(np.ascontiguousarray(values)).cast('B'))
    return data
