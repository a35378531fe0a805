"""Errors for a person: one line, with what was got and expected."""

from __future__ import annotations


def one_line(error: BaseException) -> str:
    """The first line of an error's text, or its type where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ValueError unless the value is one of the choices."""
    if value not in choices:
        raise ValueError(f'{name} is {value!r}, expected one of {choices}')
