"""
Cityscapes (Cordts et al., CVPR 2016): stereo pairs of 50 cities, without a ground truth.

The files are ROOT/leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png,
ROOT/rightImg8bit/SPLIT/CITY/NAME_rightImg8bit.png and ROOT/camera/SPLIT/CITY/NAME_camera.json.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
import json
from pathlib import Path

import numpy as np

from monodepth_ros.common.errors import one_line
from monodepth_ros.core.camera import Intrinsics, StereoCalibration
from monodepth_ros.storage.image_folder import find_images, find_in_folders, natural_order
from trainer.datasets.image_pairs import (
    calibration_of_images,
    complete_pairs,
    image_size,
    ImagePairs,
    list_lines,
    require_pairs,
)

LEFT, RIGHT = 'leftImg8bit', 'rightImg8bit'
# Width and height that the camera files refer to.
FULL_SIZE = (2048, 1024)


class CityscapesCity(ImagePairs):
    """
    The pairs of one city and calibration, as a PairSequence.

    The lowest fifth of the rows, which shows the car's bonnet, is cut off
    (docs/method.md#training-data).

    path: folder of the left images.
    full: the rig at the size of the files.
    names: names of the pairs.
    """

    def __init__(self, path: Path, full: StereoCalibration, names: Iterable[str]) -> None:
        camera = full.intrinsics
        kept = camera.cropped(left=0, top=0, width=camera.width, height=camera.height * 4 // 5)
        rig = StereoCalibration(kept, full.baseline_m)
        left, right = _views(path)
        super().__init__(path, rig, names, left=left, right=right, file_camera=camera)

    def read_pair(self, name: str, *, shrink: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Read left and right image, (H, W, 3) uint8 RGB; shrink: see decode_compressed."""
        left, right = super().read_pair(name, shrink=shrink)
        # A png is never shrunk while it is decoded.
        shrunk = round(self._file_camera.height / left.shape[0])
        rows = -(-self.calibration.intrinsics.height // shrunk)
        return left[:rows], right[:rows]


def open_cityscapes(root: Path, file_list: Path | None) -> list[CityscapesCity]:
    """Return all pairs below root, or those in a file list, by city and calibration."""
    if file_list is None:
        folders = [path for path in find_in_folders(root / LEFT, '*/*') if path.is_dir()]
        pairs = complete_pairs(folders, _views)
    else:
        listed = _listed_pairs(file_list).items()
        pairs = {root / LEFT / city: names for city, names in listed}
        require_pairs(pairs, _views, file_list=file_list)
    return [city for path, names in pairs.items() for city in _by_rig(path, names)]


def _by_rig(path: Path, names: set[str]) -> list[CityscapesCity]:
    """Return a city's pairs, one entry for each calibration."""
    if not names:
        return []
    rigs: dict[StereoCalibration, list[str]] = defaultdict(list)
    left, _ = _views(path)
    size = image_size(left[min(names)])
    for name in sorted(names, key=natural_order):
        rigs[_read_rig(path, name, size)].append(name)
    return [CityscapesCity(path, rig, rigs[rig]) for rig in rigs]


def _views(path: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Return left and right images by name; path is the folder of a city's left images."""
    right = path.parents[2] / RIGHT / path.parent.name / path.name
    return find_images(path, f'_{LEFT}').files, find_images(right, f'_{RIGHT}').files


def _read_rig(path: Path, name: str, size: tuple[int, int]) -> StereoCalibration:
    """Read the rig of an image of size (width, height) in px; path: see _views."""
    folder = path.parents[2] / 'camera' / path.parent.name / path.name
    file = folder / f'{name}_camera.json'
    if not file.is_file():
        raise FileNotFoundError(f'{file} is missing; download the camera files of Cityscapes too')
    try:
        values = json.loads(file.read_text())
        fx, fy, cx, cy = (float(values['intrinsic'][key]) for key in ('fx', 'fy', 'u0', 'v0'))
        baseline_m = float(values['extrinsic']['baseline'])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{file} cannot be used ({one_line(error)}), expected a JSON object with intrinsic '
            'fx, fy, u0, v0 and extrinsic baseline'
        ) from error
    full = StereoCalibration(Intrinsics(fx, fy, cx, cy, *FULL_SIZE), baseline_m)
    return calibration_of_images(full, size, path=file)


def _listed_pairs(file_list: Path) -> dict[str, set[str]]:
    """
    Return the names in a file list by SPLIT/CITY.

    A line holds the paths of the left and the right image:
    `leftImg8bit/train/aachen/NAME_leftImg8bit.png rightImg8bit/train/aachen/...`.
    """
    pairs: dict[str, set[str]] = defaultdict(set)
    for where, fields in list_lines(file_list):
        parts = Path(fields[0]).parts
        if len(fields) != 2 or len(parts) != 4 or parts[0] != LEFT:
            raise ValueError(
                f'{where} is {" ".join(fields)!r}, expected `{LEFT}/SPLIT/CITY/NAME_{LEFT}.png '
                f'{RIGHT}/SPLIT/CITY/NAME_{RIGHT}.png`'
            )
        pairs['/'.join(parts[1:3])].add(Path(parts[3]).stem.removesuffix(f'_{LEFT}'))
    return pairs
