"""A stereo recording to a pair folder: found, paired by stamp, rectified, cropped, written."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from rich.progress import track

from monodepth_ros.atomic import atomic_folder
from monodepth_ros.bag import Bag, BagError, CameraTopic
from monodepth_ros.core.camera import StereoCalibration
from monodepth_ros.core.rectifier import Rectifier
from monodepth_ros.messages import image_rgb, stamp_ns
from monodepth_ros.pair_folder import PairFolderWriter
from monodepth_ros.sync import take_nearest
from trainer.config import check_shares
from trainer.data.lidar import StaticTransforms
from trainer.data.scans import scan_depth_m, scan_topics, static_transforms

# Cameras of one rig are triggered together; a driver stamps them a few milliseconds apart.
SYNC_TOLERANCE_NS = 5_000_000
# How many unmatched messages of one kind wait for their partner before the oldest is given up.
WAITING = 16


@dataclass(frozen=True)
class IngestConfig:
    """Which topics and which part of a recording to take."""

    left: str | None = None
    """Image topic of the left camera, where the recording holds several pairs."""
    right: str | None = None
    """Image topic of the right camera."""
    first_share: float = 0.0
    """Where to begin, as a share 0..1 of the recording's duration."""
    last_share: float = 1.0
    """Where to end, as a share 0..1 of the recording's duration."""

    def __post_init__(self) -> None:
        check_shares(self.first_share, self.last_share)


def ingest(bag_path: Path, folder: Path, config: IngestConfig) -> StereoCalibration:
    """Write the recording's pairs to a new folder. Raises BagError when it has none."""
    with Bag(bag_path) as bag:
        left, right = bag.find_stereo(config.left, config.right)
        try:
            rectifier = Rectifier(left.camera, right.camera)
        except ValueError as error:
            raise BagError(f'{bag_path}, {left.image} + {right.image}: {error}') from error
        transforms = static_transforms(bag)
        scans = islice(scan_topics(bag, left, transforms), 1)
        topics = (left.image, right.image, *scans)
        share = {'first_share': config.first_share, 'last_share': config.last_share}
        total = bag.message_count(*topics) * (config.last_share - config.first_share)
        with atomic_folder(folder) as partial:
            writer = PairFolderWriter(partial, rectifier.calibration)
            pairing = _Pairing(left, right, rectifier, writer, transforms)
            messages = bag.messages(*topics, **share)
            for message in track(messages, f'ingest {bag_path.name}', total=total):
                pairing.take(message.topic, message.content)
            if not pairing.pairs:
                raise BagError(
                    f'{bag_path}: no left image has a right one within '
                    f'{SYNC_TOLERANCE_NS / 1e6:g} ms; are the cameras synchronised?'
                )
    return rectifier.calibration


class _Pairing:
    """Matches left, right and scan messages by stamp as they come, and writes what is complete."""

    def __init__(
        self,
        left: CameraTopic,
        right: CameraTopic,
        rectifier: Rectifier,
        writer: PairFolderWriter,
        transforms: StaticTransforms,
    ) -> None:
        self.pairs = 0
        self._left, self._right = left, right
        self._rectifier = rectifier
        self._writer = writer
        self._transforms = transforms
        self._waiting: dict[str, deque[Any]] = {
            left.image: deque(maxlen=WAITING),
            right.image: deque(maxlen=WAITING),
        }
        self._scans: deque[Any] = deque(maxlen=WAITING)
        self._written: deque[tuple[int, str, str]] = deque(maxlen=WAITING)

    def take(self, topic: str, message: Any) -> None:
        """Use one message of the recording."""
        if topic not in self._waiting:
            self._scans.append(message)
        else:
            other = self._right.image if topic == self._left.image else self._left.image
            partner = take_nearest(
                self._waiting[other], stamp_ns(message.header), tolerance_ns=SYNC_TOLERANCE_NS
            )
            if partner is None:
                self._waiting[topic].append(message)
            else:
                pair = (message, partner) if topic == self._left.image else (partner, message)
                self._write_pair(*pair)
        self._write_scans()

    def _write_pair(self, left: Any, right: Any) -> None:
        name, stamp = f'{self.pairs:06d}', stamp_ns(left.header)
        self._writer.add(
            name,
            left_rgb=self._rectifier.left.warp(image_rgb(left)),
            right_rgb=self._rectifier.right.warp(image_rgb(right)),
            stamp_ns=stamp,
        )
        self.pairs += 1
        self._written.append((stamp, name, left.header.frame_id))

    def _write_scans(self) -> None:
        for stamp, name, frame_id in self._written:
            scan = take_nearest(self._scans, stamp, tolerance_ns=SYNC_TOLERANCE_NS)
            if scan is not None:
                self._write_gt_depth(name, frame_id, scan)

    def _write_gt_depth(self, name: str, frame_id: str, scan: Any) -> None:
        depth_m = scan_depth_m(
            scan,
            frame_id=frame_id,
            camera=self._left,
            intrinsics=self._rectifier.calibration.intrinsics,
            transforms=self._transforms,
        )
        if depth_m is not None:
            self._writer.add_gt_depth(name, depth_m)
