"""rosbag2 recordings (mcap, sqlite3) without a ROS installation, through `rosbags`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Qos
from rosbags.typesys import get_typestore, Stores
from rosbags.typesys.store import Typestore

from monodepth_ros.errors import one_line
from monodepth_ros.message_makers import message_classes
from monodepth_ros.messages import is_depth

IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
STORAGE_SUFFIXES = ('.mcap', '.db3')
# Beside a database whose last transaction is not in it yet.
SQLITE_JOURNALS = ('-journal', '-wal')
TYPES = get_typestore(Stores.ROS2_JAZZY)
CLASSES = message_classes(TYPES.types.__getitem__, np.asarray)


class BagError(ValueError):
    """A recording that cannot be used, with what was got and what to do."""


class BagMessage(NamedTuple):
    """One message: its topic and type, when it was recorded, decoded or None, and as CDR bytes."""

    topic: str
    type: str
    recorded_ns: int
    content: Any
    data: bytes


class TopicDefinition(NamedTuple):
    """Message type, the store that defines it, and the QoS it was offered with."""

    type: str
    types: Typestore
    qos: tuple[Qos, ...] = ()


class Bag:
    """
    A recording, or several of one rig as if they were one, opened for reading; a context manager.

    paths: rosbag2 folders, split ones too, or single .mcap and .db3 files. `name` is what messages
    call it. Raises BagError for a damaged one.
    """

    def __init__(self, *paths: Path | str) -> None:
        self.name = ', '.join(str(path) for path in paths)
        for path in map(Path, paths):
            _check_recording(path)
        with self._explained():
            self._reader = AnyReader([Path(path) for path in paths], default_typestore=TYPES)

    def __enter__(self) -> Bag:
        with self._explained():
            self._reader.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def topics_of_type(self, *types: str) -> list[str]:
        """Names of the topics of these message types, sorted."""
        return sorted({c.topic for c in self._reader.connections if c.msgtype in types})

    @property
    def topics(self) -> list[str]:
        """All topics, sorted."""
        return sorted(self._reader.topics)

    def definition(self, topic: str) -> TopicDefinition | None:
        """What a writer needs to continue a topic; None where the recording does not define it."""
        connection = self._reader.topics[topic].connections[0]
        types = self._reader.typestore
        if connection.msgtype not in types.fielddefs:
            return None
        qos = connection.ext.offered_qos_profiles
        return TopicDefinition(connection.msgtype, types, tuple(qos))

    def message_count(self, *topics: str) -> int:
        """How many messages the topics hold together."""
        return sum(self._reader.topics[topic].msgcount for topic in topics)

    def time_at(self, share: float) -> int:
        """The recording time in ns at a share 0..1 of the recording."""
        start, end = self._reader.start_time, self._reader.end_time
        return start + round(share * (end - start))

    def messages(
        self,
        *topics: str,
        first_share: float = 0.0,
        last_share: float = 1.0,
        skipped: Callable[[str], None] | None = None,
    ) -> Iterator[BagMessage]:
        """
        Messages of the topics in recorded order, from a first to a last share of the whole.

        skipped: told about every message that is damaged; without it such a message is an error.
        """
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
        """As messages, but content is None: see decode."""
        chosen = [c for c in self._reader.connections if c.topic in topics]
        if not chosen:  # rosbags would read "none" as "all"
            return
        start, stop = self.time_at(first_share), self.time_at(last_share)
        with self._explained():
            for connection, recorded_ns, data in self._reader.messages(
                chosen, start=start, stop=stop
            ):
                yield BagMessage(
                    connection.topic, connection.msgtype, recorded_ns, None, bytes(data)
                )

    def decode(self, message: BagMessage) -> Any:
        """The content of one of raw_messages. Raises BagError for a damaged one."""
        try:
            return self._reader.deserialize(message.data, message.type)
        # Damaged bytes make the parser raise anything.
        except Exception as error:
            raise BagError(
                f'{message.topic} at {message.recorded_ns} is damaged ({one_line(error)})'
            ) from error

    def first(self, topic: str) -> Any | None:
        """The content of a topic's first message that is not damaged; None without any."""
        return next((m.content for m in self.messages(topic, skipped=pass_over)), None)

    @cached_property
    def depth_topics(self) -> list[str]:
        """The topics of depth images (32FC1, 16UC1, 16-bit png)."""
        first = {topic: self.first(topic) for topic in self.topics_of_type(*IMAGE_TYPES)}
        return [topic for topic, content in first.items() if content and is_depth(content, topic)]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (BagError, GeneratorExit):
            raise
        # Damaged bytes make the parsers below raise anything, from struct.error to KeyError.
        except Exception as error:
            raise BagError(
                f'{self.name} cannot be read ({one_line(error)}); it may be truncated: copy it '
                'again or run `ros2 bag reindex` or `mcap recover`'
            ) from error


def pass_over(_: str) -> None:
    """A damaged message that another one will stand in for."""


def is_recording(path: Path) -> bool:
    """Whether it is called as a recording's file, or is a rosbag2 folder."""
    return path.suffix in STORAGE_SUFFIXES or (path / 'metadata.yaml').is_file()


def _check_recording(path: Path) -> None:
    """Raise BagError for what is no recording, or one that its recorder has not closed."""
    if not is_recording(path):
        raise BagError(
            f'{path} is no rosbag2 folder (it holds no metadata.yaml); give the folder that '
            '`ros2 bag record` made or the .mcap file itself, or run `ros2 bag reindex`'
        )
    for file in path.glob('*.db3') if path.is_dir() else (path,):
        for journal in (file.with_name(file.name + ending) for ending in SQLITE_JOURNALS):
            if journal.exists() and journal.stat().st_size:
                raise BagError(
                    f'{file} was not closed by its recorder: {journal.name} holds what is missing '
                    f'in it; bring it in with `sqlite3 {file} .schema`, then try again'
                )
