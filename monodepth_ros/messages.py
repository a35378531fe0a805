"""
ROS messages <-> core types.

Reading takes any message with the ROS field names, rclpy's or a rosbags typestore's; writing makes
messages of the classes it is given. So this module imports no ROS.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
import struct
from types import SimpleNamespace
from typing import Any

import numpy as np

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.encodings import (
    decode_compressed,
    decode_image,
    decode_png16,
    ENCODINGS,
    is_png16,
)
from monodepth_ros.core.pointcloud import Cloud
from monodepth_ros.foreign_encodings import decode_foreign

FLOAT32 = 7  # sensor_msgs/PointField.FLOAT32
NS_PER_S = 1_000_000_000
MM_PER_M = 1000
WRITTEN_TYPES = (
    'sensor_msgs/msg/CameraInfo',
    'sensor_msgs/msg/Image',
    'sensor_msgs/msg/PointCloud2',
    'sensor_msgs/msg/PointField',
    'sensor_msgs/msg/RegionOfInterest',
    'stereo_msgs/msg/DisparityImage',
)
DEPTH_ENCODINGS = {'32FC1': np.float32, '16UC1': np.uint16}


def message_classes(
    lookup: Callable[[str], type], sequence: Callable[[np.ndarray], Any]
) -> SimpleNamespace:
    """
    The classes to write with: attributes named as the last part of each of WRITTEN_TYPES.

    lookup: full name to class. sequence: makes of a (N,) array what these classes hold numbers in.
    """
    found = {name.rpartition('/')[2]: lookup(name) for name in WRITTEN_TYPES}
    return SimpleNamespace(sequence=sequence, **found)


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
    if msg.encoding not in ENCODINGS:
        return decode_foreign(msg)
    return decode_image(
        msg.data,
        encoding=msg.encoding,
        width=msg.width,
        height=msg.height,
        step=msg.step,
        is_bigendian=bool(msg.is_bigendian),
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


def depth_image(classes: SimpleNamespace, header: Any, depth_m: np.ndarray, encoding: str) -> Any:
    """
    Image of (H, W) float32 metres (REP 118): `32FC1`, or `16UC1` in millimetres.

    16UC1 has 0 where depth is not finite or beyond 65.535 m.
    """
    if encoding == '32FC1':
        return _image(classes, header, depth_m, encoding)
    depth_mm = np.zeros(depth_m.shape, np.uint16)
    storable = (depth_m > 0) & (depth_m <= np.iinfo(np.uint16).max / MM_PER_M)
    depth_mm[storable] = np.rint(depth_m[storable] * MM_PER_M)
    return _image(classes, header, depth_mm, encoding)


def confidence_image(classes: SimpleNamespace, header: Any, confidence: np.ndarray) -> Any:
    """32FC1 Image of (H, W) float32 in 0..1."""
    return _image(classes, header, confidence, '32FC1')


def color_image(classes: SimpleNamespace, header: Any, color: np.ndarray) -> Any:
    """rgb8 Image of (H, W, 3) uint8, or mono8 of (H, W)."""
    return _image(classes, header, color, 'mono8' if color.ndim == 2 else 'rgb8')


def disparity_image(
    classes: SimpleNamespace,
    header: Any,
    disparity_px: np.ndarray,
    *,
    focal_px: float,
    baseline_m: float,
    depth_range_m: tuple[float, float],
) -> Any:
    """
    DisparityImage of (H, W) float32 px at focal_px: Z = f * t / d (DisparityImage.msg).

    min_disparity and max_disparity belong to the far and near end of the depth range. Invalid
    pixels are 0, less than min_disparity, which is how the message tells them.
    """
    valid = np.isfinite(disparity_px)
    near_m, far_m = depth_range_m
    return classes.DisparityImage(
        header=header,
        image=_image(classes, header, np.where(valid, disparity_px, np.float32(0)), '32FC1'),
        f=focal_px,
        t=baseline_m,
        valid_window=_window_of(classes, valid),
        min_disparity=focal_px * baseline_m / far_m,
        max_disparity=focal_px * baseline_m / near_m,
        delta_d=0.0,  # a network's disparity is not quantised
    )


def _window_of(classes: SimpleNamespace, valid: np.ndarray) -> Any:
    """The smallest window with all valid pixels; 0 x 0 without any."""
    columns, rows = (np.flatnonzero(valid.any(axis=axis)) for axis in (0, 1))
    if not columns.size:
        return _no_region(classes)
    return classes.RegionOfInterest(
        x_offset=int(columns[0]),
        y_offset=int(rows[0]),
        width=int(columns[-1] - columns[0] + 1),
        height=int(rows[-1] - rows[0] + 1),
        do_rectify=False,
    )


def _no_region(classes: SimpleNamespace) -> Any:
    return classes.RegionOfInterest(x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)


def _image(classes: SimpleNamespace, header: Any, pixels: np.ndarray, encoding: str) -> Any:
    height, width = pixels.shape[:2]
    return classes.Image(
        header=header,
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=pixels.nbytes // height,
        data=_bytes(classes, pixels),
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
    if msg.step < msg.width * layout.itemsize:
        raise ValueError(f'got step {msg.step} for {msg.width} pixels of {layout.itemsize} bytes')
    strides = (msg.step, layout.itemsize)
    pixels: np.ndarray = np.ndarray((msg.height, msg.width), layout, rows, strides=strides)
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
        d=classes.sequence(np.zeros(5)),
        k=k.ravel(),
        r=np.eye(3).ravel(),
        p=np.hstack([k, np.zeros((3, 1))]).ravel(),
        binning_x=0,
        binning_y=0,
        roi=_no_region(classes),
    )


def point_cloud(classes: SimpleNamespace, header: Any, cloud: Cloud) -> Any:
    """Organised PointCloud2 of a CloudPacker's cloud: float32 fields side by side."""
    height, width, count = cloud.points.shape
    size = cloud.points.itemsize
    return classes.PointCloud2(
        header=header,
        height=height,
        width=width,
        fields=[
            classes.PointField(name=name, offset=size * at, datatype=FLOAT32, count=1)
            for at, name in enumerate(cloud.fields)
        ],
        is_bigendian=False,
        point_step=size * count,
        row_step=size * count * width,
        data=_bytes(classes, cloud.points),
        is_dense=False,
    )


def _bytes(classes: SimpleNamespace, values: np.ndarray) -> Any:
    return classes.sequence(np.ascontiguousarray(values).reshape(-1).view(np.uint8))


def native_sequence(values: np.ndarray) -> array[Any]:
    """Numbers as rclpy's messages hold them: given numpy they look at every one for seconds."""
    data = array(values.dtype.char)
    data.frombytes(memoryview(values).cast('B'))
    return data
