"""A check on the terminal: one table for each sequence, and a remedy for each row not ok."""

from __future__ import annotations

from collections.abc import Iterator
import sys

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trainer.check.limits import Verdict
from trainer.check.preflight import SequenceCheck

STYLES = {Verdict.OK: 'green', Verdict.WARNING: 'yellow', Verdict.FAULT: 'bold red'}
# Width in a pipe, where each row must be on one line for grep.
PIPE_COLUMNS = 160


def print_check(check: SequenceCheck) -> None:
    """Print the table and the remedies."""
    console = Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS)
    console.print(_table(check))
    for line in remedy_lines(check):
        console.print(line, soft_wrap=True)


def remedy_lines(check: SequenceCheck) -> Iterator[str]:
    """Yield one line of markup for every fault and warning, faults first."""
    for verdict in (Verdict.FAULT, Verdict.WARNING):
        for row in check.of(verdict):
            style = STYLES[verdict]
            yield f'[{style}]{verdict.value}[/]: {escape(f"{row.measure}: {row.remedy}")}'


def _table(check: SequenceCheck) -> Table:
    pairs = len(check.evidence.pairs)
    title = f'{check.sequence.path}: {pairs} of {len(check.sequence.names)} pairs'
    table = Table(
        'measure', 'measured', 'expected', 'verdict', title=escape(title), box=box.SIMPLE
    )
    for row in check.rows:
        cells = (escape(cell) for cell in (row.measure, row.measured, row.expected))
        table.add_row(
            *cells, row.verdict.value, style=None if not row.remedy else STYLES[row.verdict]
        )
    return table
