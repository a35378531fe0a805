"""The lines of a check's table, and the limits that decide them."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Verdict(Enum):
    """A fault spoils a training; a warning costs some of its accuracy, or is not known better."""

    OK = 'ok'
    WARNING = 'warning'
    FAULT = 'fault'


class Row(NamedTuple):
    """One line of the table; remedy: what to do about a warning or a fault, else empty."""

    measure: str
    measured: str
    expected: str
    verdict: Verdict = Verdict.OK
    remedy: str = ''


class Limits(NamedTuple):
    """A value above `warning` is one, above `fault` is one."""

    warning: float
    fault: float

    def row(self, value: float, measure: str, measured: str, expected: str, remedy: str) -> Row:
        """The line of a value; the remedy is dropped where it is not needed."""
        if value > self.warning:
            verdict = Verdict.FAULT if value > self.fault else Verdict.WARNING
            return Row(measure, measured, expected, verdict, remedy)
        return Row(measure, measured, expected)


def not_measurable(measure: str, why: str) -> Row:
    """Nothing is held against data that cannot be measured."""
    return Row(measure, f'not measurable: {why}', '')
