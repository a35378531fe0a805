"""A place for things on their way from one thread to another: a newer one replaces an older."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar('T')


class NewestOfEach(Generic[T]):
    """
    Whoever puts never waits; whoever takes gets the newest of a source, once.

    The sources take turns: of those with something waiting it is the one served longest ago.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        # By source, the one served longest ago first; None: nothing waits.
        self._waiting: OrderedDict[Hashable, T | None] = OrderedDict()
        self._closed = False

    def put(self, source: Hashable, value: T) -> bool:
        """Leave a value; returns whether it took the place of one that nobody took."""
        with self._changed:
            displaced = self._waiting.get(source) is not None
            self._waiting[source] = value
            self._changed.notify()
            return displaced

    def take(self) -> T | None:
        """Wait for a value; None when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._ready())
            if self._closed:
                return None
            source = self._ready()[0]
            value, self._waiting[source] = self._waiting[source], None
            self._waiting.move_to_end(source)
            return value

    def close(self) -> None:
        """Whoever waits, now or later, gets None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _ready(self) -> list[Hashable]:
        return [source for source, value in self._waiting.items() if value is not None]
