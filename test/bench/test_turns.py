"""Latencies by turns."""

from __future__ import annotations

import time

import pytest

from bench.turns import by_turns, MIN_IMAGES, ROUNDS, speed_up, summary


def test_percentiles_are_of_all_images_and_throughput_is_images_over_time():
    rounds = [0.1] * 10, [0.1] * 9 + [0.3]
    latency = summary(rounds, (1.0, 3.4))
    assert latency.p50_ms == pytest.approx(100)
    # The last is number 19: 0.95 * 19 is a twentieth of the way from the one before it.
    assert latency.p95_ms == pytest.approx(110)
    assert latency.images_per_s == pytest.approx(20 / 2.2)
    assert latency.busy_cores == pytest.approx(2)
    assert latency.rounds_s == [0.1, 0.1]


def test_a_speed_up_compares_within_a_round():
    # In the second round the machine was busy: both took ten times as long.
    slow = summary(([0.2], [2.0], [0.2]), (0.2, 2.0, 0.2))
    fast = summary(([0.1], [1.0], [0.05]), (0.1, 1.0, 0.05))
    assert speed_up(slow, fast) == pytest.approx(2)


def test_each_has_its_turn_in_every_round_after_a_run_that_does_not_count():
    ran = []
    # Slow enough that a turn is MIN_IMAGES long.
    latencies = by_turns({name: lambda name=name: _wait(ran, name) for name in 'ab'})
    turn = MIN_IMAGES + 1
    assert ran == (['a'] * turn + ['b'] * turn) * ROUNDS
    assert len(latencies['a'].rounds_s) == ROUNDS


def _wait(ran, name):
    ran.append(name)
    time.sleep(0.04)
