"""Errors for a person: one line, with what was got and expected."""

from __future__ import annotations

import traceback


def one_line(error: BaseException) -> str:
    """
    The first line of an error's text that says something, or its type where none does.

    Libraries begin with lines like `Exception from plugin.cpp:54:`, which end with a colon.
    """
    lines = [stripped for line in str(error).splitlines() if (stripped := line.strip())]
    return next(
        (line for line in lines if not line.endswith(':')), [*lines, type(error).__name__][0]
    )


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ValueError unless the value is one of the choices."""
    if value not in choices:
        raise ValueError(f'{name} is {value!r}, expected one of {choices}')


class Tracebacks:
    """
    Tell tracebacks of faults that nobody foresaw, each kind once.

    foreseen: errors that say what is wrong with an input, unless something else caused them. A
    kind is a type of error and the line that raised it.
    """

    def __init__(self, *foreseen: type[BaseException]) -> None:
        self._foreseen = foreseen
        self._told: set[tuple[object, ...]] = set()

    def of(self, error: BaseException) -> str | None:
        """Return what to log of an error beside its line; None: it was foreseen, or is known."""
        fault: BaseException | None = error
        while isinstance(fault, self._foreseen):
            fault = fault.__cause__
        if fault is None:
            return None
        places = traceback.extract_tb(fault.__traceback__)
        kind = (type(fault), *[(place.filename, place.lineno) for place in places[-1:]])
        if kind in self._told:
            return None
        self._told.add(kind)
        return ''.join(traceback.format_exception(error)).rstrip()
