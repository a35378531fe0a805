"""Progress of a command: a bar on a terminal, otherwise a line every ten seconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
import time
from typing import TextIO

BAR_WIDTH = 20
# Time between two states of the bar, and between two lines of a log.
BAR_PERIOD_S, LINE_PERIOD_S = 0.1, 10.0
# Moves the cursor to the start of the line and erases the line.
CLEAR = '\r\x1b[K'


class StatusLine:
    """
    The status of a running command: one line updated in place on a terminal, else repeated lines.

    title: begins every other line that is printed.
    stream: where all lines are printed.
    """

    def __init__(self, title: str, stream: TextIO) -> None:
        self._title = title
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._period_s = BAR_PERIOD_S if self._is_terminal else LINE_PERIOD_S
        self._shown_s = time.monotonic()

    def show(self, line: Callable[[], str]) -> None:
        """Print the current line, if the period has passed; only then is the line computed."""
        now_s = time.monotonic()
        if now_s - self._shown_s >= self._period_s:
            self._shown_s = now_s
            self._print(line() if self._is_terminal else f'{line()}\n')

    def log(self, text: str) -> None:
        """Print a line that stays above the status."""
        self._print(f'{self._title}: {text}\n')

    def clear(self) -> None:
        """Remove the status line from a terminal."""
        self._print('')

    def _print(self, text: str) -> None:
        print(CLEAR + text if self._is_terminal else text, end='', file=self._stream, flush=True)


def bar(fraction: float) -> str:
    """Return a bar that is filled to a fraction in 0 to 1."""
    return f'[{"#" * int(BAR_WIDTH * fraction):{BAR_WIDTH}}]'


class Progress:
    """
    Counts of the frames written and of the frames dropped, by reason; a context manager.

    total: number of frames, 0 if unknown.
    status: where the progress is shown.
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
        """Return the frames written, frames per second, and frames dropped with the reasons."""
        rate = self.written / (time.monotonic() - self._start_s)
        return (
            f'{self.written} of {self._done} frames, {rate:.1f} frames/s, dropped: {self.losses}'
        )

    @property
    def losses(self) -> str:
        """Return the frames dropped with the reasons."""
        return ', '.join(f'{count} {reason}' for reason, count in self.dropped.items()) or 'none'

    def write(self) -> None:
        """Count a written frame."""
        self.written += 1
        self._status.show(self._line)

    def drop(self, reason: str, detail: str) -> None:
        """Count a dropped frame; print the detail for the first frame of each reason."""
        if not self.dropped[reason]:
            self._status.log(f'left out: {detail}; more of this kind are only counted')
        self.dropped[reason] += 1
        self._status.show(self._line)

    @property
    def _done(self) -> int:
        return self.written + self.dropped.total()

    def _line(self) -> str:
        # A video may hold more frames than its header says.
        done, total = self._done, max(self._done, self._total)
        rate = done / (time.monotonic() - self._start_s)
        if not self._total:
            return f'{done} frames, {rate:.1f} frames/s'
        minutes, seconds = divmod(round((total - done) / rate), 60)
        return (
            f'{bar(done / total)} {done}/{total} frames, {rate:.1f} frames/s, '
            f'{minutes}:{seconds:02} left'
        )
