"""Shared parts of the readers of public data sets: image pairs, file lists, calibrations."""

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

# A function from a folder of pairs to its left and its right images by name.
ViewsOf = Callable[[Path], tuple[dict[str, Path], dict[str, Path]]]
# Tolerance between the factors of width and height: rounding to whole pixels causes 0.3 %.
RESIZE_TOLERANCE = 0.005


class ImagePairs:
    """
    A PairSequence of image files without a ground truth, the base class of the readers.

    path: folder, as messages name it.
    calibration: the rig.
    names: names of the pairs.
    left, right: the files by name.
    file_camera: camera of the files, if `calibration` is that of a part of the image.
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
        """Read left and right image, (H, W, 3) uint8 RGB; shrink: see decode_compressed."""
        return self.images.read(name, shrink=shrink)

    def paths(self, name: str) -> tuple[Path, Path]:
        """Return the left and the right image file."""
        return self.images.paths(name)

    def read_gt_depth(self, name: str) -> np.ndarray | None:
        """Return None: there is no ground truth."""
        return None


def calibration_of_images(
    full: StereoCalibration, size: tuple[int, int], *, path: Path
) -> StereoCalibration:
    """
    Return a data set's calibration for images that may have been resized.

    full: the calibration of the original images.
    size: (width, height) of the images in px.
    path: file of the calibration, for messages.
    Raises ValueError if the factors of the two axes differ by more than RESIZE_TOLERANCE: such
    images were cropped, or belong to another calibration.
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
    """Return width and height of an image file in px; raise ValueError for a damaged file."""
    try:
        with Image.open(path) as image:
            return image.size
    except OSError as error:
        raise ValueError(f'{path} cannot be read ({error}); copy it again') from error


def list_lines(file_list: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the place of each line of a file list, for messages, and its fields; skip blanks."""
    file_list = existing_file(file_list, 'file list', 'give ROOT@FILE_LIST')
    lines = [line.split() for line in file_list.read_text().splitlines()]
    if not any(lines):
        raise ValueError(f'file list {file_list} is empty, expected a pair of images a line')
    for number, fields in enumerate(lines, start=1):
        if fields:
            yield f'{file_list} line {number}', fields


def complete_pairs(folders: Iterable[Path], views_of: ViewsOf) -> dict[Path, set[str]]:
    """Return the names that have a left and a right image, by folder."""
    pairs = {}
    for folder in folders:
        left, right = views_of(folder)
        pairs[folder] = left.keys() & right.keys()
    return pairs


def require_pairs(listed: Mapping[Path, set[str]], views_of: ViewsOf, *, file_list: Path) -> None:
    """Raise FileNotFoundError if images of listed pairs are missing, with number and first one."""
    there = complete_pairs(listed, views_of)
    missing = [(name, path) for path in listed for name in sorted(listed[path] - there[path])]
    if missing:
        name, path = missing[0]
        raise FileNotFoundError(
            f'{file_list} names {len(missing)} pairs whose left or right image is missing, the '
            f'first is {name} of {path}; download the rest or shorten the list'
        )


def read_arrays(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> list[np.ndarray]:
    """
    Read float64 arrays from a file of lines `KEY: NUMBER NUMBER ...`.

    shapes: shape of each key to read.
    Raises FileNotFoundError for a missing file, ValueError for missing keys or other shapes.
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
