"""The rows of the table of a check, and the limits that decide them."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Verdict(Enum):
    """The verdict on a row: a fault spoils a training, a warning may cost accuracy."""

    OK = 'ok'
    WARNING = 'warning'
    FAULT = 'fault'


class CheckResult(NamedTuple):
    """One row of the table; `remedy` says what to do about a warning or a fault."""

    measure: str
    measured: str
    expected: str
    verdict: Verdict = Verdict.OK
    remedy: str = ''


class Limits(NamedTuple):
    """Limits of a value: it is a warning above `warning` and a fault above `fault`."""

    warning: float
    fault: float

    def row(
        self, value: float, measure: str, measured: str, expected: str, remedy: str
    ) -> CheckResult:
        """
        Return the row of a value, with the remedy only if a limit is exceeded.

        value: the number to judge.
        measure: name of what is measured.
        measured, expected: the value and its limit, in words.
        remedy: what to do about a value beyond a limit.
        """
        if value > self.warning:
            verdict = Verdict.FAULT if value > self.fault else Verdict.WARNING
            return CheckResult(measure, measured, expected, verdict, remedy)
        return CheckResult(measure, measured, expected)


def not_measurable(measure: str, why: str) -> CheckResult:
    """Return a row that is ok: data that cannot be measured is no fault."""
    return CheckResult(measure, f'not measurable: {why}', '')
