"""The report of a benchmark: a table, a JSON file and an exit status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

OUTPUT = Path('out/bench')


@dataclass(frozen=True)
class Target:
    """A measured value and its limit, which it must reach, or with at_most not exceed."""

    name: str
    measured: float
    target: float
    at_most: bool = False

    @property
    def ok(self) -> bool:
        """Return whether the target is met; NaN misses it."""
        if self.at_most:
            return self.measured <= self.target
        return self.measured >= self.target

    def as_dict(self) -> dict[str, Any]:
        """Return the target for JSON."""
        return asdict(self) | {'ok': self.ok}


def report(
    name: str,
    *,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    targets: Sequence[Target],
    details: dict[str, Any],
) -> int:
    """
    Print the rows and targets as one table and write out/bench/NAME.json.

    name: title of the table, and name of the file.
    columns, rows: the table, as text.
    targets: rows below the table.
    details: further entries of the JSON.
    Returns the exit status: 1 if a target is missed.
    """
    table = Table(*columns, title=name)
    for row in rows:
        table.add_row(*row)
    table.add_section()
    for target in targets:
        table.add_row(*_target_row(target, len(columns)))
    Console().print(table)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    content = {'targets': [target.as_dict() for target in targets]} | details
    (OUTPUT / f'{name}.json').write_text(json.dumps(content, indent=2) + '\n')
    return 0 if all(target.ok for target in targets) else 1


def _target_row(target: Target, columns: int) -> list[str]:
    bound = '<=' if target.at_most else '>='
    verdict = '[green]ok[/green]' if target.ok else '[red]missed[/red]'
    text = f'{target.measured:.3g} ({bound} {target.target:g})'
    return [target.name, text, verdict, *[''] * (columns - 3)]
