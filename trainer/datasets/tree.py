"""What the readers of public data sets share: image pairs, file lists, calibration files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
import math
from pathlib import Path

import numpy as np
from PIL import Image

from monodepth_ros.common.paths import existing_file
from monodepth_ros.core.camera import Intrinsics, StereoCalibration
from monodepth_ros.storage.image_files import PairImages
from monodepth_ros.storage.image_folder import natural_order

# A folder of pairs to its left and its right images by name.
ViewsOf = Callable[[Path], tuple[dict[str, Path], dict[str, Path]]]
# Between the factors of width and height: whole pixels leave them 0.3 % apart.
RESIZE_TOLERANCE = 0.005


class ImagePairs:
    """
    A PairSequence of image files without a truth; the readers build on it.

    left, right: the files by name. names: of the pairs to offer. file_camera: of the files, where
    `calibration` is that of a part of them.
    """

    def __init__(
        self,
        path: Path,
        calibration: StereoCalibration,
        names: Iterable[str],
        *,
        left: dict[str, Path],
        right: dict[str, Path],
        file_camera: Intrinsics | None = None,
    ) -> None:
        self.path = path
        self.calibration = calibration
        self.names = sorted(names, key=natural_order)
        self._file_camera = file_camera or calibration.intrinsics
        self.images = PairImages(left, right, self._file_camera, self.names)

    def read_pair(self, name: str, *, shrink: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Left and right image, (H, W, 3) uint8 RGB; shrink: see decode_compressed."""
        return self.images.read(name, shrink=shrink)

    def paths(self, name: str) -> tuple[Path, Path]:
        """The left and the right image file."""
        return self.images.paths(name)

    def read_gt_depth(self, name: str) -> np.ndarray | None:
        """Depth of the left view, (H, W) float32 metres, NaN where unknown; None without any."""
        return None


def calibration_of_images(
    full: StereoCalibration, size: tuple[int, int], *, path: Path
) -> StereoCalibration:
    """
    Return a data set's calibration for images of (width, height) px, which may have been resized.

    path: of the calibration, for messages. Raises ValueError where the two axes were not resized
    alike to RESIZE_TOLERANCE: such images were cropped, or belong to another calibration.
    """
    camera = full.intrinsics
    across, down = size[0] / camera.width, size[1] / camera.height
    if abs(across / down - 1) > RESIZE_TOLERANCE:
        raise ValueError(
            f'{path} is of images of {camera.width} x {camera.height} px, got {size[0]} x '
            f'{size[1]}: resized by {across:.4g} and {down:.4g}, expected one factor to '
            f'{RESIZE_TOLERANCE:.1%}; use the images at full size'
        )
    scaled = camera.scaled_to(width=size[0], height=size[1])
    return StereoCalibration(scaled, full.baseline_m)


def image_size(path: Path) -> tuple[int, int]:
    """Return the width and height of an image file in px. Raises ValueError for a damaged one."""
    try:
        with Image.open(path) as image:
            return image.size
    except OSError as error:
        raise ValueError(f'{path} cannot be read ({error}); copy it again') from error


def list_lines(file_list: Path) -> Iterator[tuple[str, list[str]]]:
    """Where each line of a split's file list is, for messages, and its fields; blank ones not."""
    file_list = existing_file(file_list, 'file list', 'give ROOT@FILE_LIST')
    lines = [line.split() for line in file_list.read_text().splitlines()]
    if not any(lines):
        raise ValueError(f'file list {file_list} is empty, expected a pair of images a line')
    for number, fields in enumerate(lines, start=1):
        if fields:
            yield f'{file_list} line {number}', fields


def complete_pairs(folders: Iterable[Path], views_of: ViewsOf) -> dict[Path, set[str]]:
    """By folder, the names that have a left and a right image."""
    pairs = {}
    for folder in folders:
        left, right = views_of(folder)
        pairs[folder] = left.keys() & right.keys()
    return pairs


def require_pairs(listed: Mapping[Path, set[str]], views_of: ViewsOf, *, file_list: Path) -> None:
    """Raise FileNotFoundError that counts the listed pairs without images and names the first."""
    there = complete_pairs(listed, views_of)
    missing = [(name, path) for path in listed for name in sorted(listed[path] - there[path])]
    if missing:
        name, path = missing[0]
        raise FileNotFoundError(
            f'{file_list} names {len(missing)} pairs whose left or right image is not there, the '
            f'first is {name} of {path}; download the rest or shorten the list'
        )


def read_arrays(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> list[np.ndarray]:
    """
    The arrays of some keys in a file of lines `KEY: NUMBER NUMBER ...`, float64, by their shapes.

    Raises FileNotFoundError without the file, ValueError naming the keys that it lacks.
    """
    if not path.is_file():
        raise FileNotFoundError(f'calibration {path} is missing; it comes with the data set')
    lines = (line.partition(':') for line in path.read_text().splitlines())
    values = {key.strip(): text.split() for key, _, text in lines}
    missing = [key for key in shapes if not values.get(key)]
    if missing:
        raise ValueError(f'{path} lacks {missing}, expected lines of {list(shapes)}')
    arrays = []
    for key, shape in shapes.items():
        try:
            arrays.append(np.array(values[key], np.float64).reshape(shape))
        except ValueError as error:
            raise ValueError(
                f'{path} has {key}: {" ".join(values[key])!r}, expected {math.prod(shape)} numbers'
            ) from error
    return arrays
