"""Progress of an engine's build."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
import time
from typing import NamedTuple

HEARTBEAT_S = 10.0


def heartbeat(
    log: Callable[[str], None], *, period_s: float = HEARTBEAT_S
) -> Callable[[str, float], None]:
    """
    Return a progress function for build_plan that calls tell every period_s.

    A build takes minutes, and a silent node would look as if it hung.
    """
    logged_s = time.monotonic()

    def progress(phase: str, fraction: float) -> None:
        nonlocal logged_s
        now_s = time.monotonic()
        if now_s - logged_s >= period_s:
            logged_s = now_s
            log(f'building the engine: {fraction:.0%}, {phase}')

    return progress


class _Phase(NamedTuple):
    """
    A phase of a build.

    start, width: fractions of the whole build.
    steps: number of steps in the phase.
    """

    start: float
    width: float
    steps: int


class Phases:
    """
    Progress of a build, whose phases have steps and may be nested in a step of another phase.

    name: name of the phase that advanced last.
    fraction: 0 to 1, never falls.
    stop: set it to stop the build.
    """

    def __init__(self) -> None:
        self.name = 'start'
        self.fraction = 0.0
        self.stop = Event()
        self._phases: dict[str, _Phase] = {}
        self._done: dict[str, int] = {}

    def begin(self, name: str, parent: str | None, steps: int) -> None:
        """Begin a phase, inside the next step of its parent if it has one."""
        start, width = 0.0, 1.0
        if parent in self._phases:
            outer = self._phases[parent]
            width = outer.width / outer.steps
            start = outer.start + width * self._done[parent]
        self._phases[name], self._done[name] = _Phase(start, width, max(steps, 1)), 0
        self.name = name

    def complete(self, name: str, step: int) -> bool:
        """Complete a step, counted from 0; return whether the build shall continue."""
        phase = self._phases[name]
        self._done[name] = step + 1
        reached = phase.start + phase.width * (step + 1) / phase.steps
        self.name, self.fraction = name, max(self.fraction, min(1.0, reached))
        return not self.stop.is_set()
