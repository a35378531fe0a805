"""Miniature data sets: pair folders of one red, and the layouts of public trees."""

from __future__ import annotations

from collections.abc import Iterable
import json
from pathlib import Path

import cv2
import numpy as np

from monodepth_ros.core.camera import Intrinsics
from test.helpers.tiny_model import CAMERA as TINY_CAMERA

WIDTH, HEIGHT = 64, 32
FOCAL_PX, BASELINE_M = 60.0, 0.5
DATE = '2011_09_26'
DRIVE = f'{DATE}/{DATE}_drive_0001_sync'
# The laser's axes: x ahead, y left, z up.
VELO_TO_CAM = 'R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 -0.25\n'


def write_image(path: Path, level: int, *, width: int = WIDTH, height: int = HEIGHT) -> None:
    """One level of red, as the model of tiny_model.py reads it; grey in green and blue."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((height, width, 3), 50, np.uint8)
    image[..., 2] = level  # OpenCV writes BGR
    cv2.imwrite(str(path), image)


def write_red_pairs(
    path: Path,
    frames: dict[str, tuple[int, np.ndarray | None]],
    camera: Intrinsics = TINY_CAMERA,
    baseline_m: float = 0.5,
) -> Path:
    """A pair folder; of every frame the red of its images and its true depth in m (H, W)."""
    for name, (red, depth_m) in frames.items():
        for view in ('left', 'right'):
            size = {'width': camera.width, 'height': camera.height}
            write_image(path / view / f'{name}.png', red, **size)
        if depth_m is not None:
            (path / 'gt_depth').mkdir(exist_ok=True)
            units = np.rint(np.nan_to_num(depth_m) * 256).astype(np.uint16)
            cv2.imwrite(str(path / 'gt_depth' / f'{name}.png'), units)
    values = camera.as_dict() | {'baseline_m': baseline_m}
    (path / 'calib.json').write_text(json.dumps(values))
    return path


def projections(prefix: str, *, left: str, right: str, baseline_m: float = BASELINE_M) -> str:
    """Two lines of (3, 4) projections: f = 60 px, the principal point in the middle."""
    lines = ''
    for name, shift in ((left, 6.0), (right, 6.0 - FOCAL_PX * baseline_m)):
        lines += f'{prefix}{name}: {FOCAL_PX} 0 31.5 {shift} 0 {FOCAL_PX} 15.5 0 0 0 1 0\n'
    return lines


def write_kitti_raw(
    root: Path,
    *,
    names: Iterable[str] = ('0000000000', '0000000002'),
    drive: str = DRIVE,
    points: np.ndarray | None = None,
    level: int = 100,
) -> Path:
    """A drive; points (N, 3) in the laser's frame are the scan of every frame."""
    folder = root / drive
    date = folder.parent
    date.mkdir(parents=True, exist_ok=True)
    (date / 'calib_cam_to_cam.txt').write_text(
        f'calib_time: 09-Jan-2012 13:57:47\nS_rect_02: {WIDTH:.6e} {HEIGHT:.6e}\n'
        'R_rect_00: 1 0 0 0 1 0 0 0 1\n' + projections('P_rect_', left='02', right='03')
    )
    (date / 'calib_velo_to_cam.txt').write_text(VELO_TO_CAM)
    for name in names:
        write_image(folder / 'image_02' / 'data' / f'{name}.png', level)
        write_image(folder / 'image_03' / 'data' / f'{name}.png', level)
        if points is not None:
            scan = np.column_stack([points, np.zeros(len(points))]).astype(np.float32)
            path = folder / 'velodyne_points' / 'data' / f'{name}.bin'
            path.parent.mkdir(parents=True, exist_ok=True)
            scan.tofile(path)
    return root


def write_improved_depth(folder: Path, name: str, depth_m: np.ndarray) -> None:
    """One annotated depth map of KITTI's; folder: of the drive. 0 m where unknown."""
    path = folder / 'proj_depth' / 'groundtruth' / 'image_02' / f'{name}.png'
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.rint(depth_m * 256).astype(np.uint16))


def write_kitti_stereo(
    root: Path, *, disparities: dict[str, np.ndarray], level: int = 100
) -> Path:
    """Pairs NAME_10 with (H, W) disparities in px, 0 where unknown, and a NAME_11 beside them."""
    training = root / 'training'
    for name, disparity_px in disparities.items():
        for moment in ('10', '11'):
            for view in ('image_2', 'image_3'):
                write_image(training / view / f'{name}_{moment}.png', level)
        (training / 'disp_noc_0').mkdir(exist_ok=True)
        units = np.rint(disparity_px * 256).astype(np.uint16)
        cv2.imwrite(str(training / 'disp_noc_0' / f'{name}_10.png'), units)
        calibration = training / 'calib_cam_to_cam' / f'{name}.txt'
        calibration.parent.mkdir(exist_ok=True)
        size = f'S_rect_02: {WIDTH:.6e} {HEIGHT:.6e}\n'
        calibration.write_text(size + projections('P_rect_', left='02', right='03'))
    return root


def write_cityscapes(root: Path, names: dict[str, list[str]]) -> Path:
    """Pairs by SPLIT/CITY, 64 x 32: a 32nd of the 2048 x 1024 px that their cameras are of."""
    camera = {
        'extrinsic': {'baseline': 0.209313},
        'intrinsic': {'fx': 32 * 60.0, 'fy': 32 * 61.0, 'u0': 1023.5, 'v0': 479.5},
    }
    for city, stems in names.items():
        for stem in stems:
            for side in ('leftImg8bit', 'rightImg8bit'):
                write_image(root / side / city / f'{stem}_{side}.png', 100)
            path = root / 'camera' / city / f'{stem}_camera.json'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(camera))
    return root
