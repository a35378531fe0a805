"""Recordings to a pair folder: rectified, cropped, selected and written by all cores."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
import os
from pathlib import Path
import sys
from typing import NamedTuple

import cv2
import numpy as np
from rich.progress import track

from monodepth_ros.bag import Bag, BagError
from monodepth_ros.core.camera import StereoCalibration
from monodepth_ros.core.rectifier import Rectifier
from monodepth_ros.pair_folder import EYES, PairFolderWriter
from trainer.data.bag_recording import BagRecording
from trainer.data.baseline_sign import with_positive_baseline
from trainer.data.ingest_journal import Decision, Workspace
from trainer.data.recording import FrameFolder, RawPair, Recording, Rig
from trainer.data.selection import Look, look_at, Selection
from trainer.ingest_config import IngestConfig

# Pairs in work, per core: enough that none waits for the one thread that decides.
IN_WORK = 3
# More calibrations are a lens that zooms, not a rig that was calibrated again.
MOST_SEQUENCES = 20


class IngestResult(NamedTuple):
    """calibrations: of the sequences. counts: pairs kept, and left out by reason."""

    calibrations: list[StereoCalibration]
    counts: dict[str, int]


class Prepared(NamedTuple):
    """A pair that was read: rectified views, what to judge it by, and its truth, if any."""

    left: np.ndarray
    right: np.ndarray
    look: Look
    depth_m: np.ndarray | None


def ingest(sources: Sequence[Path], folder: Path, config: IngestConfig) -> IngestResult:
    """
    Write the pairs of recordings, or of one folder of frames, to a new folder.

    Stopped anywhere, even by kill -9, the same call goes on. Raises ValueError (BagError) where
    there are no pairs, OSError when the disk is full.
    """
    began_with = {'sources': [str(source) for source in sources], 'options': config.plain()}
    with _open(sources, config) as recording:
        workspace = Workspace(folder, began_with)
        work = _Ingest(recording, workspace, config)
        try:
            work.run(', '.join(source.name for source in sources))
            if not work.counts['kept']:
                raise BagError(_nothing_kept(sources, work.counts, config))
        finally:
            if not workspace.holds_pairs:
                workspace.discard()
        workspace.finish({'topics': recording.described, 'counts': dict(work.counts)})
    return IngestResult(work.calibrations, dict(work.counts))


@contextmanager
def _open(sources: Sequence[Path], config: IngestConfig) -> Iterator[Recording]:
    frames = [source for source in sources if (source / EYES[0]).is_dir()]
    if not frames:
        with Bag(*sources) as bag:
            yield BagRecording(bag, config)
    elif len(sources) > 1 or config.calibration is None:
        raise ValueError(
            f'{frames[0]} is a folder of frames, expected it alone and with --calibration '
            'LEFT.yaml RIGHT.yaml'
        )
    else:
        yield FrameFolder(frames[0], config.calibration)


class _Sequence:
    """The pairs of one calibration."""

    def __init__(self, number: int, rectifier: Rectifier, workspace: Workspace) -> None:
        self.number = number
        self.rectifier = rectifier
        self.writer = PairFolderWriter(workspace.sequence(number), rectifier.calibration)
        self.kept = sum(d.sequence == number and bool(d.name) for d in workspace.decided.values())

    def prepare(self, pair: RawPair) -> Prepared:
        """Read and rectify; in any thread. Raises ValueError for damaged data."""
        left, right = self.rectifier.warp(*pair.read())
        depth_m = pair.read_truth(self.rectifier.calibration.intrinsics)
        return Prepared(left, right, look_at(left, right), depth_m)

    def write(self, name: str, prepared: Prepared) -> None:
        """The files of a pair; in any thread."""
        self.writer.write_images(name, prepared.left, prepared.right)
        if prepared.depth_m is not None:
            self.writer.add_gt_depth(name, prepared.depth_m)


class _Ingest:
    """
    Prepares pairs in all threads, judges them one by one in their order, writes in all threads.

    What a killed predecessor decided is read from its journal and passed over.
    """

    def __init__(self, recording: Recording, workspace: Workspace, config: IngestConfig) -> None:
        self._recording = recording
        self._workspace = workspace
        self._selection = Selection(config)
        self._sequences: dict[Rig, _Sequence] = {}
        self._preparing: deque[tuple[RawPair, _Sequence, Future[Prepared]]] = deque()
        self._writing: deque[tuple[Decision, _Sequence, Future[None] | None]] = deque()
        self._last_kept: tuple[RawPair, _Sequence] | None = None
        self._reported = False
        self.counts: Counter[str] = Counter()

    @property
    def calibrations(self) -> list[StereoCalibration]:
        """One a sequence that has pairs."""
        return [s.rectifier.calibration for s in self._sequences.values() if s.kept]

    def run(self, title: str) -> None:
        """All of the recording, or as far as it can be read."""
        workers = os.cpu_count() or 1
        with one_thread_opencv(), ThreadPoolExecutor(workers) as pool:
            for pair in track(self._readable_pairs(), f'ingest {title}', self._recording.most):
                self._take(pair, pool)
                while len(self._preparing) > IN_WORK * workers:
                    self._judge_next(pool)
                while len(self._writing) > IN_WORK * workers:
                    self._record_next()
            while self._preparing:
                self._judge_next(pool)
            while self._writing:
                self._record_next()
        self.counts += self._recording.left_out

    def _readable_pairs(self) -> Iterator[RawPair]:
        try:
            yield from self._recording.pairs()
        except BagError as error:
            # Hours before the damage are not to be lost to it.
            print(f'{error}; what comes before the damage is used', file=sys.stderr)
            self.counts['ended early'] += 1

    def _take(self, pair: RawPair, pool: ThreadPoolExecutor) -> None:
        sequence = self._sequence_of(pair)
        decision = self._workspace.decided.get(pair.stamp_ns)
        if decision is None:
            self._recall_last_kept()
            self._preparing.append((pair, sequence, pool.submit(sequence.prepare, pair)))
            return
        self.counts[decision.why or 'kept'] += 1
        if decision.sharpness is not None:
            self._selection.remember(decision.sharpness)
        if decision.name is not None:
            self._last_kept = pair, sequence

    def _recall_last_kept(self) -> None:
        """After a restart: motion is measured from the last pair that was kept before it."""
        if self._last_kept is not None:
            pair, sequence = self._last_kept
            self._selection.keep(sequence.prepare(pair).look)
            self._last_kept = None

    def _sequence_of(self, pair: RawPair) -> _Sequence:
        if pair.rig not in self._sequences:
            number = len(self._sequences) + 1
            if number > 1:
                print(f'the calibration changed at {pair.stamp_ns}: sequence {number} begins')
            if number > MOST_SEQUENCES:
                raise BagError(
                    f'the calibration changed {MOST_SEQUENCES} times; fix the lens, or give one '
                    'calibration with --calibration'
                )
            try:
                rectifier = Rectifier(*with_positive_baseline(pair))
            except ValueError as error:
                eyes = ' + '.join(str(self._recording.described[eye]) for eye in EYES)
                raise BagError(f'{eyes}: {error}') from error
            self._sequences[pair.rig] = _Sequence(number, rectifier, self._workspace)
        return self._sequences[pair.rig]

    def _judge_next(self, pool: ThreadPoolExecutor) -> None:
        pair, sequence, future = self._preparing.popleft()
        prepared, why = None, 'unreadable'
        try:
            prepared = future.result()
        except ValueError as error:
            self._report(f'pair at {pair.stamp_ns}: {error}')
        writing, name, sharpness = None, None, None
        if prepared is not None:
            sharpness = prepared.look.sharpness
            why = self._selection.judge(prepared.look)
            if why is None:
                name = f'{sequence.kept:06d}'
                sequence.kept += 1
                writing = pool.submit(sequence.write, name, prepared)
        decision = Decision(pair.stamp_ns, sequence.number, name, why, sharpness)
        self._writing.append((decision, sequence, writing))

    def _record_next(self) -> None:
        decision, sequence, writing = self._writing.popleft()
        if writing is not None and decision.name is not None:
            writing.result()
            sequence.writer.commit(decision.name, decision.stamp_ns)
        self._workspace.record(decision)
        self.counts[decision.why or 'kept'] += 1

    def _report(self, what: str) -> None:
        if not self._reported:
            print(f'left out the {what}; more of this kind are only counted', file=sys.stderr)
        self._reported = True


def _nothing_kept(sources: Sequence[Path], counts: Counter[str], config: IngestConfig) -> str:
    label = ', '.join(map(str, sources))
    dropped = ', '.join(f'{number} {why}' for why, number in counts.items() if number)
    seen = sum(counts[why] for why in ('still', 'dark', 'blown out', 'blurred', 'unreadable'))
    if not seen:
        return (
            f'{label}: no left image has a right one within {config.tolerance_ms:g} ms; are the '
            f'cameras synchronised? ({dropped or "no images"})'
        )
    return f'{label}: no pair is worth keeping ({dropped}); look at them, or loosen the limits'


@contextmanager
def one_thread_opencv() -> Iterator[None]:
    """The pool's threads are the parallelism; OpenCV's own would only get in their way."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
