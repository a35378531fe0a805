"""Conversion of recordings to a pair folder: rectify, crop, select and write on all cores."""

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
from rich.progress import track

from monodepth_ros.core.bit_depth import described
from monodepth_ros.core.camera import Camera, StereoCalibration
from monodepth_ros.core.rectifier import Rectifier
from monodepth_ros.pipeline.camera_remarks import calibration_faults, calibration_remarks
from monodepth_ros.storage.bag import Bag, BagError
from monodepth_ros.storage.pair_folder import PairFolder, VIEWS
from trainer.datasets.hint_matching import MATCHED
from trainer.datasets.hints import Hints
from trainer.ingest.bag_recording import BagRecording
from trainer.ingest.baseline_sign import UndecidedError, with_positive_baseline
from trainer.ingest.config import IngestConfig
from trainer.ingest.journal import Decision, Workspace
from trainer.ingest.recording import FrameFolder, RawPair, Recording, Rig
from trainer.ingest.sequence import IngestSequence, Prepared

# Pairs in work per core: enough that no core waits for the one thread that decides.
IN_WORK = 3
# The limit for a machine with many cores: a pair of large images takes 40 MB.
MAX_IN_WORK = 24
# A rig that is calibrated again changes less often; more changes mean a zoom lens.
MAX_SEQUENCES = 20
# Dark pairs at the start do not show whether left and right are swapped; allow this many.
MAX_UNDECIDED = 30


class IngestResult(NamedTuple):
    """The calibration of each sequence, and the number of pairs kept and left out by reason."""

    calibrations: list[StereoCalibration]
    counts: dict[str, int]


def ingest(sources: Sequence[Path], folder: Path, config: IngestConfig) -> IngestResult:
    """
    Write the pairs of recordings, or of one folder of frames, to a new folder.

    The same call continues an ingest that was stopped at any point, even by kill -9. Raises
    ValueError (BagError) if there are no pairs, OSError if the disk is full.
    """
    began_with = {'sources': [str(source) for source in sources], 'options': config.plain()}
    with _open(sources, config) as recording:
        if recording.bits is not None:
            print(f'16-bit images: taken as {described(recording.bits)}')
        workspace = Workspace(folder, began_with)
        work = _Ingest(recording, workspace, config)
        try:
            work.run(', '.join(source.name for source in sources))
            if not work.counts['kept']:
                raise BagError(_nothing_kept(sources, work.counts, recording.left_out, config))
        finally:
            if not workspace.holds_pairs:
                workspace.discard()
        if config.hints:
            work.match()
        counts = dict(work.counts + recording.left_out)
        workspace.finish({'topics': recording.described, 'counts': counts})
    return IngestResult(work.calibrations, counts)


@contextmanager
def _open(sources: Sequence[Path], config: IngestConfig) -> Iterator[Recording]:
    frames = [source for source in sources if (source / VIEWS[0]).is_dir()]
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


class _Ingest:
    """
    One run of ingest: all threads prepare and write pairs, one thread judges them in order.

    Pairs that an earlier, killed run decided about are read from its journal and skipped.
    """

    def __init__(self, recording: Recording, workspace: Workspace, config: IngestConfig) -> None:
        self._recording = recording
        self._workspace = workspace
        self._config = config
        self._sequences: dict[Rig, IngestSequence] = {}
        self._preparing: deque[tuple[RawPair, IngestSequence | str, Future[Prepared] | None]]
        self._preparing = deque()
        self._writing: deque[tuple[Decision, IngestSequence | None, Future[None] | None]] = deque()
        self._unusable: dict[Rig, str] = {}
        self._undecided: list[str] = []
        self._reported: set[str] = set()
        self.counts: Counter[str] = Counter()

    def match(self) -> None:
        """Make the hints of the pairs kept; a killed run goes on there too."""
        for sequence in self._sequences.values():
            if sequence.kept:
                pairs = PairFolder(self._workspace.sequence(sequence.number))
                Hints(pairs, MATCHED, pairs.names)

    @property
    def calibrations(self) -> list[StereoCalibration]:
        """Return the calibration of each sequence that has pairs."""
        return [s.rectifier.calibration for s in self._sequences.values() if s.kept]

    def run(self, title: str) -> None:
        """Process the recording to its end, or to the first place that cannot be read."""
        workers = len(os.sched_getaffinity(0))
        in_work = min(IN_WORK * workers, MAX_IN_WORK)
        with one_thread_opencv(), ThreadPoolExecutor(workers) as pool:
            for pair in track(self._readable_pairs(), f'ingest {title}', self._recording.count):
                self._take(pair, pool)
                self._check_decided(MAX_UNDECIDED)
                while len(self._preparing) > in_work:
                    self._judge_next(pool)
                while len(self._writing) > in_work:
                    self._record_next()
            while self._preparing:
                self._judge_next(pool)
            while self._writing:
                self._record_next()
        self._check_decided(0)

    def _check_decided(self, max_pairs: int) -> None:
        """Raise BagError if more than `max_pairs` pairs came and none decided the sign of P[3]."""
        if not self._sequences and len(self._undecided) > max_pairs:
            raise BagError(f'{self._views()}: {self._undecided[-1]}')

    def _readable_pairs(self) -> Iterator[RawPair]:
        try:
            yield from self._recording.pairs()
        except BagError as error:
            # Keep the pairs before the damage: they may be hours.
            print(f'{error}; using the pairs before the damage', file=sys.stderr)
            self._recording.left_out['ended early'] += 1

    def _take(self, pair: RawPair, pool: ThreadPoolExecutor) -> None:
        sequence = self._sequence_of(pair)
        if self._workspace.decided:
            self._pass_over(pair, sequence)
        elif isinstance(sequence, str):
            self._preparing.append((pair, sequence, None))
        else:
            sequence.go_on()
            self._preparing.append((pair, sequence, pool.submit(sequence.prepare, pair)))

    def _pass_over(self, pair: RawPair, sequence: IngestSequence | str) -> None:
        decision = self._workspace.decided.popleft()
        if decision.stamp_ns != pair.stamp_ns:
            raise BagError(
                f'the recording is not the one that {self._workspace.partial} was begun with: its '
                f'next pair is at {pair.stamp_ns}, expected {decision.stamp_ns}; remove the folder'
            )
        self._count(decision)
        if not isinstance(sequence, str):
            sequence.recall(pair, decision)

    def _sequence_of(self, pair: RawPair) -> IngestSequence | str:
        """Return the sequence of the pair's calibration, or why there can be none."""
        rig = pair.rig
        if rig in self._unusable:
            return self._unusable[rig]
        if rig not in self._sequences:
            try:
                self._begin_sequence(pair)
            except UndecidedError as error:
                self._undecided.append(str(error))
                return 'of unknown order'
            except ValueError as error:
                if not self._sequences:
                    raise BagError(f'{self._views()}: {error}') from error
                # Keep the pairs before and after a damaged calibration: they may be hours.
                self._report('calibration', f'{self._views()} at {pair.stamp_ns}: {error}')
                self._unusable[rig] = 'of an unusable calibration'
                return self._unusable[rig]
        return self._sequences[rig]

    def _begin_sequence(self, pair: RawPair) -> None:
        rig = with_positive_baseline(pair)
        for view, camera in zip(VIEWS, rig, strict=True):
            _check_calibration(view, camera)
        rectifier = Rectifier(*rig)
        number = len(self._sequences) + 1
        if number > MAX_SEQUENCES:
            raise ValueError(
                f'the calibration changed {MAX_SEQUENCES} times, expected fewer; fix the lens, '
                'or give one calibration with --calibration'
            )
        if number > 1:
            print(f'the calibration changed at {pair.stamp_ns}: starting sequence {number}')
        bits = self._recording.bits
        sequence = IngestSequence(number, rectifier, self._workspace, self._config, bits=bits)
        self._sequences[pair.rig] = sequence

    def _views(self) -> str:
        return ' + '.join(str(self._recording.described[view]) for view in VIEWS)

    def _judge_next(self, pool: ThreadPoolExecutor) -> None:
        pair, sequence, future = self._preparing.popleft()
        if isinstance(sequence, str) or future is None:
            decision = Decision(pair.stamp_ns, 0, None, str(sequence), None)
            self._writing.append((decision, None, None))
            return
        prepared = writing = None
        try:
            prepared = sequence.settle(pair, future.result())
        except ValueError as error:
            self._report('picture', f'the pair at {pair.stamp_ns}: {error}')
        decision = sequence.decide(pair.stamp_ns, prepared)
        if prepared is not None and decision.name is not None:
            writing = pool.submit(sequence.write, decision.name, prepared)
        if prepared is not None and decision.lost_truth:
            what = (
                f'the ground truth of the pair at {pair.stamp_ns}: {prepared.ground_truth_fault}'
            )
            self._report('truth', what)
        self._writing.append((decision, sequence, writing))

    def _record_next(self) -> None:
        decision, sequence, writing = self._writing.popleft()
        if sequence is not None and writing is not None and decision.name is not None:
            writing.result()
            sequence.commit(decision.name, decision)
        self._workspace.record(decision)
        self._count(decision)

    def _count(self, decision: Decision) -> None:
        self.counts[decision.why or 'kept'] += 1
        self.counts['damaged truth'] += decision.lost_truth

    def _report(self, kind: str, what: str) -> None:
        if kind not in self._reported:
            print(f'left out: {what}; more of this kind are only counted', file=sys.stderr)
        self._reported.add(kind)


def _check_calibration(view: str, camera: Camera) -> None:
    """Raise ValueError for a calibration that cannot fit its images; print lesser doubts."""
    if faults := calibration_faults(camera):
        raise ValueError(f'{view} camera: {"; ".join(faults)}')
    for remark in calibration_remarks(camera):
        print(f'{view} camera: {remark}', file=sys.stderr)


def _nothing_kept(
    sources: Sequence[Path], counts: Counter[str], left_out: Counter[str], config: IngestConfig
) -> str:
    label = ', '.join(map(str, sources))
    why = ', '.join(f'{number} {why}' for why, number in (counts + left_out).items())
    if counts:
        return f'{label}: no pair is worth keeping ({why}); look at them, or relax the limits'
    if left_out['unpaired']:
        return (
            f'{label}: no left image has a right one within {config.tolerance_ms:g} ms ({why}); '
            f'the cameras must be synchronised'
        )
    return (
        f'{label}: no pair between --first_share and --last_share ({why or "no images"}); '
        f'use more of the recording'
    )


@contextmanager
def one_thread_opencv() -> Iterator[None]:
    """Run OpenCV on one thread: its own threads would compete with those of the pool."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
