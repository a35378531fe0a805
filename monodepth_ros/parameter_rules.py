"""Rules of parameters, and the table and the file generated from them; no ROS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
import json
import textwrap
from typing import Any, TypeVar

from monodepth_ros.common.errors import check_choice

# Indentation in the parameter file.
INDENT, WRAPPED = '    ', '    # '
# Expected values of a parameter, by the type of its default.
EXPECTED = {bool: 'true or false', int: 'a whole number', float: 'a number', str: 'text'}


@dataclass(frozen=True)
class Rule:
    """
    Meaning and allowed values of a parameter.

    low, high: range in the unit of the name, both ends included.
    live: a change while the node runs takes effect from the next frame; a change of any other
    parameter is refused unless the node is unconfigured.
    """

    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    live: bool = False

    def check(self, name: str, value: Any) -> None:
        """Raise ValueError for a value that is not allowed."""
        if self.choices:
            check_choice(f'parameter {name}', value, self.choices)
        if self.low is not None and not value >= self.low:
            raise ValueError(f'parameter {name} is {value:g}, expected >= {self.low:g}')
        if self.high is not None and not value <= self.high:
            raise ValueError(f'parameter {name} is {value:g}, expected <= {self.high:g}')


def parameter(default: Any, description: str, **rule: Any) -> Any:
    """Return a field of a Parameters dataclass; see Rule for the keywords."""
    return field(default=default, metadata={'rule': Rule(description, **rule)})


@dataclass(frozen=True)
class Parameters:
    """
    Base of the dataclasses of parameters, the only home of names, defaults and rules.

    config/monodepth.yaml and the tables of docs/parameters.md are generated from them. Raises
    ValueError for a value that is not allowed.
    """

    def __post_init__(self) -> None:
        for name, rule in rules(type(self)).items():
            rule.check(name, getattr(self, name))


Params = TypeVar('Params', bound=Parameters)


def rules(kind: type[Parameters]) -> dict[str, Rule]:
    """Return the rules by name, in the order of definition."""
    return {f.name: f.metadata['rule'] for f in _fields(kind)}


def read_parameters(kind: type[Params], declare: Callable[[str, Any, Rule], Any]) -> Params:
    """
    Declare every parameter of a dataclass and return the values.

    kind: the dataclass.
    declare: called with name, default and rule; declares a parameter and returns its value. An
    integer is accepted for a float.
    Raises ValueError for a value of another type, or one that is not allowed.
    """
    values = {f.name: declare(f.name, f.default, f.metadata['rule']) for f in _fields(kind)}
    return kind(**_typed(kind, values))


def changed(params: Params, values: dict[str, Any], *, live_only: bool) -> Params:
    """
    Return the parameters with the values that belong to their dataclass.

    params: the present parameters.
    values: new values by name, also of other dataclasses.
    live_only: raise ValueError for a change of a parameter that is not live.
    Raises ValueError for a value that is not allowed.
    """
    kind = type(params)
    values = _typed(kind, {name: values[name] for name in rules(kind).keys() & values.keys()})
    for name, rule in rules(kind).items():
        before = getattr(params, name)
        if live_only and not rule.live and values.get(name, before) != before:
            raise ValueError(
                f'parameter {name} is read when the node is configured; deactivate it, clean it '
                'up, set the parameter, then configure and activate it again'
            )
    return replace(params, **values)


def parameter_table(kind: type[Parameters]) -> str:
    """Return docs/parameters.md's table of a dataclass; * marks live parameters."""
    rows = [
        f'| `{f.name}`{_mark(f)} | `{json.dumps(f.default)}` | {f.metadata["rule"].description} |'
        for f in _fields(kind)
    ]
    return '\n'.join(['| parameter | default | meaning |', '|---|---|---|', *rows])


def parameter_yaml(kinds: tuple[type[Parameters], ...]) -> str:
    """Return a parameter file of all defaults with their meanings."""
    lines = [
        '# Every parameter of depth_node with its default, written by',
        '# `python -m monodepth_ros.parameters`. Those marked * can be changed while it runs.',
        '/**:',
        '  ros__parameters:',
        *parameter_lines(kinds),
    ]
    return '\n'.join(lines) + '\n'


def parameter_lines(kinds: tuple[type[Parameters], ...]) -> Iterator[str]:
    """Yield the lines of a parameter file for some dataclasses; * marks live parameters."""
    for kind in kinds:
        for f in _fields(kind):
            meaning = f'#{_mark(f)} {f.metadata["rule"].description}'
            yield from textwrap.wrap(meaning, 99, initial_indent=INDENT, subsequent_indent=WRAPPED)
            yield f'{INDENT}{f.name}: {json.dumps(f.default)}'


def _typed(kind: type[Parameters], values: dict[str, Any]) -> dict[str, Any]:
    """Convert integers to floats where needed. Raises ValueError for a value of another type."""
    types = {f.name: type(f.default) for f in _fields(kind)}
    return {name: _of_type(types[name], name, value) for name, value in values.items()}


def _of_type(kind: type, name: str, value: Any) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    # True is an int to Python.
    if type(value) is not kind:
        raise ValueError(f'parameter {name} is {value!r}, expected {EXPECTED[kind]}')
    return value


def _mark(f: Any) -> str:
    return ' *' if f.metadata['rule'].live else ''


def _fields(kind: type) -> tuple[Any, ...]:
    return fields(kind)
