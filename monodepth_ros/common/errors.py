"""Errors for a person: one line, with what was got and expected."""

from __future__ import annotations

from functools import cache
import sys


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


@cache
def warn_once(text: str) -> None:
    """Print a line to stderr, the first time that it comes up in this process."""
    print(text, file=sys.stderr)
