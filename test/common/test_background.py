"""Work in a thread of its own."""

from __future__ import annotations

import time

import pytest

from monodepth_ros.common.background import run_in_background

PERIOD_S = 0.02


def test_the_result_comes_back_and_meanwhile_is_called():
    calls = []

    def work(cancelled):
        while len(calls) < 3:
            time.sleep(PERIOD_S)
        return 'done'

    def meanwhile():
        calls.append(time.monotonic())
        return True

    assert run_in_background(work, period_s=PERIOD_S, meanwhile=meanwhile) == 'done'


def test_what_is_left_of_work_that_is_done_was_not_told_to_end():
    cancelled = run_in_background(lambda cancelled: cancelled, period_s=1, meanwhile=lambda: True)
    assert not cancelled()


def test_what_the_work_raises_is_raised_here():
    def work(cancelled):
        raise ValueError('no such model')

    with pytest.raises(ValueError, match='no such model'):
        run_in_background(work, period_s=PERIOD_S, meanwhile=lambda: True)


def test_the_work_is_told_to_end():
    def work(cancelled):
        while not cancelled():
            time.sleep(PERIOD_S)
        return 'gave up'

    assert run_in_background(work, period_s=PERIOD_S, meanwhile=lambda: False) == 'gave up'


def test_a_ctrl_c_here_ends_the_work_before_it_is_passed_on():
    ended = []

    def work(cancelled):
        while not cancelled():
            time.sleep(PERIOD_S)
        ended.append(True)

    def meanwhile():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_in_background(work, period_s=PERIOD_S, meanwhile=meanwhile)
    assert ended
