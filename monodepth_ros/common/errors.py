"""Error texts on one line, with what was got and what was expected."""

from __future__ import annotations

from functools import cache
import sys
import traceback


def one_line(error: BaseException) -> str:
    """
    Return the first informative line of an error's text, or the error's type without one.

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


@cache
def warn_once(text: str) -> None:
    """Print a line to stderr, only the first time in this process."""
    print(text, file=sys.stderr)


class Tracebacks:
    """
    The tracebacks of unforeseen errors, each kind of error once.

    foreseen: errors that describe a wrong input, unless another error caused them. A kind is a
    type of error and the line that raised it.
    """

    def __init__(self, *foreseen: type[BaseException]) -> None:
        self._foreseen = foreseen
        self._logged: set[tuple[object, ...]] = set()

    def of(self, error: BaseException) -> str | None:
        """Return the traceback to log for an error; None if it was foreseen or logged before."""
        fault: BaseException | None = error
        while isinstance(fault, self._foreseen):
            fault = fault.__cause__
        if fault is None:
            return None
        places = traceback.extract_tb(fault.__traceback__)
        kind = (type(fault), *[(place.filename, place.lineno) for place in places[-1:]])
        if kind in self._logged:
            return None
        self._logged.add(kind)
        return ''.join(traceback.format_exception(error)).rstrip()
