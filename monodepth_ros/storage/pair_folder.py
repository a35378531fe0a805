"""
The project's dataset format: a folder of rectified stereo pairs with one calibration.

The files are left/NAME.jpg, right/NAME.jpg, calib.json, timestamps.txt (`NAME STAMP_NS` a line)
and optionally gt_depth/NAME.png (uint16, metres * 256, 0 = none). Images may also be of another
kind.

calib.json has "bits" if the camera's own images have 16 bits: the number of bits that the camera
fills (see BitDepth). 16-bit images are read with it; 8-bit images were converted with it and are
read as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import errno
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from monodepth_ros.common.atomic import append_line, atomic_file, whole_lines
from monodepth_ros.core.bit_depth import check_bits
from monodepth_ros.core.camera import Intrinsics, StereoCalibration
from monodepth_ros.storage.image_files import PairImages
from monodepth_ros.storage.image_folder import find_images, FolderImages
from monodepth_ros.storage.pair_names import names_in_time

VIEWS = ('left', 'right')
CALIBRATION, STAMPS = 'calib.json', 'timestamps.txt'
GT_DEPTH = 'gt_depth'
GT_DEPTH_UNITS_PER_M = 256
JPEG_QUALITY = 95
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class PairFolder:
    """
    Reads a pair folder.

    names: names in the order of time: that of timestamps.txt, else natural order.
    images: the image files.
    Raises ValueError or FileNotFoundError when the folder is not one.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.calibration = _read_calibration(self.path / CALIBRATION)
        left, right = (_images(self.path / view) for view in VIEWS)
        # Other programs may write any second field.
        stamped = [fields[0] for fields in _stamp_fields(self.path)]
        self.names = names_in_time(left, right, stamped, stamps=self.path / STAMPS)
        camera, bits = self.calibration.intrinsics, stated_bits(self.path)
        self.images = PairImages(left.files, right.files, camera, self.names, stated_bits=bits)

    def read_pair(self, name: str, *, shrink: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """
        Return the left and right image, (H, W, 3) uint8 RGB each.

        shrink: see decode_compressed.
        """
        return self.images.read(name, shrink=shrink)

    def paths(self, name: str) -> tuple[Path, Path]:
        """Return the left and the right image file."""
        return self.images.paths(name)

    def read_gt_depth(self, name: str) -> np.ndarray | None:
        """Return ground-truth depth, (H, W) float32 m, NaN if unknown; None without a file."""
        path = self.path / GT_DEPTH / f'{name}.png'
        return read_depth(path, self.calibration.intrinsics) if path.exists() else None

    def stamps_ns(self) -> dict[str, int]:
        """Return the stamp of every name, as ingest wrote them."""
        return {name: int(stamp) for name, stamp in _stamp_fields(self.path)}


def read_depth(path: Path, camera: Intrinsics) -> np.ndarray:
    """
    Return the depth of a png as pair folders and KITTI store it (uint16, metres * 256, 0 = none).

    The result is (H, W) float32 metres, NaN where there is none. Raises ValueError as read_uint16.
    """
    return read_fixed_point(path, camera, steps=GT_DEPTH_UNITS_PER_M)


def read_fixed_point(path: Path, camera: Intrinsics, *, steps: int) -> np.ndarray:
    """Return the numbers of a png, (H, W) float32 = uint16 / steps, NaN where it has 0."""
    units = read_uint16(path, camera)
    return np.where(units > 0, units / np.float32(steps), np.float32(np.nan))


def read_uint16(path: Path, camera: Intrinsics) -> np.ndarray:
    """
    Return a one-channel png of a camera, (H, W) uint16.

    Raises ValueError for a file that does not decode to that or is not of the camera's size.
    """
    units = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    expected = (camera.height, camera.width)
    if units is None or units.dtype != np.uint16 or units.shape != expected:
        got = 'no image' if units is None else f'{units.dtype} of shape {units.shape}'
        raise ValueError(
            f'{path} is {got}, expected uint16 of shape {expected} as its calibration says; '
            'copy it again'
        )
    return units


class PairFolderWriter:
    """
    Adds pairs to a new or an existing folder; a kill -9 leaves complete pairs only.

    Raises ValueError when the folder holds pairs of another calibration, OSError for a full disk.
    """

    def __init__(self, folder: Path, calibration: StereoCalibration) -> None:
        self._folder = folder
        self._committed = {
            line.split()[0] for line in whole_lines(folder / STAMPS) if line.strip()
        }
        for view in VIEWS:
            (folder / view).mkdir(parents=True, exist_ok=True)
        file = folder / CALIBRATION
        if not file.exists():
            values = calibration.intrinsics.as_dict() | {'baseline_m': calibration.baseline_m}
            _write(file, (json.dumps(values, indent=1) + '\n').encode())
        elif (there := _read_calibration(file)) != calibration:
            raise ValueError(
                f'{folder} holds pairs of another calibration, {there}, expected {calibration}; '
                'choose another folder'
            )
        self._bits = stated_bits(folder)

    def add(
        self, name: str, *, left_rgb: np.ndarray, right_rgb: np.ndarray, stamp_ns: int
    ) -> None:
        """
        Write a pair of images and commit it.

        name: name of the pair.
        left_rgb, right_rgb: (H, W, 3) uint8.
        stamp_ns: acquisition time.
        """
        self.write_images(name, left_rgb, right_rgb)
        self.commit(name, stamp_ns)

    def state_bits(self, bits: int | None) -> None:
        """Write the camera's bit depth to calib.json, before the first pair that depends on it."""
        if bits != self._bits:
            file = self._folder / CALIBRATION
            values = json.loads(file.read_text()) | {'bits': bits}
            _write(file, (json.dumps(values, indent=1) + '\n').encode())
            self._bits = bits

    def write_images(self, name: str, left: np.ndarray, right: np.ndarray) -> int:
        """
        Write one pair of (H, W, 3) RGB or (H, W) grey uint8 images; may be called from any thread.

        Returns the size of both files in bytes.
        """
        return self.write_jpegs(name, encoded_jpeg(left), encoded_jpeg(right))

    def write_jpegs(self, name: str, left: bytes, right: bytes) -> int:
        """Write one pair as write_images does, from the bytes of encoded_jpeg."""
        for view, jpeg in zip(VIEWS, (left, right), strict=True):
            _write(self._folder / view / f'{name}.jpg', jpeg)
        return len(left) + len(right)

    def commit(self, name: str, stamp_ns: int) -> None:
        """Make a written pair part of the folder; call it in the order of time."""
        if name not in self._committed:
            with _disk_full_said(self._folder / STAMPS):
                append_line(self._folder / STAMPS, f'{name} {stamp_ns}')
            self._committed.add(name)

    def add_gt_depth(self, name: str, depth_m: np.ndarray) -> None:
        """Write a pair's ground-truth depth: (H, W) float32 metres, NaN where there is none."""
        (self._folder / GT_DEPTH).mkdir(exist_ok=True)
        units = np.clip(np.nan_to_num(depth_m, posinf=0) * GT_DEPTH_UNITS_PER_M, 0, 65535)
        write_uint16(self._folder / GT_DEPTH / f'{name}.png', np.rint(units).astype(np.uint16))


def write_uint16(path: Path, units: np.ndarray) -> None:
    """Write an (H, W) uint16 array as a png; raise OSError if it cannot be written."""
    _write(path, _encoded('.png', units, []))


def stated_bits(folder: Path) -> int | None:
    """
    Return the bit depth that a folder's calib.json states; None without one.

    Raises ValueError for an impossible bit depth.
    """
    file = folder / CALIBRATION
    return check_bits(_read_json(file).get('bits'), str(file)) if file.exists() else None


def _stamp_fields(folder: Path) -> list[list[str]]:
    path = folder / STAMPS
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.split() for line in lines if line.strip()]


def encoded_jpeg(image: np.ndarray) -> bytes:
    """Encode an (H, W, 3) RGB or (H, W) grey uint8 image as a pair folder stores it."""
    bgr = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return _encoded('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])


def _encoded(suffix: str, image: np.ndarray, options: list[int]) -> bytes:
    return cv2.imencode(suffix, image, options)[1].tobytes()


def _write(path: Path, data: bytes) -> None:
    with _disk_full_said(path), atomic_file(path) as partial:
        partial.write_bytes(data)


@contextmanager
def _disk_full_said(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = 'is the disk full? ' if error.errno in DISK_FULL else ''
        raise OSError(
            f'{path} could not be written ({error.strerror}); {hint}Earlier pairs are complete'
        ) from error


def _images(folder: Path) -> FolderImages:
    if not folder.is_dir():
        raise FileNotFoundError(f'{folder} is missing; a pair folder holds left/ and right/')
    return find_images(folder)


def _read_calibration(path: Path) -> StereoCalibration:
    if not path.exists():
        raise FileNotFoundError(
            f'{path} is missing; make the folder with `python -m trainer ingest BAG -o FOLDER`'
        )
    sizes = ('width', 'height')
    needed = ('fx', 'fy', 'cx', 'cy', *sizes, 'baseline_m')
    values = _read_json(path)
    missing = [
        key
        for key in needed
        if not isinstance(values.get(key), int if key in sizes else int | float)
    ]
    if missing:
        raise ValueError(
            f'{path} lacks {missing}, expected numbers for {needed}, whole ones for {sizes}'
        )
    if values.get('doffs', 0) != 0:
        raise ValueError(
            f'{path} has doffs {values["doffs"]}, expected 0: both views with one cx; make the '
            'folder with `python -m trainer ingest`'
        )
    try:
        camera = Intrinsics(**{key: values[key] for key in needed if key != 'baseline_m'})
        return StereoCalibration(camera, values['baseline_m'])
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f'{path} is no JSON object: {error}; make the folder again') from error
    if not isinstance(values, dict):
        raise ValueError(f'{path} is no JSON object; make the folder again')
    return values
