"""Reading of rosbag2 recordings (mcap, sqlite3) without a ROS installation, through `rosbags`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, ExitStack
from functools import cached_property
from heapq import merge
from pathlib import Path
from typing import Any, NamedTuple

from rosbags.interfaces import Connection
from rosbags.typesys.store import Typestore

from monodepth_ros.common.errors import one_line
from monodepth_ros.common.paths import existing_path
from monodepth_ros.messages.decode import is_depth
from monodepth_ros.messages.image_topics import IMAGE_TYPES
from monodepth_ros.storage.bag_definitions import (
    ROSBAGS_CLASSES,
    standard_definition,
    topic_definition,
    TopicDefinition,
    TYPES,
    typestore_of,
)
from monodepth_ros.storage.bag_problems import (
    GIVE_RECORDING,
    is_recording,
    meaning_of,
    problem_before,
)
from monodepth_ros.storage.bag_storage import is_cdr, TolerantReader

# Names of this module, and of the modules behind it that other modules use.
__all__ = [
    'ROSBAGS_CLASSES',
    'TYPES',
    'Bag',
    'BagError',
    'BagMessage',
    'TopicDefinition',
    'is_recording',
    'pass_over',
    'standard_definition',
]


class BagError(ValueError):
    """Error for a recording that cannot be used, with what was got and what to do."""


class BagMessage(NamedTuple):
    """A message: its topic, type and recording time, its content or None, and its CDR bytes."""

    topic: str
    type: str
    recorded_ns: int
    content: Any
    data: bytes


class Bag:
    """
    A recording, or several recordings of one rig read as one; a context manager.

    Topics that are not CDR, and types that no caller asks for, are never parsed.

    paths: rosbag2 folders, also split ones, or single .mcap and .db3 files.
    name: the recording's name in messages.
    Raises BagError for a recording that cannot be read, FileNotFoundError for a missing one.
    """

    def __init__(self, *paths: Path | str) -> None:
        self._paths = [existing_path(path, 'recording', GIVE_RECORDING) for path in paths]
        self.name = ', '.join(map(str, self._paths))
        for problem in filter(None, map(problem_before, self._paths)):
            raise BagError(problem)
        self._readers: list[TolerantReader] = []
        self._typestores: dict[str, Typestore] = {}

    def __enter__(self) -> Bag:
        with ExitStack() as stack:
            for path in self._paths:
                with _explained(path):
                    self._readers.append(stack.enter_context(TolerantReader(path)))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def _connections(self) -> list[Connection]:
        return [c for reader in self._readers for c in reader.connections]

    @cached_property
    def _readable(self) -> list[Connection]:
        """Return the connections whose messages are encoded as ROS 2 does it."""
        return [c for c in self._connections if is_cdr(c)]

    def topics_of_type(self, *types: str) -> list[str]:
        """Return the topics of these message types, sorted."""
        return sorted({c.topic for c in self._readable if c.msgtype in types})

    @property
    def topics(self) -> list[str]:
        """Return all topics, sorted."""
        return sorted({c.topic for c in self._connections})

    def definition(self, topic: str) -> TopicDefinition | str:
        """Return the definition that a writer needs to copy a topic, or why there is none."""
        return topic_definition([c for c in self._connections if c.topic == topic])

    def message_count(self, *topics: str) -> int:
        """Return how many messages the topics hold together."""
        return sum(c.msgcount for c in self._readable if c.topic in topics)

    def time_at(self, fraction: float) -> int:
        """Return the recording time in ns at a fraction (0..1) of the recording."""
        start = min(reader.start_time for reader in self._readers)
        end = max(reader.end_time for reader in self._readers)
        return start + round(fraction * (end - start))

    def messages(
        self,
        *topics: str,
        first_share: float = 0.0,
        last_share: float = 1.0,
        skipped: Callable[[str], None] | None = None,
    ) -> Iterator[BagMessage]:
        """
        Yield the messages of the topics in recorded order, between two fractions of the recording.

        topics: names of the topics.
        first_share, last_share: fractions of the recording's duration, 0 to 1.
        skipped: called with the reason for every damaged message; without it such a message raises
        BagError.
        """
        # A type that cannot be decoded at all is an error, not damage of single messages.
        for msgtype in {c.msgtype for c in self._readable if c.topic in topics}:
            self._typestore(msgtype)
        span = {'first_share': first_share, 'last_share': last_share}
        for message in self.raw_messages(*topics, **span):
            try:
                content = self.decode(message)
            except BagError as error:
                if skipped is None:
                    raise
                skipped(str(error))
                continue
            yield message._replace(content=content)

    def raw_messages(
        self, *topics: str, first_share: float = 0.0, last_share: float = 1.0
    ) -> Iterator[BagMessage]:
        """Yield messages as `messages` does, but with content None: see decode."""
        start, stop = self.time_at(first_share), self.time_at(last_share)
        streams = [
            reader.messages(chosen, start=start, stop=stop)
            for reader in self._readers
            # rosbags would read "none" as "all".
            if (chosen := [c for c in reader.connections if c.topic in topics and is_cdr(c)])
        ]
        with _explained(*self._paths):
            for connection, recorded_ns, data in merge(*streams, key=lambda found: found[1]):
                yield BagMessage(
                    connection.topic, connection.msgtype, recorded_ns, None, bytes(data)
                )

    def decode(self, message: BagMessage) -> Any:
        """Return the content of one of raw_messages. Raises BagError for a damaged message."""
        types = self._typestore(message.type)
        try:
            return types.deserialize_cdr(message.data, message.type)
        # Damaged bytes can make the parser raise any exception.
        except Exception as error:
            raise BagError(
                f'{message.topic} at {message.recorded_ns} is damaged ({one_line(error)})'
            ) from error

    def _typestore(self, msgtype: str) -> Typestore:
        """Return the store that decodes a type. Raises BagError where there is none."""
        if msgtype not in self._typestores:
            connections = [c for c in self._readable if c.msgtype == msgtype]
            try:
                self._typestores[msgtype] = typestore_of(msgtype, connections)
            except ValueError as error:
                raise BagError(f'{self.name}: {error}') from error
        return self._typestores[msgtype]

    def first(self, topic: str) -> Any | None:
        """Return the content of a topic's first message that is not damaged; None without any."""
        return next((m.content for m in self.messages(topic, skipped=pass_over)), None)

    @cached_property
    def depth_topics(self) -> list[str]:
        """Return the topics of depth images (32FC1, 16UC1, 16-bit png)."""
        first = {topic: self.first(topic) for topic in self.topics_of_type(*IMAGE_TYPES)}
        return [topic for topic, content in first.items() if content and is_depth(content, topic)]


@contextmanager
def _explained(*paths: Path) -> Iterator[None]:
    try:
        yield
    except (BagError, GeneratorExit):
        raise
    # Damaged bytes can make the parsers below raise any exception, from struct.error to KeyError.
    except Exception as error:
        name, meaning = ', '.join(map(str, paths)), meaning_of(error, *paths)
        raise BagError(f'{name} cannot be read ({one_line(error)}); {meaning}') from error


def pass_over(_: str) -> None:
    """Ignore a damaged message, where another message can take its place."""
