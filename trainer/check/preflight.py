"""The check of pair sequences, in full and in a quick form before a training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from monodepth_ros.core.intrinsics_check import intrinsics_fault
from trainer.check.config import CheckConfig
from trainer.check.evidence import Evidence, gather, PairEvidence, Unreadable
from trainer.check.image_verdicts import bit_depth_verdicts, image_verdicts
from trainer.check.limits import CheckResult, Verdict
from trainer.check.stereo_verdicts import MeasuredRig, stereo_verdicts
from trainer.datasets.sources import PairSequence

# A data set may have hundreds of sequences, so the quick check takes evenly spaced ones.
MAX_QUICK_SEQUENCES = 4
MAX_QUICK_PAIRS = 12
QUICK_PAIRS = 5
# Up to this many sequences are checked with all the pairs of CheckConfig. More sequences share the
# same total, but each gets as many pairs as a verdict needs.
WHOLE_SEQUENCES = 3
MIN_PAIRS = 3

# A function that passes measurements on as they come, e.g. to show progress.
Watch = Callable[
    [Iterable[PairEvidence | Unreadable], str, int], Iterable[PairEvidence | Unreadable]
]


class NothingReadable(ValueError):
    """Raised if no pair of a sequence, or of a sample of it, can be read."""


class SequenceCheck(NamedTuple):
    """The check of one sequence: its measurements and its table."""

    sequence: PairSequence
    evidence: Evidence
    rows: list[CheckResult]

    def of(self, verdict: Verdict) -> list[CheckResult]:
        """Return the rows with this verdict."""
        return [row for row in self.rows if row.verdict is verdict]


def check_sequence(
    sequence: PairSequence, config: CheckConfig, watch: Watch = lambda found, *_: found
) -> SequenceCheck:
    """Measure and judge a sequence; raise NothingReadable if no pair of it can be read."""
    count = min(config.pairs, len(sequence.names))
    found = list(watch(gather(sequence, count), f'check {sequence.path.name}', count))
    unreadable = [pair for pair in found if isinstance(pair, Unreadable)]
    evidence = Evidence([p for p in found if isinstance(p, PairEvidence)], unreadable)
    if not evidence.pairs:
        raise _nothing_readable(sequence, unreadable)
    rows = image_verdicts(evidence) + bit_depth_verdicts(sequence.images.bit_depth)
    rows += stereo_verdicts(MeasuredRig(evidence.pairs, sequence.calibration), config, before=rows)
    return SequenceCheck(sequence, evidence, rows)


def check_sequences(
    sequences: Sequence[PairSequence], config: CheckConfig, watch: Watch = lambda found, *_: found
) -> Iterator[SequenceCheck]:
    """Yield the check of each sequence; with many sequences, check fewer pairs of each."""
    fraction = max(MIN_PAIRS, WHOLE_SEQUENCES * config.pairs // len(sequences))
    config = replace(config, pairs=min(config.pairs, fraction))
    for sequence in sequences:
        yield check_sequence(sequence, config, watch)


def fault_text(checks: Iterable[SequenceCheck]) -> str:
    """Return the faults of all sequences in one line; empty without faults."""
    return '; '.join(
        f'{check.sequence.path}: '
        + ', '.join(f'{row.measure}: {row.measured}' for row in check.of(Verdict.FAULT))
        for check in checks
        if check.of(Verdict.FAULT)
    )


def quick_check(sequences: Sequence[PairSequence]) -> list[SequenceCheck]:
    """
    Check a few pairs of a few sequences, and that each other sequence has a readable pair.

    A sequence whose intrinsics do not fit its images is among the few. Raises NothingReadable;
    the training replaces single pairs that cannot be read.
    """
    step = -(-len(sequences) // MAX_QUICK_SEQUENCES)
    chosen = [
        sequence
        for at, sequence in enumerate(sequences)
        if at % step == 0 or intrinsics_fault(sequence.calibration.intrinsics)
    ]
    config = CheckConfig(pairs=max(1, min(QUICK_PAIRS, MAX_QUICK_PAIRS // len(chosen))))
    for sequence in sequences:
        if sequence not in chosen:
            _require_readable(sequence)
    return [check_sequence(sequence, config) for sequence in chosen]


def _require_readable(sequence: PairSequence) -> None:
    """Raise NothingReadable unless a pair can be read; in good data the first one can."""
    unreadable = []
    for name in sequence.names:
        try:
            sequence.read_pair(name)
            return
        except (ValueError, OSError) as error:
            unreadable.append(Unreadable(name, str(error)))
    raise _nothing_readable(sequence, unreadable)


def _nothing_readable(sequence: PairSequence, unreadable: Sequence[Unreadable]) -> NothingReadable:
    return NothingReadable(
        f'{sequence.path}: none of {len(unreadable)} pairs can be read: {unreadable[0].reason}'
    )
