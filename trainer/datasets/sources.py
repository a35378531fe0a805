"""Sources of stereo pairs: pair folders, and the folder trees of public data sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import hashlib
from pathlib import Path
from typing import Protocol

import numpy as np

from monodepth_ros.common.paths import existing_path, typed_path
from monodepth_ros.core.camera import StereoCalibration
from monodepth_ros.storage.image_files import PairImages
from monodepth_ros.storage.image_folder import find_in_folders
from monodepth_ros.storage.pair_folder import CALIBRATION, PairFolder, VIEWS
from trainer.datasets.cityscapes import LEFT as CITYSCAPES_LEFT
from trainer.datasets.cityscapes import open_cityscapes
from trainer.datasets.kitti import CAMERA_FILE, open_kitti_raw
from trainer.datasets.kitti_stereo import open_kitti_stereo
from trainer.datasets.velodyne_depth import VelodyneDepth

KNOWN = (
    'a pair folder (left/, right/, calib.json; `python -m trainer ingest BAG -o FOLDER` makes '
    'one) or a folder of them, KITTI raw (DATE/calib_cam_to_cam.txt), KITTI stereo 2015 '
    '(training/image_2) or Cityscapes (leftImg8bit)'
)


class PairSequence(Protocol):
    """
    Rectified pairs of one rig in the order of time; a PairFolder is one.

    path: folder, as messages name it.
    calibration: the rig.
    names: names of the pairs, in the order of time.
    images: the image files.
    """

    path: Path
    calibration: StereoCalibration
    names: list[str]
    images: PairImages

    def read_pair(self, name: str, *, shrink: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Read left and right image, (H, W, 3) uint8 RGB; shrink: see decode_compressed."""

    def paths(self, name: str) -> tuple[Path, Path]:
        """Return the left and the right image file."""

    def read_gt_depth(self, name: str) -> np.ndarray | None:
        """Read depth of the left view, (H, W) float32 metres, NaN where unknown, or None."""


def open_sequences(
    source: str, *, velodyne_depth: VelodyneDepth = 'optical'
) -> list[PairSequence]:
    """
    Open the sequences at a path, each of one rig with one calibration and image size.

    source: a pair folder, or a folder of several; the root of KITTI raw, KITTI stereo 2015 or
        Cityscapes; or ROOT@FILE_LIST, the pairs of KITTI raw or Cityscapes in the list of a split.
    velodyne_depth: see KittiDrive.
    Raises ValueError or FileNotFoundError for anything else.
    """
    root, file_list = root_and_list(source)
    if next(root.glob(f'*/{CAMERA_FILE}'), None) is not None:
        return _some(source, open_kitti_raw(root, file_list, velodyne_depth))
    if (root / CITYSCAPES_LEFT).is_dir():
        return _some(source, open_cityscapes(root, file_list))
    if file_list is not None:
        raise ValueError(
            f'{root} is neither KITTI raw nor Cityscapes; give it without @FILE_LIST, which only '
            'these have'
        )
    if (root / 'training' / 'image_2').is_dir():
        return list(open_kitti_stereo(root))
    if any((root / name).exists() for name in (*VIEWS, CALIBRATION)):
        return [PairFolder(root)]
    if files := find_in_folders(root, f'*/{CALIBRATION}'):
        return [PairFolder(file.parent) for file in files]
    raise FileNotFoundError(f'{root} is none of what is read, expected {KNOWN}')


def fingerprint(sequences: Iterable[PairSequence]) -> str:
    """
    Return a hash of calibrations, names and file sizes, which changes if frames do.

    It includes the bit depth if a sequence states one; 8-bit images need not state one.
    """
    digest = hashlib.sha256()
    for sequence in sequences:
        digest.update(repr(sequence.calibration).encode())
        if sequence.images.stated_bits is not None:
            digest.update(repr(sequence.images.stated_bits).encode())
        for name in sequence.names:
            sizes = [path.stat().st_size for path in sequence.paths(name)]
            digest.update(repr((name, sizes)).encode())
    return digest.hexdigest()


def root_and_list(source: str) -> tuple[Path, Path | None]:
    """Return the folder that a source names, and the list of its pairs where it names one."""
    root, at, file_list = source.rpartition('@')
    advice = f'give {KNOWN}'
    if not at or typed_path(source).exists():
        return existing_path(source, 'data', advice), None
    return existing_path(root, 'data', advice), typed_path(file_list)


def _some(source: str, sequences: Sequence[PairSequence]) -> list[PairSequence]:
    if not sequences:
        raise ValueError(f'{source} holds no pair of a left and a right image')
    return list(sequences)
