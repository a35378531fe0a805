"""
KITTI raw: synchronised and rectified drives with Velodyne scans (Geiger et al., IJRR 2013).

The files are ROOT/DATE/calib_cam_to_cam.txt, calib_velo_to_cam.txt and, in ROOT/DATE/DRIVE,
image_02/data/NAME.png, image_03, velodyne_points/data/NAME.bin. Camera 2 is the left colour
camera, camera 3 the right one.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from pathlib import Path

import numpy as np

from monodepth_ros.core.camera import (
    Camera,
    Intrinsics,
    stereo_baseline_m,
    StereoCalibration,
)
from monodepth_ros.storage.image_folder import find_images, find_in_folders
from monodepth_ros.storage.pair_folder import read_depth
from trainer.datasets.image_pairs import (
    calibration_of_images,
    complete_pairs,
    image_size,
    ImagePairs,
    list_lines,
    read_arrays,
    require_pairs,
)
from trainer.datasets.lidar import nearest_depth
from trainer.datasets.velodyne_depth import VelodyneDepth

LEFT, RIGHT = 'image_02', 'image_03'
CAMERA_FILE, VELODYNE_FILE = 'calib_cam_to_cam.txt', 'calib_velo_to_cam.txt'
POINT_NUMBERS = 4  # x, y, z, reflectance
IMPROVED = f'proj_depth/groundtruth/{LEFT}'
# Usual places of DRIVE/IMPROVED, below the root of KITTI raw or its parent folder: merged into the
# dates or into one folder, or as it is unpacked (into data_depth_annotated, for example).
IMPROVED_PARENTS = ('*', '*/train', '*/val')


class KittiDrive(ImagePairs):
    """
    One drive, or the frames of it in a file list, as a PairSequence.

    path: folder of the drive.
    names: names of the frames.
    velodyne_depth: depth of a lidar point: along the optical axis, or the lidar's own x (0.27 m
        more), as in the ground truth that the field uses for Eigen's test.
    """

    def __init__(
        self, path: Path, names: Collection[str], *, velodyne_depth: VelodyneDepth
    ) -> None:
        left, right = _views(path)
        file = path.parent / CAMERA_FILE
        self._rect_from_cam0, p_left, p_right, size = _read_cameras(file)
        full = rectified_calibration(p_left, p_right, size=size, path=file)
        rig = calibration_of_images(full, image_size(left[min(names)]), path=file)
        self._p_left = _resized(p_left, full.intrinsics, rig.intrinsics)
        super().__init__(path, rig, names, left=left, right=right)
        self._velodyne_depth = velodyne_depth

    def read_gt_depth(self, name: str) -> np.ndarray | None:
        """Return the frame's scan in the left view, see velodyne_depth_m; None without a scan."""
        path = self.path / 'velodyne_points' / 'data' / f'{name}.bin'
        if not path.exists():
            return None
        shapes = {'R': (3, 3), 'T': (3,)}
        rotation, translation = read_arrays(self.path.parent / VELODYNE_FILE, shapes)
        cam0_from_velodyne = np.eye(4)
        cam0_from_velodyne[:3] = np.column_stack([rotation, translation])
        return velodyne_depth_m(
            _read_points(path),
            projection=self._p_left @ self._rect_from_cam0 @ cam0_from_velodyne,
            camera=self.calibration.intrinsics,
            velodyne_depth=self._velodyne_depth,
        )

    def read_improved_depth(self, name: str) -> np.ndarray | None:
        """
        Return the frame's annotated depth map (Uhrig et al., 3DV 2017) in the left view.

        It is (H, W) float32 metres along the optical axis, NaN where unknown. It is None for a
        frame without a map, such as the first and last five frames of every drive.
        """
        for folder in self._improved_folders:
            if (path := folder / f'{name}.png').is_file():
                return read_depth(path, self.calibration.intrinsics)
        return None

    @cached_property
    def _improved_folders(self) -> list[Path]:
        root = self.path.absolute().parents[1]
        return [
            folder
            for base in (root, root.parent)
            for parent in IMPROVED_PARENTS
            for folder in sorted(base.glob(f'{parent}/{self.path.name}/{IMPROVED}'))
        ]


def velodyne_depth_m(
    points: np.ndarray,
    *,
    projection: np.ndarray,
    camera: Intrinsics,
    velodyne_depth: VelodyneDepth,
) -> np.ndarray:
    """
    Project a scan as Eigen's ground truth does (docs/method.md#evaluation-protocols).

    Only points with x >= 0 count. A pixel gets the depth of its nearest point.

    points: (N, 3) metres, x ahead of the lidar.
    projection: (3, 4), from the lidar's frame to pixels.
    camera: gives the size of the image.
    velodyne_depth: see KittiDrive.
    Returns (H, W) float32 metres, NaN where no point falls.
    """
    points = points[points[:, 0] >= 0].astype(np.float64)
    x, y, z = projection[:, :3] @ points.T + projection[:, 3:]
    ahead = z > 0
    # The field's ground truth counts pixels from 1.
    u, v = (np.rint(axis[ahead] / z[ahead]).astype(int) - 1 for axis in (x, y))
    depth_m = z if velodyne_depth == 'optical' else points[:, 0]
    return nearest_depth(u, v, depth_m[ahead], width=camera.width, height=camera.height)


def open_kitti_raw(
    root: Path, file_list: Path | None, velodyne_depth: VelodyneDepth
) -> list[KittiDrive]:
    """Return all drives below root, or the drives with the frames of a file list."""
    if file_list is None:
        drives = [path.parent for path in find_in_folders(root, f'*/*/{LEFT}')]
        frames = complete_pairs(drives, _views)
    else:
        frames = {root / drive: names for drive, names in _listed_frames(file_list).items()}
        require_pairs(frames, _views, file_list=file_list)
    return [
        KittiDrive(path, names, velodyne_depth=velodyne_depth)
        for path, names in frames.items()
        if names
    ]


def rectified_calibration(
    p_left: np.ndarray, p_right: np.ndarray, *, size: tuple[int, int], path: Path
) -> StereoCalibration:
    """
    Return the rig of two projections.

    p_left, p_right: (3, 4).
    size: (width, height) of the images in px.
    path: file of the projections, for messages.
    """
    try:
        left, right = (_camera(p, *size) for p in (p_left, p_right))
        return StereoCalibration(left.rectified, stereo_baseline_m(left, right))
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error


def _camera(p: np.ndarray, width: int, height: int) -> Camera:
    """Return the camera of rectified images with a (3, 4) projection."""
    return Camera(width, height, k=tuple(p[:, :3].ravel()), p=tuple(p.ravel()))


def _resized(p: np.ndarray, full: Intrinsics, resized: Intrinsics) -> np.ndarray:
    """Scale a (3, 4) projection to another image size, with the pixel centres of Intrinsics."""
    across, down = resized.width / full.width, resized.height / full.height
    scaling = [[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]]
    return np.asarray(scaling @ p)


def _views(path: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Return left and right images of a drive by name."""
    return find_images(path / LEFT / 'data').files, find_images(path / RIGHT / 'data').files


def _read_cameras(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]:
    """Read R_rect_00 as (4, 4), P_rect_02 and P_rect_03 as (3, 4), and (width, height) in px."""
    shapes = {'R_rect_00': (3, 3), 'P_rect_02': (3, 4), 'P_rect_03': (3, 4), 'S_rect_02': (2,)}
    rotation, p_left, p_right, size = read_arrays(path, shapes)
    rect_from_cam0 = np.eye(4)
    rect_from_cam0[:3, :3] = rotation
    width, height = (int(number) for number in size)
    return rect_from_cam0, p_left, p_right, (width, height)


def _read_points(path: Path) -> np.ndarray:
    """Read the points of a scan, (N, 3) float32 metres."""
    numbers = np.fromfile(path, np.float32)
    if numbers.size % POINT_NUMBERS:
        raise ValueError(
            f'{path} holds {numbers.size} numbers, expected {POINT_NUMBERS} per point; copy it '
            'again'
        )
    return numbers.reshape(-1, POINT_NUMBERS)[:, :3]


def _listed_frames(file_list: Path) -> dict[str, set[str]]:
    """
    Return the names in a file list by DATE/DRIVE.

    A line is `DATE/DRIVE/image_02/data/NAME.png DATE/DRIVE/image_03/data/NAME.png`, or
    `DATE/DRIVE NUMBER l`. It names a pair: a line that ends in r names the same pair as one that
    ends in l. The pair is trained on once, and evaluated on its left image, because the ground
    truth is for the left view.
    """
    frames: dict[str, set[str]] = {}
    for where, fields in list_lines(file_list):
        drive, name = _frame(where, fields)
        frames.setdefault(drive, set()).add(name)
    return frames


def _frame(where: str, fields: list[str]) -> tuple[str, str]:
    """Return DATE/DRIVE and NAME of a line."""
    parts = Path(fields[0]).parts
    if len(fields) == 2 and len(parts) == 5 and parts[2] == LEFT:
        return '/'.join(parts[:2]), Path(parts[4]).stem
    if len(fields) == 3 and len(parts) == 2 and fields[1].isdigit() and fields[2] in ('l', 'r'):
        return fields[0], f'{int(fields[1]):010d}'
    raise ValueError(
        f'{where} is {" ".join(fields)!r}, expected `DATE/DRIVE/{LEFT}/data/NAME.png '
        f'DATE/DRIVE/{RIGHT}/data/NAME.png` or `DATE/DRIVE NUMBER l`'
    )
