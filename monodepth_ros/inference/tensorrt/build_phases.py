"""How far the build of an engine is."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
import time
from typing import NamedTuple

HEARTBEAT_S = 10.0


def heartbeat(
    tell: Callable[[str], None], *, period_s: float = HEARTBEAT_S
) -> Callable[[str, float], None]:
    """A progress for build_plan that tells a line now and then: silence looks like a hang."""
    told_s = time.monotonic()

    def progress(phase: str, fraction: float) -> None:
        nonlocal told_s
        now_s = time.monotonic()
        if now_s - told_s >= period_s:
            told_s = now_s
            tell(f'the engine is built: {fraction:.0%}, {phase}')

    return progress


class _Phase(NamedTuple):
    """start, width: as fractions of the whole build. steps: how many are in it."""

    start: float
    width: float
    steps: int


class Phases:
    """
    How far a build is: its phases have steps, and are themselves parts of a step of another.

    name: of the phase that last went on. fraction: 0 to 1, never falls. stop: set to stop.
    """

    def __init__(self) -> None:
        self.name = 'start'
        self.fraction = 0.0
        self.stop = Event()
        self._phases: dict[str, _Phase] = {}
        self._done: dict[str, int] = {}

    def begin(self, name: str, parent: str | None, steps: int) -> None:
        """A phase begins, inside the next step of its parent if it has one."""
        start, width = 0.0, 1.0
        if parent in self._phases:
            outer = self._phases[parent]
            width = outer.width / outer.steps
            start = outer.start + width * self._done[parent]
        self._phases[name], self._done[name] = _Phase(start, width, max(steps, 1)), 0
        self.name = name

    def complete(self, name: str, step: int) -> bool:
        """A step, counted from 0, is done; returns whether to go on."""
        phase = self._phases[name]
        self._done[name] = step + 1
        reached = phase.start + phase.width * (step + 1) / phase.steps
        self.name, self.fraction = name, max(self.fraction, min(1.0, reached))
        return not self.stop.is_set()
