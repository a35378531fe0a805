"""The unfinished output of ingest, with a journal of its decisions, so that it can continue."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
import json
import os
from pathlib import Path
import shutil
from typing import Any

from monodepth_ros.common.atomic import (
    append_line,
    atomic_file,
    lock_folder,
    partial_path,
    whole_lines,
)
from monodepth_ros.storage.pair_folder import STAMPS

REPORT, JOURNAL = 'ingest.json', 'journal.jsonl'
SEQUENCE = 'sequence_'


@dataclass(frozen=True)
class Decision:
    """
    The decision about one pair: kept under a name in a sequence, or left out for a reason.

    name: file name in the sequence; None if the pair is left out.
    why: reason for leaving it out; None if the pair is kept.
    sharpness: see Look; None for a pair that could not be read.
    lost_truth: the pair has a ground truth that could not be read.
    bits: bit depth that the sequence's 16-bit images were read with, see BitDepth.
    """

    stamp_ns: int
    sequence: int
    name: str | None
    why: str | None
    sharpness: float | None
    lost_truth: bool = False
    bits: int | None = None


class Workspace:
    """
    The folder FOLDER.partial, which becomes FOLDER at the end and survives kill -9 until then.

    began_with: sources and options; an ingest with others is not continued.
    decided: decisions of an earlier, killed run, pair by pair.
    holds_pairs: whether any pair was kept so far.
    Raises FileExistsError if FOLDER exists, or if FOLDER.partial belongs to another ingest, and
    OSError if another process is working there.
    """

    def __init__(self, folder: Path, began_with: dict[str, Any]) -> None:
        if folder.exists():
            raise FileExistsError(f'{folder} exists already; remove it or choose another name')
        self._folder = folder
        self._began_with = began_with
        self.partial = partial_path(folder)
        self.partial.mkdir(parents=True, exist_ok=True)
        self._lock = lock_folder(self.partial)
        if (self.partial / REPORT).exists():
            self._check_same()
        else:
            self._write_report(self.partial, {})
        self.decided = deque(self._read_journal())
        self.holds_pairs = any(decision.name for decision in self.decided)

    def sequence(self, number: int) -> Path:
        """Return the pair folder of one calibration; calibrations are numbered from 1."""
        return self.partial / f'{SEQUENCE}{number:02d}'

    def record(self, decision: Decision) -> None:
        """Append a decision to the journal, after its files are written."""
        self.holds_pairs |= decision.name is not None
        append_line(self.partial / JOURNAL, json.dumps(asdict(decision)))

    def finish(self, report: dict[str, Any]) -> None:
        """Rename to FOLDER: one pair folder, or one subfolder for each of several calibrations."""
        sequences = list(self.partial.glob(f'{SEQUENCE}*'))
        for sequence in [s for s in sequences if not (s / STAMPS).exists()]:
            shutil.rmtree(sequence)  # it has no stamps because no pair was kept
            sequences.remove(sequence)
        whole = sequences[0] if len(sequences) == 1 else self.partial
        self._write_report(whole, report)
        # Remove the journal first: without its pairs it would make the next ingest skip them.
        (self.partial / JOURNAL).unlink(missing_ok=True)
        whole.replace(self._folder)
        self.discard()

    def discard(self) -> None:
        """Remove what is left of FOLDER.partial."""
        shutil.rmtree(self.partial, ignore_errors=True)
        os.close(self._lock)

    def _write_report(self, folder: Path, report: dict[str, Any]) -> None:
        text = json.dumps(self._began_with | report, indent=1) + '\n'
        with atomic_file(folder / REPORT) as file:
            file.write_text(text)

    def _check_same(self) -> None:
        try:
            before = json.loads((self.partial / REPORT).read_text())
        except ValueError:
            before = {}
        if {key: before.get(key) for key in self._began_with} != self._began_with:
            raise self._not_gone_on_with('was begun with other recordings or options')

    def _read_journal(self) -> list[Decision]:
        try:
            return [Decision(**json.loads(line)) for line in whole_lines(self.partial / JOURNAL)]
        except (TypeError, ValueError) as error:
            raise self._not_gone_on_with(f'holds an unreadable {JOURNAL}') from error

    def _not_gone_on_with(self, why: str) -> FileExistsError:
        os.close(self._lock)
        return FileExistsError(
            f'{self.partial} {why}; remove it, or give the same recordings and options to continue'
        )
