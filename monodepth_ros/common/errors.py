"""Error texts on one line, with what was got and what was expected."""

from __future__ import annotations


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
