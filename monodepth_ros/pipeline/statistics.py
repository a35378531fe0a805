"""What became of a camera's images, and how long it took; no ROS."""

from __future__ import annotations

from collections import Counter, deque
from threading import Lock
import time
from typing import NamedTuple

import numpy as np

# Of which percentiles are taken.
LAST_FRAMES = 200
# From the stamp of an image to its publication; `transport` is left out without a sensible clock.
TRANSPORT = 'transport'
STAGES = (TRANSPORT, 'waiting', 'preprocess', 'inference', 'postprocess', 'publish')
TOTAL = 'total'
MS_PER_S = 1000.0


class Latency(NamedTuple):
    """Of the last frames, in milliseconds."""

    p50_ms: float
    p95_ms: float
    max_ms: float


class Summary(NamedTuple):
    """
    Of the time since the last summary, but dropped, latency and confidence.

    dropped: by reason, since the start. latency: by stage, of the last frames; empty before the
    first; the total is of those with a sensible stamp, where there are any, else from arrival on.
    confidence: mean of the last frames, None without any. silent_s: since the last image.
    """

    received_hz: float
    published_hz: float
    dropped: Counter[str]
    latency: dict[str, Latency]
    confidence: float | None
    silent_s: float


class FrameStatistics:
    """Counts; may be written to by several threads. never_received: no image came yet."""

    def __init__(self) -> None:
        self.never_received = True
        self._lock = Lock()
        self._received = self._published = 0
        self._dropped: Counter[str] = Counter()
        self._seconds: deque[dict[str, float]] = deque(maxlen=LAST_FRAMES)
        self._confidence: deque[float] = deque(maxlen=LAST_FRAMES)
        self._last_received_s = self._since_s = time.monotonic()

    def received(self) -> None:
        """An image came."""
        with self._lock:
            self._received += 1
            self.never_received = False
            self._last_received_s = time.monotonic()

    def drop(self, reason: str) -> None:
        """An image came to nothing."""
        with self._lock:
            self._dropped[reason] += 1

    def published(self, seconds: dict[str, float], confidence: float | None) -> None:
        """An image became depth; seconds: by stage."""
        with self._lock:
            self._published += 1
            self._seconds.append(seconds | {TOTAL: sum(seconds.values())})
            if confidence is not None:
                self._confidence.append(confidence)

    def summary(self) -> Summary:
        """See Summary."""
        with self._lock:
            now_s = time.monotonic()
            elapsed_s = max(now_s - self._since_s, 1e-9)
            summary = Summary(
                received_hz=self._received / elapsed_s,
                published_hz=self._published / elapsed_s,
                dropped=self._dropped.copy(),
                latency=self._latency(),
                confidence=float(np.mean(self._confidence)) if self._confidence else None,
                silent_s=now_s - self._last_received_s,
            )
            self._received = self._published = 0
            self._since_s = now_s
            return summary

    def _latency(self) -> dict[str, Latency]:
        found = {}
        stamped = [frame for frame in self._seconds if TRANSPORT in frame]
        for stage in (*STAGES, TOTAL):
            # From the stamp or from the arrival: their totals are not one quantity.
            frames = stamped if stage == TOTAL and stamped else self._seconds
            values = [frame[stage] for frame in frames if stage in frame]
            if values:
                p50, p95 = np.percentile(values, (50, 95))
                found[stage] = Latency(*(MS_PER_S * float(s) for s in (p50, p95, max(values))))
        return found
