"""Latencies of several engines, measured in turns, so that a busy machine slows all alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
import time
from typing import NamedTuple, TypeVar

import numpy as np

ROUNDS = 5
# The least of a turn: three images of a slow engine, or a hundred or so on a GPU.
MIN_IMAGES, MIN_S = 3, 0.1

K = TypeVar('K')


class EngineLatency(NamedTuple):
    """
    The latency of one engine, one image after the other.

    p50_ms, p95_ms: percentiles of the time of an image.
    images_per_s: images over total time.
    busy_cores: CPU time over clock time.
    rounds_s: median of each round.
    """

    p50_ms: float
    p95_ms: float
    images_per_s: float
    busy_cores: float
    rounds_s: list[float]


class _Turn(NamedTuple):
    images_s: list[float]
    processor_s: float


def by_turns(runs: Mapping[K, Callable[[], object]]) -> dict[K, EngineLatency]:
    """Measure functions that compute one image each, in turns, in ROUNDS rounds."""
    turns: dict[K, list[_Turn]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            turns[name].append(_turn(run))
    return {name: summary(*zip(*done, strict=True)) for name, done in turns.items()}


def summary(rounds: tuple[list[float], ...], processor_s: tuple[float, ...]) -> EngineLatency:
    """
    Summarise the rounds of one engine.

    rounds: seconds of each image in each round.
    processor_s: CPU time of each round, over all cores.
    """
    seconds = [image_s for images_s in rounds for image_s in images_s]
    p50_s, p95_s = np.percentile(seconds, (50, 95))
    return EngineLatency(
        p50_ms=float(1e3 * p50_s),
        p95_ms=float(1e3 * p95_s),
        images_per_s=len(seconds) / sum(seconds),
        busy_cores=sum(processor_s) / sum(seconds),
        rounds_s=[median(images_s) for images_s in rounds],
    )


def speed_up(slow: EngineLatency, fast: EngineLatency) -> float:
    """Return the median over the rounds of slow time over fast time; both ran in each round."""
    return median(s / f for s, f in zip(slow.rounds_s, fast.rounds_s, strict=True))


def _turn(run: Callable[[], object]) -> _Turn:
    # Warm up: caches hold the data of the previous engine, and its threads may still spin.
    run()
    images_s: list[float] = []
    begin_s = time.process_time()
    while len(images_s) < MIN_IMAGES or sum(images_s) < MIN_S:
        start_s = time.perf_counter()
        run()
        images_s.append(time.perf_counter() - start_s)
    return _Turn(images_s, time.process_time() - begin_s)
