"""How far a command is: a bar on a terminal, else a line now and then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
import time
from typing import TextIO

BAR_WIDTH = 20
# Between two states of the bar, and between two lines of a log.
BAR_PERIOD_S, LINE_PERIOD_S = 0.1, 10.0
# Back to the start of the line, and what stands in it away.
CLEAR = '\r\x1b[K'


class StatusLine:
    """
    The line of a command at work: in its place on a terminal, else again now and then.

    title: begins what is told to the user. stream: where all is shown.
    """

    def __init__(self, title: str, stream: TextIO) -> None:
        self._title = title
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._period_s = BAR_PERIOD_S if self._is_terminal else LINE_PERIOD_S
        self._shown_s = time.monotonic()

    def show(self, line: Callable[[], str]) -> None:
        """The line as it is now, made only when its time has come."""
        now_s = time.monotonic()
        if now_s - self._shown_s >= self._period_s:
            self._shown_s = now_s
            self._print(line() if self._is_terminal else f'{line()}\n')

    def tell(self, text: str) -> None:
        """Another line, that stays above it."""
        self._print(f'{self._title}: {text}\n')

    def clear(self) -> None:
        """Take it away from a terminal."""
        self._print('')

    def _print(self, text: str) -> None:
        print(CLEAR + text if self._is_terminal else text, end='', file=self._stream, flush=True)


def bar(fraction: float) -> str:
    """A bar of which a fraction in 0 to 1 is full."""
    return f'[{"#" * int(BAR_WIDTH * fraction):{BAR_WIDTH}}]'


class Progress:
    """
    Counts frames, written ones and dropped ones by reason; a context manager.

    total: how many there are, 0 for unknown. status: where it is shown.
    """

    def __init__(self, total: int, status: StatusLine) -> None:
        self.written = 0
        self.dropped: Counter[str] = Counter()
        self._total = total
        self._status = status
        self._start_s = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._status.clear()

    @property
    def summary(self) -> str:
        """Frames written, frames a second, frames dropped and why."""
        rate = self.written / (time.monotonic() - self._start_s)
        return (
            f'{self.written} of {self._done} frames, {rate:.1f} frames/s, dropped: {self.losses}'
        )

    @property
    def losses(self) -> str:
        """Frames dropped and why."""
        return ', '.join(f'{count} {reason}' for reason, count in self.dropped.items()) or 'none'

    def write(self) -> None:
        """Count a written frame."""
        self.written += 1
        self._status.show(self._line)

    def drop(self, reason: str, detail: str) -> None:
        """Count a dropped frame; the detail of the first of a reason is said."""
        if not self.dropped[reason]:
            self._status.tell(f'left out: {detail}; more of this kind are only counted')
        self.dropped[reason] += 1
        self._status.show(self._line)

    @property
    def _done(self) -> int:
        return self.written + self.dropped.total()

    def _line(self) -> str:
        # A video may hold more than it says.
        done, total = self._done, max(self._done, self._total)
        rate = done / (time.monotonic() - self._start_s)
        if not self._total:
            return f'{done} frames, {rate:.1f} frames/s'
        minutes, seconds = divmod(round((total - done) / rate), 60)
        return (
            f'{bar(done / total)} {done}/{total} frames, {rate:.1f} frames/s, '
            f'{minutes}:{seconds:02} left'
        )
