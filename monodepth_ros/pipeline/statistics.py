"""Statistics of a camera's images: counts, drops and latencies; no ROS."""

from __future__ import annotations

from collections import Counter, deque
from threading import Lock
import time
from typing import NamedTuple

import numpy as np

# Number of frames over which percentiles are taken.
LAST_FRAMES = 200
# Stages from an image's stamp to its publication; `transport` is left out if stamp and clock do
# not agree.
TRANSPORT = 'transport'
STAGES = (TRANSPORT, 'waiting', 'preprocess', 'inference', 'postprocess', 'publish')
TOTAL = 'total'
MS_PER_S = 1000.0


class Latency(NamedTuple):
    """Latency of the last frames, in milliseconds."""

    p50_ms: float
    p95_ms: float
    max_ms: float


class Summary(NamedTuple):
    """
    Figures of the time since the last summary; dropped, latency and confidence have other periods.

    received_hz, published_hz: images in and out.
    dropped: number by reason, since the start.
    latency: by stage, of the last frames; empty before the first frame. The total begins at the
    stamp if any frame has a plausible one, else at arrival.
    confidence: mean of the last frames, None without any.
    silent_s: time since the last image.
    """

    received_hz: float
    published_hz: float
    dropped: Counter[str]
    latency: dict[str, Latency]
    confidence: float | None
    silent_s: float


class FrameStatistics:
    """
    Counters of one camera's images; several threads may update them.

    never_received: no image has arrived yet.
    """

    def __init__(self) -> None:
        self.never_received = True
        self._lock = Lock()
        self._received = self._published = 0
        self._dropped: Counter[str] = Counter()
        self._seconds: deque[dict[str, float]] = deque(maxlen=LAST_FRAMES)
        self._confidence: deque[float] = deque(maxlen=LAST_FRAMES)
        self._last_received_s = self._since_s = time.monotonic()

    def received(self) -> None:
        """Count an image that arrived."""
        with self._lock:
            self._received += 1
            self.never_received = False
            self._last_received_s = time.monotonic()

    def drop(self, reason: str) -> None:
        """Count an image that was dropped."""
        with self._lock:
            self._dropped[reason] += 1

    def published(self, seconds: dict[str, float], confidence: float | None) -> None:
        """Count an image that became depth, with its durations in seconds by stage."""
        with self._lock:
            self._published += 1
            self._seconds.append(seconds | {TOTAL: sum(seconds.values())})
            if confidence is not None:
                self._confidence.append(confidence)

    def summary(self) -> Summary:
        """Return a Summary, and start a new period."""
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
            # A total from the stamp and a total from arrival are different quantities.
            frames = stamped if stage == TOTAL and stamped else self._seconds
            values = [frame[stage] for frame in frames if stage in frame]
            if values:
                p50, p95 = np.percentile(values, (50, 95))
                found[stage] = Latency(*(MS_PER_S * float(s) for s in (p50, p95, max(values))))
        return found
