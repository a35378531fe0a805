"""
Conversion of core types to ROS messages.

This module imports no ROS: message_classes collects the classes, of rclpy or of a rosbags
typestore.
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
    Return the classes of WRITTEN_TYPES as attributes, each named as the last part of its type.

    lookup: returns the class of a full type name.
    sequence: converts an (N,) array to the type in which these classes hold numbers.
    """
    found = {name.rpartition('/')[2]: lookup(name) for name in WRITTEN_TYPES}
    return SimpleNamespace(sequence=sequence, **found)


def native_sequence(values: np.ndarray) -> array[Any]:
    """
    Convert numbers to the array that rclpy's messages hold.

    Given a numpy array instead, rclpy checks every element, which takes seconds for a large image.
    """
    data = array(values.dtype.char)
    data.frombytes(values.data.cast('B'))
    return data


def depth_image(classes: SimpleNamespace, header: Any, depth_m: np.ndarray, encoding: str) -> Any:
    """
    Return an Image of (H, W) float32 metres (REP 118).

    classes: see message_classes.
    header: header of the input image.
    depth_m: (H, W) float32 metres.
    encoding: `32FC1`, or `16UC1` in millimetres with 0 where depth is not finite or above 65.535
    m.
    """
    if encoding == '32FC1':
        return _image(classes, header, depth_m, encoding)
    depth_mm = np.zeros(depth_m.shape, np.uint16)
    storable = (depth_m > 0) & (depth_m <= np.iinfo(np.uint16).max / MM_PER_M)
    depth_mm[storable] = np.rint(depth_m[storable] * MM_PER_M)
    return _image(classes, header, depth_mm, encoding)


def confidence_image(classes: SimpleNamespace, header: Any, confidence: np.ndarray) -> Any:
    """Return a 32FC1 Image of (H, W) float32 in 0..1."""
    return _image(classes, header, confidence, '32FC1')


def color_image(classes: SimpleNamespace, header: Any, color: np.ndarray) -> Any:
    """Return an rgb8 Image of (H, W, 3) uint8, or a mono8 Image of (H, W)."""
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
    Return a DisparityImage, where Z = f * t / d (DisparityImage.msg).

    Invalid pixels are 0, which is less than min_disparity and so marks them as invalid.

    classes: see message_classes.
    header: header of the input image.
    disparity_px: (H, W) float32 px at focal_px, NaN where invalid.
    focal_px: focal length at the size of disparity_px.
    baseline_m: baseline that disparity_px belongs to.
    depth_range_m: near and far end, which give max_disparity and min_disparity.
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
    """Return the CameraInfo of a rectified image: D = 0, R = I, K = P[:3, :3]."""
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
    """Return an organised PointCloud2 of a cloud, with consecutive float32 fields."""
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
    """Return the smallest window with all valid pixels; 0 x 0 without any."""
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
