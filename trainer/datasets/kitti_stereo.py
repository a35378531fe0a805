"""
KITTI stereo 2015 (Menze and Geiger, CVPR 2015): 200 pairs with measured disparity.

The files are, in ROOT/training: image_2/NAME_10.png, image_3, disp_noc_0 (uint16, px * 256, 0
where unknown), and calib_cam_to_cam or calib with one NAME.txt for each pair.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from monodepth_ros.core.camera import StereoCalibration
from monodepth_ros.core.disparity import depth_from_disparity
from monodepth_ros.storage.image_folder import find_images, natural_order
from trainer.datasets.disparity_files import read_disparity_px
from trainer.datasets.image_pairs import image_size, ImagePairs, read_arrays
from trainer.datasets.kitti import rectified_calibration

ENDING = '_10'  # NAME_11 is the next frame, without a measured disparity
# The baseline that the papers use to convert disparities of this data set to metres.
NOMINAL_BASELINE_M = 0.54
# Each folder of calibration files, with the keys of the two projections and of the size.
CALIBRATIONS = {
    'calib_cam_to_cam': ('P_rect_02', 'P_rect_03', 'S_rect_02'),
    'calib': ('P2', 'P3', None),
}


class KittiStereo2015(ImagePairs):
    """
    The pairs of one calibration and image size, as a PairSequence.

    nominal: the rig that the papers use to convert disparities to metres; its baseline is 0.54 m,
        while `calibration` has the measured one (0.533 m).
    """

    def __init__(self, path: Path, calibration: StereoCalibration, names: list[str]) -> None:
        left, right = _views(path)
        super().__init__(path, calibration, names, left=left, right=right)
        self.nominal = StereoCalibration(calibration.intrinsics, NOMINAL_BASELINE_M)

    def read_gt_depth(self, name: str) -> np.ndarray | None:
        """Return fx * 0.54 m / disparity, (H, W) float32 metres, NaN where unknown, or None."""
        path = self.path / 'disp_noc_0' / f'{name}.png'
        if not path.exists():
            return None
        camera = self.calibration.intrinsics
        return depth_from_disparity(
            read_disparity_px(path, camera),
            focal_px=camera.fx,
            baseline_m=self.nominal.baseline_m,
        )


def open_kitti_stereo(root: Path) -> list[KittiStereo2015]:
    """Return the pairs that have both images, grouped by calibration and size."""
    path = root / 'training'
    left, right = _views(path)
    groups: dict[StereoCalibration, list[str]] = defaultdict(list)
    for name in left.keys() & right.keys():
        if name.endswith(ENDING):
            groups[_read_rig(path, name, left[name])].append(name)
    if not groups:
        raise ValueError(f'{path} holds no pair image_2/NAME_10.png, image_3/NAME_10.png')
    sequences = [KittiStereo2015(path, rig, names) for rig, names in groups.items()]
    return sorted(sequences, key=lambda sequence: natural_order(sequence.names[0]))


def _views(path: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Return left and right images by name."""
    return find_images(path / 'image_2').files, find_images(path / 'image_3').files


def _read_rig(path: Path, name: str, image: Path) -> StereoCalibration:
    number = name.removesuffix(ENDING)
    for folder, (left, right, size) in CALIBRATIONS.items():
        file = path / folder / f'{number}.txt'
        if file.is_file():
            p_left, p_right = read_arrays(file, {left: (3, 4), right: (3, 4)})
            found = image_size(image)
            if size is not None:
                _check_full_size(found, file, size)
            return rectified_calibration(p_left, p_right, size=found, path=file)
    raise FileNotFoundError(
        f'{path} holds no {number}.txt in {" or ".join(CALIBRATIONS)}; download the calibration '
        'files of KITTI stereo 2015 too'
    )


def _check_full_size(size: tuple[int, int], file: Path, key: str) -> None:
    """Raise ValueError for resized images, because their disparities may not be scaled."""
    (full,) = read_arrays(file, {key: (2,)})
    if size != tuple(full):
        raise ValueError(
            f'{file} is of images of {full[0]:.0f} x {full[1]:.0f} px, got {size[0]} x {size[1]}; '
            'its disparities are in px of the full size: use the images at that size'
        )
