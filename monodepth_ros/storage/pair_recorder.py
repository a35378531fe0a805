"""Writing of pairs into a pair folder from a background thread, up to a quota; no ROS."""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path
from queue import Full, Queue
import shutil
from threading import Thread
from typing import Any, NamedTuple

from monodepth_ros.common.atomic import lock_folder, PARTIAL_SUFFIX
from monodepth_ros.common.errors import one_line, Tracebacks
from monodepth_ros.core.bit_depth import at_one_depth, BitDepth
from monodepth_ros.core.camera import Camera
from monodepth_ros.core.rectifier import Rectifier
from monodepth_ros.messages.decode import image_pixels, stamp_ns
from monodepth_ros.storage.pair_folder import PairFolderWriter, STAMPS, stated_bits, VIEWS

BYTES_PER_GB = 1_000_000_000
# About a second of pairs: a longer queue only fills memory where the disk is always too slow.
QUEUE_PAIRS = 8
# Upper limit for the line of a pair in timestamps.txt.
LINE_BYTES = 32


class MessagePair(NamedTuple):
    """Two image messages as received, and the cameras that took them."""

    left: Any
    right: Any
    left_camera: Camera
    right_camera: Camera


class Ended(NamedTuple):
    """The reason for the end of a recording, and the exit status for it."""

    reason: str
    status: int


class PairRecorder:
    """
    Rectifies and writes pairs; a kill -9 leaves every pair in timestamps.txt complete.

    An existing folder is continued: numbers continue, and nothing is overwritten. Another thread
    may read the attributes below.

    folder: pair folder to begin or continue.
    quota_gb: recording ends before the folder is larger.
    min_free_gb: recording ends when the disk has less space left.
    warn: called with the assumed bit depth of 16-bit images (see BitDepth), and again when a
    brighter image raises it; pairs written before stay as they are.
    last_ns: last stamp of a continued folder.
    written, unusable: numbers of pairs.
    size_bytes: size of the folder.
    fault: what was wrong with the last unusable pair.
    ended: see Ended; None while recording.
    Raises OSError when the folder cannot be written to, ValueError when it cannot be continued.
    """

    def __init__(
        self, folder: Path, *, quota_gb: float, min_free_gb: float, warn: Callable[[str], None]
    ) -> None:
        self.written = self.unusable = 0
        self.fault: str | None = None
        self.ended: Ended | None = None
        self._folder, self._quota_gb, self._min_free_gb = folder, quota_gb, min_free_gb
        _make(folder)
        self._lock = lock_folder(folder)
        _remove_partial(folder)
        self.size_bytes = _size_bytes(folder)
        self.last_ns = _last_stamp_ns(folder / STAMPS)
        self._warn = warn
        self._bit_depth = BitDepth(stated_bits(folder), warn=warn)
        self._number = _next_number(folder)
        self._largest_pair_bytes = 0
        self._cameras: tuple[Camera, Camera] | None = None
        self._writer: PairFolderWriter | None = None
        self._queue: Queue[MessagePair | None] = Queue(QUEUE_PAIRS)
        self._thread = Thread(target=self._run, name='pair recorder', daemon=True)
        self._thread.start()

    def offer(self, pair: MessagePair) -> bool:
        """Queue a pair for writing; return False at once when the queue is full."""
        try:
            self._queue.put_nowait(pair)
        except Full:
            return False
        return True

    def close(self) -> None:
        """Write the queued pairs, then stop."""
        self._queue.put(None)
        self._thread.join()
        os.close(self._lock)

    def _run(self) -> None:
        while (pair := self._queue.get()) is not None:
            if self.ended is not None:
                continue  # empty the queue, so that close() does not wait for a free place
            try:
                self._take(pair)
            # Any error must reach the log, and the node must not continue without a writer.
            except Exception as error:
                unforeseen = Tracebacks(OSError, ValueError).of(error)
                if unforeseen is not None:
                    self._warn(unforeseen)
                self.ended = Ended(one_line(error), status=1)

    def _take(self, pair: MessagePair) -> None:
        self.ended = self._no_room()
        if self.ended is not None:
            return
        try:
            images = self._rectified(pair)
        except ValueError as error:
            self.fault = one_line(error)
            self.unusable += 1
            return
        self._write(images, stamp_ns(pair.left.header))

    def _rectified(self, pair: MessagePair) -> tuple[Any, Any]:
        cameras = pair.left_camera, pair.right_camera
        if cameras != self._cameras:
            # Before the first pair is written, the driver may still be starting up.
            if self._writer is not None:
                raise ValueError(
                    f'camera_info changed: got other cameras than at the start of {self._folder}, '
                    'and a pair folder holds one calibration; start collect_pairs again '
                    'with another folder, or stop a second driver on these topics'
                )
            self._rectifier, self._cameras = Rectifier(*cameras), cameras
        images = at_one_depth(
            lambda depth: [image_pixels(image, depth) for image in (pair.left, pair.right)],
            self._bit_depth,
        )
        return self._rectifier.warp(*images)

    def _write(self, images: tuple[Any, Any], stamp: int) -> None:
        if self._writer is None:
            self._writer = PairFolderWriter(self._folder, self._rectifier.calibration)
            self.size_bytes = _size_bytes(self._folder)
        self._writer.state_bits(self._bit_depth.bits)
        name = f'{self._number:06d}'
        size_bytes = self._writer.write_images(name, *images) + LINE_BYTES
        self._writer.commit(name, stamp)
        self._number += 1
        self.written += 1
        self.size_bytes += size_bytes
        self._largest_pair_bytes = max(self._largest_pair_bytes, size_bytes)

    def _no_room(self) -> Ended | None:
        if self.size_bytes + self._largest_pair_bytes > self._quota_gb * BYTES_PER_GB:
            return Ended(
                f'{self._folder} holds {self.size_bytes / BYTES_PER_GB:.3f} GB, quota_gb is '
                f'{self._quota_gb:g}: collection is complete; raise quota_gb or choose another '
                'folder for more',
                status=0,
            )
        free_gb = shutil.disk_usage(self._folder).free / BYTES_PER_GB
        if free_gb < self._min_free_gb:
            return Ended(
                f'the disk of {self._folder} has {free_gb:.3f} GB left, min_free_gb is '
                f'{self._min_free_gb:g}: collection stops; free some space or choose another disk',
                status=1,
            )
        return None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f'folder {folder} cannot be created ({error.strerror}); choose another one'
        ) from error


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob('*') if path.is_file())


def _remove_partial(folder: Path) -> None:
    for view in VIEWS:
        for path in (folder / view).glob(f'*{PARTIAL_SUFFIX}'):
            path.unlink()


def _next_number(folder: Path) -> int:
    """Return the number after all images, including uncommitted images of a killed process."""
    stems = (path.stem for view in VIEWS for path in (folder / view).glob('*'))
    return max((int(stem) for stem in stems if stem.isdecimal()), default=-1) + 1


def _last_stamp_ns(stamps: Path) -> int | None:
    lines = stamps.read_text().split('\n') if stamps.exists() else []
    last = [line.split() for line in lines if line.strip()][-1:]
    if not last:
        return None
    if len(last[0]) != 2 or not last[0][1].isdecimal():
        raise ValueError(
            f'{stamps} ends with {" ".join(last[0])!r}, expected `NAME STAMP_NS`; collect_pairs '
            'continues its own folders only: choose another one'
        )
    return int(last[0][1])
