"""
Core types to ROS messages.

They are made of the classes that message_classes was given, rclpy's or a rosbags typestore's: this
module imports no ROS.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from monodepth_ros.core.camera import Intrinsics, MM_PER_M
from monodepth_ros.core.pointcloud import Cloud
from monodepth_ros.messages.decode import FLOAT32

WRITTEN_TYPES = (
    'sensor_msgs/msg/CameraInfo',
    'sensor_msgs/msg/Image',
    'sensor_msgs/msg/PointCloud2',
    'sensor_msgs/msg/PointField',
    'sensor_msgs/msg/RegionOfInterest',
    'stereo_msgs/msg/DisparityImage',
)


def message_classes(
    lookup: Callable[[str], type], sequence: Callable[[np.ndarray], Any]
) -> SimpleNamespace:
    """
    The classes to write with: attributes named as the last part of each of WRITTEN_TYPES.

    lookup: full name to class. sequence: makes of a (N,) array what these classes hold numbers in.
    """
    found = {name.rpartition('/')[2]: lookup(name) for name in WRITTEN_TYPES}
    return SimpleNamespace(sequence=sequence, **found)


def native_sequence(values: np.ndarray) -> array[Any]:
    """Numbers as rclpy's messages hold them: given numpy they look at every one for seconds."""
    data = array(values.dtype.char)
    data.frombytes(values.data.cast('B'))
    return data


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


def _bytes(classes: SimpleNamespace, values: np.ndarray) -> Any:
    return classes.sequence(np.ascontiguousarray(values).reshape(-1).view(np.uint8))
