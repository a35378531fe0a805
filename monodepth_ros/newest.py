"""A place for one thing on its way from one thread to another: a newer one replaces it."""

from __future__ import annotations

from threading import Condition
from typing import Generic, TypeVar

T = TypeVar('T')


class Newest(Generic[T]):
    """Whoever puts never waits; whoever takes gets the newest, once."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: T | None = None
        self._closed = False

    def put(self, value: T) -> bool:
        """Leave a value; returns whether it took the place of one that nobody took."""
        with self._changed:
            displaced = self._waiting is not None
            self._waiting = value
            self._changed.notify()
            return displaced

    def take(self) -> T | None:
        """Wait for a value; None when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting is not None)
            value, self._waiting = self._waiting, None
            return None if self._closed else value

    def close(self) -> None:
        """Whoever waits, now or later, gets None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
