"""
`python -m bench.ingest`: speed of ingest against the bare work on its images, and its memory.

The baseline decodes, rectifies and encodes the same images in memory with the same number of
threads, and does nothing else: no reading, no pairing, no selection, no writing. Both run in turns
in the same process, so that a busy machine slows both. The recording of 20 s is repeated ten
times, without ground truth.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
import os
from pathlib import Path
import platform
from statistics import median
import sys
from tempfile import TemporaryDirectory
import time
from typing import NamedTuple

import cv2
import numpy as np

from bench.memory import in_child, resident_peak_mb
from bench.report import report, Target
from monodepth_ros.core.rectifier import Rectifier
from monodepth_ros.storage.bag import Bag, BagMessage
from monodepth_ros.storage.bag_cameras import find_stereo
from monodepth_ros.storage.bag_writer import write_bag
from monodepth_ros.storage.pair_folder import JPEG_QUALITY
from trainer.ingest.config import IngestConfig
from trainer.ingest.ingest import ingest, one_thread_opencv

RECORDING = Path(__file__).parents[1] / '../shared/data/bags/kitti_0926_drive'
RUNS, WARM_UP = 5, 1
MIN_SPEED = 0.8
LONGER, MAX_MEMORY = 10, 1.1
IN_MEMORY = Path('/dev/shm')


class Pictures(NamedTuple):
    """The jpegs of the recording, (left, right) each, and the maps that rectify them."""

    encoded: list[tuple[np.ndarray, np.ndarray]]
    rectifier: Rectifier


def main() -> int:
    """Measure, print, write out/bench/ingest.json; 1 when a target is missed."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    if not RECORDING.is_dir():
        print(f'recording {RECORDING} not found: nothing to measure', file=sys.stderr)
        return 1
    with TemporaryDirectory() as folder:
        long = _repeated(Path(folder) / 'long', LONGER)
        pictures = _pictures(long)
        seconds = [
            (_bare_seconds(pictures), _ingest_seconds(long)) for _ in range(WARM_UP + RUNS)
        ][WARM_UP:]
        peaks_mb = [in_child(_peak_mb, path) for path in (RECORDING, long)]
    ratios = [bare / ours for bare, ours in seconds]
    print(f'{", ".join(f"{ratio:.2f}" for ratio in ratios)} times the bare speed')
    frames = 2 * len(pictures.encoded)
    megabytes = sum(view.nbytes for pair in pictures.encoded for view in pair) / 2**20
    speeds = {
        name: (frames / s, megabytes / s)
        for name, s in zip(
            ('bare', 'ingest'), map(median, zip(*seconds, strict=True)), strict=True
        )
    }
    return report(
        'ingest',
        columns=['', 'frames/s', 'MB/s'],
        rows=[[name, f'{f:.0f}', f'{mb:.1f}'] for name, (f, mb) in speeds.items()],
        targets=[
            Target('speed of the bare one', median(ratios), MIN_SPEED),
            Target(f'memory of {LONGER} x the length', peaks_mb[1] / peaks_mb[0], MAX_MEMORY,
                   at_most=True),
        ],
        details={
            'machine': f'{platform.processor() or platform.machine()}, {os.cpu_count()} cores',
            'peak_mb': peaks_mb,
            'frames_per_s': {name: f for name, (f, _) in speeds.items()},
            'megabytes_per_s': {name: mb for name, (_, mb) in speeds.items()},
        },
    )  # fmt: skip


def _pictures(recording: Path) -> Pictures:
    with Bag(recording) as bag:
        views = find_stereo(bag)
        encoded = [[m.content.data for m in bag.messages(view.image)] for view in views]
    pairs = list(zip(*encoded, strict=False))
    return Pictures(pairs, Rectifier(*(view.camera for view in views)))


def _bare_seconds(pictures: Pictures) -> float:
    def one(pair: tuple[np.ndarray, np.ndarray]) -> None:
        for data, view in zip(pair, pictures.rectifier.views, strict=True):
            image = cv2.imdecode(data, cv2.IMREAD_ANYCOLOR)
            assert image is not None  # ours
            rectified = view.warp(np.asarray(image, np.uint8))
            cv2.imencode('.jpg', rectified, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])

    start = time.perf_counter()
    with one_thread_opencv(), ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(one, pictures.encoded):
            pass
    return time.perf_counter() - start


def _ingest_seconds(recording: Path) -> float:
    # Write to memory if there is such a folder, so that the speed of the disk does not count.
    with TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder:
        start = time.perf_counter()
        ingest([recording], Path(folder) / 'pairs', IngestConfig())
        return time.perf_counter() - start


def _peak_mb(recording: Path) -> float:
    _ingest_seconds(recording)
    return resident_peak_mb()


def _repeated(path: Path, times: int) -> Path:
    """Write the recording several times, one after the other, into one bag."""
    with Bag(RECORDING) as bag, write_bag(path) as writer:
        length_ns = bag.time_at(1) - bag.time_at(0) + 100_000_000
        topics = [*(view.image for view in find_stereo(bag)), *(e.info for e in find_stereo(bag))]
        for number in range(times):
            for message in _later(bag.messages(*topics), number * length_ns):
                writer.add(message.topic, message.content, recorded_ns=message.recorded_ns)
    return path


def _later(messages: Iterator[BagMessage], delay_ns: int) -> Iterator[BagMessage]:
    for message in messages:
        stamp = message.content.header.stamp
        total_ns = stamp.sec * 10**9 + stamp.nanosec + delay_ns
        stamp.sec, stamp.nanosec = divmod(total_ns, 10**9)
        yield message._replace(recorded_ns=message.recorded_ns + delay_ns)


if __name__ == '__main__':
    sys.exit(main())
