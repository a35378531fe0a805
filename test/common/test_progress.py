"""How far a replay is."""

from __future__ import annotations

from io import StringIO

import pytest

from monodepth_ros.common import progress
from monodepth_ros.common.progress import Progress, StatusLine


class Terminal(StringIO):
    """Looks like one."""

    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """The time, to set."""
    now = [100.0]
    monkeypatch.setattr(progress.time, 'monotonic', lambda: now[0])
    return now


def _write(shown, clock, frames):
    """Frames, two a second."""
    for _ in range(frames):
        clock[0] += 0.5
        shown.write()


def test_a_terminal_has_a_bar_that_goes_at_the_end(clock):
    terminal = Terminal()
    with Progress(200, StatusLine('replay', terminal)) as shown:
        _write(shown, clock, 50)
        assert terminal.getvalue().endswith(
            '\r\x1b[K[#####               ] 50/200 frames, 2.0 frames/s, 1:15 left'
        )
        assert '\n' not in terminal.getvalue()
    assert terminal.getvalue().endswith('left\r\x1b[K')


def test_what_is_told_stands_above_the_bar(clock):
    terminal = Terminal()
    with Progress(2, StatusLine('replay', terminal)) as shown:
        clock[0] += 1
        shown.drop('damaged', '/image at 5')
    assert terminal.getvalue().startswith('\r\x1b[Kreplay: left out: /image at 5; more of')
    assert '\n\r\x1b[K[##########' in terminal.getvalue()


def test_a_log_has_a_line_now_and_then(clock):
    log = StringIO()
    with Progress(0, StatusLine('replay', log)) as shown:
        _write(shown, clock, 50)
    assert log.getvalue() == '20 frames, 2.0 frames/s\n40 frames, 2.0 frames/s\n'


def test_a_video_of_more_frames_than_it_says_is_at_its_end(clock):
    terminal = Terminal()
    with Progress(1, StatusLine('replay', terminal)) as shown:
        _write(shown, clock, 2)
    assert '[####################] 2/2 frames, 2.0 frames/s, 0:00 left' in terminal.getvalue()


def test_a_quick_replay_leaves_no_line(clock):
    log = StringIO()
    with Progress(2, StatusLine('replay', log)) as shown:
        shown.write()
        clock[0] += 0.5
    assert log.getvalue() == ''
    assert shown.summary == '1 of 1 frames, 2.0 frames/s, dropped: none'


def test_only_the_first_of_a_reason_is_said(clock):
    log = StringIO()
    with Progress(3, StatusLine('replay', log)) as shown:
        for detail in ('a', 'b'):
            shown.drop('damaged', detail)
        shown.drop('unreadable', 'c')
        clock[0] += 1
    assert log.getvalue().count('left out') == 2
    assert shown.summary == '0 of 3 frames, 0.0 frames/s, dropped: 2 damaged, 1 unreadable'
