"""A place where a newer thing replaces an older one."""

from __future__ import annotations

from threading import Thread

from monodepth_ros.newest import Newest


def test_what_nobody_took_is_replaced_and_that_is_said():
    newest = Newest()
    assert not newest.put(1)
    assert newest.put(2)
    assert newest.take() == 2
    assert not newest.put(3)
    assert newest.take() == 3


def test_who_takes_waits_for_the_next_one_and_ends_when_closed():
    newest, taken = Newest(), []

    def take_all():
        while (value := newest.take()) is not None:
            taken.append(value)

    taker = Thread(target=take_all)
    taker.start()
    newest.put(1)
    while not taken:
        pass
    newest.close()
    taker.join(10)
    assert not taker.is_alive()
    assert taken == [1]
    newest.put(2)
    assert newest.take() is None
