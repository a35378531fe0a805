"""The unfinished output of ingest: what was decided about every pair, so that it can go on."""

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
    About one pair: kept under a name in a sequence, or left out and why.

    sharpness: see Look; None for a pair that could not be read. lost_truth: it had a truth that
    could not be. bits: what its sequence's 16-bit images were taken for, see BitDepth.
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
    FOLDER.partial, which becomes FOLDER at the end and survives kill -9 until then.

    began_with: sources and options; what was begun with others is not gone on with. decided: what
    a killed predecessor did, pair by pair. holds_pairs: whether any was kept so far.
    Raises FileExistsError when FOLDER exists, or when FOLDER.partial is of another ingest, and
    OSError when another process is at work there.
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
        """The pair folder of the pairs of one calibration, numbered from 1."""
        return self.partial / f'{SEQUENCE}{number:02d}'

    def record(self, decision: Decision) -> None:
        """Note a decision whose files are written."""
        self.holds_pairs |= decision.name is not None
        append_line(self.partial / JOURNAL, json.dumps(asdict(decision)))

    def finish(self, report: dict[str, Any]) -> None:
        """Make it FOLDER: the pair folder itself, or one subfolder a calibration."""
        sequences = list(self.partial.glob(f'{SEQUENCE}*'))
        for sequence in [s for s in sequences if not (s / STAMPS).exists()]:
            shutil.rmtree(sequence)  # of which no pair was kept
            sequences.remove(sequence)
        whole = sequences[0] if len(sequences) == 1 else self.partial
        self._write_report(whole, report)
        # First the journal: without its pairs it would make the next ingest pass them over.
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
            f'{self.partial} {why}; remove it, or give what it was begun with to go on'
        )
