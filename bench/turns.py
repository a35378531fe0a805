"""Latencies of several engines measured by turns, so that a busy machine slows all alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
import time
from typing import NamedTuple, TypeVar

import numpy as np

ROUNDS = 5
# Of a turn: three images of a slow engine, some hundred of one on a GPU.
LEAST_IMAGES, LEAST_S = 3, 0.1

K = TypeVar('K')


class Latency(NamedTuple):
    """
    Of one engine, image after image.

    rounds_s: the median of each round. busy_cores: time of the processor over that of the clock.
    """

    p50_ms: float
    p95_ms: float
    images_per_s: float
    busy_cores: float
    rounds_s: list[float]


class _Turn(NamedTuple):
    images_s: list[float]
    processor_s: float


def by_turns(runs: Mapping[K, Callable[[], object]]) -> dict[K, Latency]:
    """What each run takes; it computes one image. ROUNDS times each of them has its turn."""
    turns: dict[K, list[_Turn]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            turns[name].append(_turn(run))
    return {name: summary(*zip(*done, strict=True)) for name, done in turns.items()}


def summary(rounds: tuple[list[float], ...], processor_s: tuple[float, ...]) -> Latency:
    """rounds: seconds of each image in each round. processor_s: of each round, all cores'."""
    seconds = [image_s for images_s in rounds for image_s in images_s]
    p50_s, p95_s = np.percentile(seconds, (50, 95))
    return Latency(
        p50_ms=float(1e3 * p50_s),
        p95_ms=float(1e3 * p95_s),
        images_per_s=len(seconds) / sum(seconds),
        busy_cores=sum(processor_s) / sum(seconds),
        rounds_s=[median(images_s) for images_s in rounds],
    )


def speed_up(slow: Latency, fast: Latency) -> float:
    """How many times as fast: the median over the rounds, in each of which both had a turn."""
    return median(s / f for s, f in zip(slow.rounds_s, fast.rounds_s, strict=True))


def _turn(run: Callable[[], object]) -> _Turn:
    # Caches are the last one's, and its threads may still spin.
    run()
    images_s: list[float] = []
    begin_s = time.process_time()
    while len(images_s) < LEAST_IMAGES or sum(images_s) < LEAST_S:
        start_s = time.perf_counter()
        run()
        images_s.append(time.perf_counter() - start_s)
    return _Turn(images_s, time.process_time() - begin_s)
