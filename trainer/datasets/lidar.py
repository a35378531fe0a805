"""Projection of lidar scans to depth images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.messages.decode import FLOAT32

MIN_DEPTH_M = 0.1


def cloud_xyz(cloud: Any) -> np.ndarray:
    """Return the points of a PointCloud2, (N, 3) float32 metres, in its own frame."""
    offsets = {f.name: f.offset for f in cloud.fields if f.datatype == FLOAT32}
    missing = {'x', 'y', 'z'} - offsets.keys()
    if missing:
        raise ValueError(f'the cloud lacks float32 fields {sorted(missing)}')
    count = cloud.width * cloud.height
    if count * cloud.point_step > len(cloud.data):
        raise ValueError(
            f'the cloud has {len(cloud.data)} bytes, expected {count} points of {cloud.point_step}'
        )
    order = '>' if cloud.is_bigendian else '<'
    layout = np.dtype(
        {
            'names': ['x', 'y', 'z'],
            'formats': [f'{order}f4'] * 3,
            'offsets': [offsets[name] for name in 'xyz'],
            'itemsize': cloud.point_step,
        }
    )
    points = np.frombuffer(cloud.data, layout, count=count)
    return np.stack([points[name] for name in 'xyz'], axis=1).astype(np.float32)


def project_points(
    points: np.ndarray, *, rectified_from_cloud: np.ndarray, intrinsics: Intrinsics
) -> np.ndarray:
    """
    Project points to a depth image; a pixel gets the depth of its nearest point.

    points: (N, 3) metres.
    rectified_from_cloud: (4, 4).
    intrinsics: of the depth image.
    Returns (H, W) float32 metres along the optical axis, NaN where no point falls.
    """
    x, y, z = rectified_from_cloud[:3, :3] @ points.T + rectified_from_cloud[:3, 3:]
    ahead = z > MIN_DEPTH_M
    x, y, z = x[ahead], y[ahead], z[ahead]
    u, v = (np.rint(at).astype(int) for at in intrinsics.to_pixels(x / z, y / z))
    return nearest_depth(u, v, z, width=intrinsics.width, height=intrinsics.height)


def nearest_depth(
    u: np.ndarray, v: np.ndarray, depth_m: np.ndarray, *, width: int, height: int
) -> np.ndarray:
    """
    Draw points as a depth image; a pixel gets the depth of its nearest point.

    u, v: (N,) int, column and row of each point.
    depth_m: (N,).
    width, height: size of the image in px.
    Returns (H, W) float32 metres, NaN where no point falls.
    """
    seen = (u >= 0) & (u < width) & (v >= 0) & (v < height)
    u, v, depth_m = u[seen], v[seen], depth_m[seen]
    far_first = np.argsort(-depth_m, kind='stable')
    image_m = np.full((height, width), np.nan, np.float32)
    image_m[v[far_first], u[far_first]] = depth_m[far_first]
    return image_m


class StaticTransforms:
    """The tree of the transforms of /tf_static."""

    def __init__(self, transforms: Iterable[Any] = ()) -> None:
        self._parents = {t.child_frame_id: (t.header.frame_id, _matrix(t)) for t in transforms}

    def between(self, target: str, source: str) -> np.ndarray | None:
        """Return target_from_source, (4, 4), or None if the frames are not connected."""
        target_root, root_from_target = self._to_root(target)
        source_root, root_from_source = self._to_root(source)
        if target_root != source_root:
            return None
        return np.asarray(np.linalg.inv(root_from_target) @ root_from_source)

    def _to_root(self, frame: str) -> tuple[str, np.ndarray]:
        root_from_frame = np.eye(4)
        for _ in range(len(self._parents)):  # bounds the way to the root if there is a cycle
            if frame not in self._parents:
                break
            frame, parent_from_child = self._parents[frame]
            root_from_frame = parent_from_child @ root_from_frame
        return frame, root_from_frame


def _matrix(stamped: Any) -> np.ndarray:
    """Return parent_from_child of a TransformStamped, (4, 4)."""
    q, t = stamped.transform.rotation, stamped.transform.translation
    x, y, z, w = np.array([q.x, q.y, q.z, q.w]) / np.linalg.norm([q.x, q.y, q.z, q.w])
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, 3] = t.x, t.y, t.z
    return matrix
