"""The unfinished output of ingest: what was decided about every pair, so that it can go on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
import json
from pathlib import Path
import shutil
from typing import Any

from monodepth_ros.atomic import atomic_file, partial_path
from monodepth_ros.pair_folder import STAMPS

REPORT, JOURNAL = 'ingest.json', 'journal.jsonl'
SEQUENCE = 'sequence_'


@dataclass(frozen=True)
class Decision:
    """
    About one pair: kept under a name in a sequence, or left out and why.

    sharpness: see Look; None for a pair that could not be read.
    """

    stamp_ns: int
    sequence: int
    name: str | None
    why: str | None
    sharpness: float | None


class Workspace:
    """
    FOLDER.partial, which becomes FOLDER at the end and survives kill -9 until then.

    began_with: sources and options; what was begun with others is not gone on with. decided: what
    a killed predecessor did, by stamp. holds_pairs: whether any was kept so far.
    Raises FileExistsError when FOLDER exists, or when FOLDER.partial is of another ingest.
    """

    def __init__(self, folder: Path, began_with: dict[str, Any]) -> None:
        if folder.exists():
            raise FileExistsError(f'{folder} exists already; remove it or choose another name')
        self._folder = folder
        self._began_with = began_with
        self.partial = partial_path(folder)
        if self.partial.exists():
            self._check_same()
        else:
            self.partial.mkdir(parents=True)
            self._write_report(self.partial, {})
        self.decided = {d.stamp_ns: d for d in self._read_journal()}
        self.holds_pairs = any(d.name for d in self.decided.values())
        # Without buffer: a decision is on its way to the disk before the next one is made.
        self._journal = (self.partial / JOURNAL).open('ab', buffering=0)

    def sequence(self, number: int) -> Path:
        """The pair folder of the pairs of one calibration, numbered from 1."""
        return self.partial / f'{SEQUENCE}{number:02d}'

    def record(self, decision: Decision) -> None:
        """Note a decision whose files are written."""
        self.holds_pairs |= decision.name is not None
        self._journal.write((json.dumps(asdict(decision)) + '\n').encode())

    def finish(self, report: dict[str, Any]) -> None:
        """Make it FOLDER: the pair folder itself, or one subfolder a calibration."""
        self._journal.close()
        sequences = list(self.partial.glob(f'{SEQUENCE}*'))
        for sequence in [s for s in sequences if not (s / STAMPS).exists()]:
            shutil.rmtree(sequence)  # of which no pair was kept
            sequences.remove(sequence)
        whole = sequences[0] if len(sequences) == 1 else self.partial
        self._write_report(whole, report)
        (whole / JOURNAL).unlink(missing_ok=True)
        whole.replace(self._folder)
        shutil.rmtree(self.partial, ignore_errors=True)

    def discard(self) -> None:
        """Nothing came of it."""
        self._journal.close()
        shutil.rmtree(self.partial)

    def _write_report(self, folder: Path, report: dict[str, Any]) -> None:
        text = json.dumps(self._began_with | report, indent=1) + '\n'
        with atomic_file(folder / REPORT) as file:
            file.write_text(text)

    def _check_same(self) -> None:
        try:
            before = json.loads((self.partial / REPORT).read_text())
        except (OSError, ValueError):
            before = {}
        if {key: before.get(key) for key in self._began_with} != self._began_with:
            raise FileExistsError(
                f'{self.partial} was begun with other recordings or options; remove it, or give '
                'the same ones to go on'
            )

    def _read_journal(self) -> list[Decision]:
        path = self.partial / JOURNAL
        text = path.read_bytes() if path.exists() else b''
        whole = text[: text.rfind(b'\n') + 1]
        if whole != text:  # a line that was cut
            path.write_bytes(whole)
        return [Decision(**json.loads(line)) for line in whole.splitlines()]
