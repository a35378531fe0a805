"""Pairs by stamp and the rate limit, on numbers that can be checked by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from monodepth_ros.storage.stamps import PairMatcher, RateLimit, WAITING

MS = 1_000_000
LAGS = (('left', 0), ('right', 20))


def _image(stamp_ms):
    sec, nanosec = divmod(round(stamp_ms * MS), 1_000_000_000)
    header = SimpleNamespace(stamp=SimpleNamespace(sec=sec, nanosec=nanosec))
    return SimpleNamespace(header=header, stamp_ms=stamp_ms)


def _pairs(matcher, arrivals):
    found = [matcher.take(view, _image(stamp_ms)) for view, stamp_ms in arrivals]
    return [(left.stamp_ms, right.stamp_ms) for left, right in filter(None, found)]


def test_pairs_come_left_first_whoever_arrives_first():
    matcher = PairMatcher(tolerance_ns=5 * MS)
    arrivals = [('left', 100), ('right', 103), ('right', 203), ('left', 200)]
    assert _pairs(matcher, arrivals) == [(100, 103), (200, 203)]
    assert matcher.unpaired == 0


def test_a_late_view_finds_its_partners_and_a_lost_image_leaves_one_alone():
    matcher = PairMatcher(tolerance_ns=5 * MS)
    lefts = [('left', 100 * n) for n in range(5)]
    rights = [('right', 100 * n) for n in range(5) if n != 2]
    assert _pairs(matcher, lefts + rights) == [(t, t) for t in (0, 100, 300, 400)]
    assert (matcher.unpaired, matcher.apart_ns) == (1, 100 * MS)


def test_images_apart_never_pair_and_how_far_is_known():
    matcher = PairMatcher(tolerance_ns=5 * MS)
    count = 2 * WAITING
    arrivals = [(view, 100 * n + lag) for n in range(count) for view, lag in LAGS]
    assert _pairs(matcher, arrivals) == []
    assert (matcher.unpaired, matcher.apart_ns) == (2 * (count - WAITING), 20 * MS)


def test_a_view_alone_is_given_up_without_a_distance():
    matcher = PairMatcher(tolerance_ns=5 * MS)
    assert _pairs(matcher, [('left', n) for n in range(WAITING + 3)]) == []
    assert (matcher.unpaired, matcher.apart_ns) == (3, None)


def _admitted(limit, stamp):
    due = limit.is_due(stamp)
    if due:
        limit.admit(stamp)
    return due


@pytest.mark.parametrize(
    ('camera_hz', 'max_rate_hz', 'kept'),
    [(30, 10, 100), (15, 10, 100), (10, 10, 100), (9.7, 10, 97), (30, 7, 70), (5, 0.5, 5)],
)
def test_the_mean_rate_is_the_limit_or_the_camera_s(camera_hz, max_rate_hz, kept):
    limit = RateLimit(max_rate_hz)
    stamps = [round(n * 1e9 / camera_hz) for n in range(round(10 * camera_hz))]
    assert sum(_admitted(limit, stamp) for stamp in stamps) == pytest.approx(kept, abs=1)


def test_jitter_loses_nothing_at_the_camera_s_own_rate():
    limit = RateLimit(10.0)
    jitter_ms = [20, -20, 0, 15, -15, 20, -20, -20, 20, 0]
    stamps = [(1000 + 100 * n + jitter_ms[n % 10]) * MS for n in range(200)]
    assert all(_admitted(limit, stamp) for stamp in stamps)


def test_after_a_gap_nothing_is_made_up_for():
    limit = RateLimit(10.0)
    assert _admitted(limit, 0)
    after = [_admitted(limit, (60_000 + 10 * n) * MS) for n in range(20)]
    assert [n for n, admitted in enumerate(after) if admitted] == [0, 5, 15]


def test_what_is_due_but_was_not_admitted_takes_no_place():
    limit = RateLimit(10.0)
    limit.admit(0)
    assert limit.is_due(100 * MS)
    assert limit.is_due(110 * MS)
    limit.admit(110 * MS)
    assert not limit.is_due(120 * MS)
