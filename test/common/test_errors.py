"""One line for a person, whatever a library wrote."""

from __future__ import annotations

import pytest

from monodepth_ros.common.errors import one_line, Tracebacks


@pytest.mark.parametrize(
    ('text', 'line'),
    [
        ('no space left', 'no space left'),
        ('\n a reason\nand where it was', 'a reason'),
        (
            'Exception from core.cpp:117:\nException from plugin.cpp:54:\nno memory\n\n',
            'no memory',
        ),
        ('it failed: \n  \n  no memory', 'no memory'),
        ('nothing follows:', 'nothing follows:'),
        ('', 'OSError'),
    ],
)
def test_the_first_line_that_says_something(text, line):
    assert one_line(OSError(text)) == line


def _raised(cause=None, *, kind=ValueError, text='no'):
    """Return an error that was raised, because of another one where there is a cause."""
    try:
        raise kind(text) from cause
    except Exception as error:
        return error


def test_a_fault_that_nobody_foresaw_is_traced_once_a_kind():
    tracebacks = Tracebacks(ValueError)
    text = tracebacks.of(_raised(kind=KeyError, text='k'))
    assert text.startswith('Traceback (most recent call last):')
    assert 'in _raised' in text
    assert text.endswith("KeyError: 'k'")
    assert tracebacks.of(_raised(kind=KeyError, text='another')) is None
    assert tracebacks.of(_raised(kind=TypeError)) is not None
    with pytest.raises(KeyError) as elsewhere:
        {}['k']
    assert tracebacks.of(elsewhere.value) is not None


def test_what_was_foreseen_is_not_traced_but_what_caused_it_is():
    tracebacks = Tracebacks(ValueError)
    assert tracebacks.of(_raised()) is None
    assert tracebacks.of(_raised(_raised())) is None
    text = tracebacks.of(_raised(_raised(kind=MemoryError)))
    assert 'MemoryError: no' in text
    assert text.endswith('ValueError: no')
    assert tracebacks.of(_raised(_raised(kind=MemoryError))) is None
