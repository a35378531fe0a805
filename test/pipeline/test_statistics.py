"""Counts and latencies."""

from __future__ import annotations

from monodepth_ros.pipeline import statistics
from monodepth_ros.pipeline.statistics import FrameStatistics


def _clock(monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr(statistics.time, 'monotonic', lambda: now_s[0])
    return now_s


def test_rates_are_those_since_the_last_summary(monkeypatch):
    now_s = _clock(monkeypatch)
    statistics = FrameStatistics()
    assert statistics.never_received
    for _ in range(10):
        statistics.received()
    for _ in range(4):
        statistics.published({'inference': 0.01}, None)
    now_s[0] += 2.0
    summary = statistics.summary()
    assert (summary.received_hz, summary.published_hz, summary.silent_s) == (5.0, 2.0, 2.0)
    assert not statistics.never_received
    now_s[0] += 1.0
    summary = statistics.summary()
    assert (summary.received_hz, summary.published_hz, summary.silent_s) == (0.0, 0.0, 3.0)


def test_dropped_frames_are_counted_by_reason_from_the_start():
    statistics = FrameStatistics()
    for reason in ('not usable', 'a newer one came', 'not usable'):
        statistics.drop(reason)
        statistics.summary()
    assert statistics.summary().dropped == {'not usable': 2, 'a newer one came': 1}


def test_latencies_are_of_each_stage_and_of_their_sum():
    statistics = FrameStatistics()
    assert statistics.summary().latency == {}
    for ms in range(1, 102):
        statistics.published({'inference': ms / 1000, 'publish': 0.002}, 0.5)
    summary = statistics.summary()
    assert set(summary.latency) == {'inference', 'publish', 'total'}
    p50_ms, p95_ms, max_ms = (round(value, 6) for value in summary.latency['inference'])
    assert (p50_ms, p95_ms, max_ms) == (51, 96, 101)
    assert round(summary.latency['total'].max_ms, 6) == 103
    assert summary.confidence == 0.5


def test_without_a_confidence_there_is_no_mean_of_it():
    statistics = FrameStatistics()
    assert statistics.summary().confidence is None
    for confidence in (None, 0.2, None, 0.6):
        statistics.published({'inference': 0.01}, confidence)
    assert round(statistics.summary().confidence, 6) == 0.4


def test_the_total_is_of_frames_with_a_sensible_stamp_or_of_those_without_never_of_both():
    statistics = FrameStatistics()
    statistics.published({'inference': 0.01}, None)
    assert round(statistics.summary().latency['total'].max_ms, 6) == 10
    for _ in range(3):
        statistics.published({'transport': 0.5, 'inference': 0.02}, None)
        statistics.published({'inference': 0.03}, None)
    latency = statistics.summary().latency
    assert {round(value, 6) for value in latency['total']} == {520}
    assert round(latency['inference'].max_ms, 6) == 30
