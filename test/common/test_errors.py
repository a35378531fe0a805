"""One line for a person, whatever a library wrote."""

from __future__ import annotations

import pytest

from monodepth_ros.common.errors import one_line


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
