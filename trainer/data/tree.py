"""What the readers of public data sets share: image pairs, file lists, calibration files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
import math
from pathlib import Path

import numpy as np

from monodepth_ros.core.camera import Intrinsics, StereoCalibration
from monodepth_ros.image_files import PairImages

# A folder of pairs to its left and its right images by name.
ViewsOf = Callable[[Path], tuple[dict[str, Path], dict[str, Path]]]


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
        self.names = sorted(names)
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


def list_lines(file_list: Path) -> Iterator[tuple[str, list[str]]]:
    """Where each line of a split's file list is, for messages, and its fields; blank ones not."""
    if not file_list.is_file():
        raise FileNotFoundError(f'file list {file_list} not found; give ROOT@FILE_LIST')
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
