"""What can be counted of how the code reads: docstrings with a verb, short functions and files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ('monodepth_ros', 'trainer', 'demo', 'bench', 'launch')
# A docstring that begins with one of these is a fragment: it has no main verb.
FRAGMENTS = {'Of', 'What', 'How', 'Whether', 'As', 'Those', 'Where', 'When', 'Why', 'Which'}
MAX_FRAGMENTS = 0.02
MAX_FUNCTION_LINES, MAX_FILE_LINES = 20, 300
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _files() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob('*.py'))]


def _functions(source: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, FUNCTIONS))


def _is_fragment(docstring: str) -> bool:
    return docstring.split()[0].rstrip(',:') in FRAGMENTS


def _code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a function has from its def to its end, without its docstring."""
    first = function.body[0]
    has_docstring = ast.get_docstring(function) is not None
    docstring = first.end_lineno - first.lineno + 1 if has_docstring else 0
    return function.end_lineno - function.lineno + 1 - docstring


def test_docstrings_of_functions_have_a_verb():
    docstrings = {
        f'{path.relative_to(ROOT)}:{function.lineno} {function.name}': docstring
        for path in _files()
        for function in _functions(path.read_text())
        if (docstring := ast.get_docstring(function))
    }
    fragments = [place for place, docstring in docstrings.items() if _is_fragment(docstring)]
    assert len(fragments) <= MAX_FRAGMENTS * len(docstrings), '\n'.join(fragments)


def test_nine_of_ten_functions_fit_on_a_screen():
    lines = [_code_lines(f) for path in _files() for f in _functions(path.read_text())]
    assert np.percentile(lines, 90) <= MAX_FUNCTION_LINES


def test_no_file_is_long():
    lines = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in _files()}
    assert {path: n for path, n in lines.items() if n > MAX_FILE_LINES} == {}


@pytest.mark.parametrize(
    ('docstring', 'fragment'),
    [
        ('Of one camera.', True),
        ('What, and why.', True),
        ('Return what is left.', False),
        ('Whatever comes is kept.', False),
    ],
)
def test_a_fragment_is_known_by_its_first_word(docstring, fragment):
    assert _is_fragment(docstring) == fragment


def test_lines_are_counted_without_the_docstring():
    source = 'def f(\n    a,\n):\n    """\n    Return it.\n    """\n    return a\n'
    assert [_code_lines(f) for f in _functions(source)] == [4]
