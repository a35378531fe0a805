"""A place where newer things replace older ones."""

from __future__ import annotations

from threading import Thread
import time

from monodepth_ros.pipeline.worker import LatestPerSource


def test_what_nobody_took_is_replaced_and_that_is_said():
    newest = LatestPerSource()
    assert not newest.put('left', 1)
    assert newest.put('left', 2)
    assert newest.take() == 2
    assert not newest.put('left', 3)
    assert newest.take() == 3


def test_sources_take_turns_however_often_one_of_them_puts():
    newest = LatestPerSource()
    taken = []
    for _ in range(3):
        for value in ('busy 1', 'busy 2', 'busy 3'):
            newest.put('busy', value)
        newest.put('quiet', 'quiet')
        newest.put('third', 'third')
        taken += [newest.take(), newest.take()]
    # What is not its turn yet stays.
    assert taken == ['busy 3', 'quiet', 'third', 'busy 3', 'quiet', 'third']


def test_who_takes_waits_for_the_next_one_and_ends_when_closed():
    newest, taken = LatestPerSource(), []

    def take_all():
        while (value := newest.take()) is not None:
            taken.append(value)

    taker = Thread(target=take_all)
    taker.start()
    newest.put('left', 1)
    deadline = time.monotonic() + 10
    while not taken:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    newest.close()
    taker.join(10)
    assert not taker.is_alive()
    assert taken == [1]
    newest.put('left', 2)
    assert newest.take() is None
