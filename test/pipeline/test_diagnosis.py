"""What diagnostics say of figures."""

from __future__ import annotations

from collections import Counter

import pytest

from monodepth_ros.parameters import DiagnosticsParams
from monodepth_ros.pipeline.diagnosis import diagnose, ERROR, figures, Finding, judge, OK, WARN
from monodepth_ros.pipeline.statistics import Latency, Summary

GOOD = Summary(
    received_hz=10.0,
    published_hz=9.5,
    dropped=Counter({'not usable': 2}),
    latency={'inference': Latency(20, 30, 40), 'total': Latency(50, 80, 90)},
    confidence=0.8,
    silent_s=0.1,
)
LIMITS = DiagnosticsParams(min_rate_hz=5.0, max_latency_ms=100.0, min_confidence=0.3)


def _judged(limits=LIMITS, wanted=True, busy_s=0.02, **changes):
    return list(judge(GOOD._replace(**changes), limits, wanted=wanted, busy_s=busy_s))


def test_nothing_is_said_of_what_is_within_its_limits():
    assert not _judged()
    diagnosis = diagnose([], state='active', values={})
    assert (diagnosis.level, diagnosis.message) == (OK, 'active')


@pytest.mark.parametrize(
    ('changes', 'level', 'words'),
    [
        ({'silent_s': 3.0}, ERROR, 'no image for 3 s'),
        ({'published_hz': 4.0}, WARN, '4.0 depth images a second, expected 5'),
        ({'latency': {'total': Latency(50, 120, 130)}}, WARN, 'latency of 120 ms'),
        ({'confidence': 0.2}, WARN, 'mean confidence 0.20, expected 0.3'),
        ({'busy_s': 63.4, 'published_hz': 5.0}, WARN, 'one image has taken 63 s'),
    ],
)
def test_what_is_beyond_its_limit_is_found(changes, level, words):
    (finding,) = _judged(**changes)
    assert finding.level == level
    assert words in finding.text


def test_a_limit_of_0_never_warns():
    none = DiagnosticsParams(stale_after_s=0.0, max_latency_ms=0.0, min_confidence=0.0)
    worst = {'silent_s': 1e6, 'published_hz': 0.0, 'confidence': 0.0, 'busy_s': 1e6}
    assert not _judged(none, latency={'total': Latency(1e6, 1e6, 1e6)}, **worst)


def test_old_latencies_and_confidences_are_not_judged():
    old = {'latency': {'total': Latency(1e6, 1e6, 1e6)}, 'confidence': 0.0}
    assert not _judged(wanted=False, published_hz=0.0, **old)


def test_a_rate_that_nobody_listens_to_is_not_low():
    assert not _judged(wanted=False, published_hz=0.0)


def test_the_worst_is_said_first_and_gives_the_level():
    findings = [Finding(WARN, 'slow'), Finding(ERROR, 'silent')]
    diagnosis = diagnose(findings, state='active', values={'a': '1'})
    assert (diagnosis.level, diagnosis.message) == (ERROR, 'silent; slow')
    assert diagnosis.values == {'state': 'active', 'a': '1'}


def test_figures_name_what_there_is_and_what_there_is_not():
    values = figures(GOOD)
    assert values['images in (Hz)'] == '10.0'
    assert values['dropped: not usable'] == '2'
    assert values['inference p50, p95, max (ms)'] == '20.0, 30.0, 40.0'
    assert values['transport p50, p95, max (ms)'] == 'unavailable'


def test_the_mean_confidence_is_shown_where_there_is_one():
    assert figures(GOOD)['mean confidence'] == '0.80'
    assert figures(GOOD._replace(confidence=None))['mean confidence'] == 'unavailable'


def test_levels_are_those_of_the_message():
    status = pytest.importorskip('diagnostic_msgs.msg').DiagnosticStatus
    assert [bytes([level]) for level in (OK, WARN, ERROR)] == [
        status.OK, status.WARN, status.ERROR,
    ]  # fmt: skip
