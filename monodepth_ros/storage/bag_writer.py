"""Writing of rosbag2 recordings (mcap) without a ROS installation, through `rosbags`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer

from monodepth_ros.common.atomic import atomic_folder
from monodepth_ros.storage.bag import standard_definition, TopicDefinition, TYPES
from monodepth_ros.storage.pair_folder import DISK_FULL

ROSBAG2_VERSION: Final = 9


class BagWriter:
    """Writes an mcap recording; created by write_bag."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._connections: dict[str, Connection] = {}

    def add(self, topic: str, message: Any, *, recorded_ns: int) -> None:
        """Append a message made with TYPES."""
        data = TYPES.serialize_cdr(message, message.__msgtype__)
        definition = standard_definition(message.__msgtype__)
        self.add_serialized(topic, definition, data, recorded_ns=recorded_ns)

    def add_serialized(
        self,
        topic: str,
        definition: TopicDefinition,
        data: bytes | memoryview,
        *,
        recorded_ns: int,
    ) -> None:
        """
        Append the CDR bytes of a message.

        topic: topic to write to.
        definition: definition of the topic, used for its first message.
        data: the bytes.
        recorded_ns: recording time.
        """
        if topic not in self._connections:
            self._connections[topic] = self._connect(topic, definition)
        self._writer.write(self._connections[topic], recorded_ns, data)

    def _connect(self, topic: str, definition: TopicDefinition) -> Connection:
        made = self._writer.add_connection(
            topic,
            definition.type,
            msgdef=definition.text,
            # rosbags (0.11.9) requires a hash; rosbag2 leaves an unknown one empty.
            rihs01=definition.type_hash or 'unknown',
            offered_qos_profiles=definition.qos,
        )
        made = made._replace(digest=definition.type_hash)
        self._writer.connections[-1] = made
        return made


@contextmanager
def write_bag(path: Path) -> Iterator[BagWriter]:
    """
    Yield a writer for a new recording, which appears at path only after success.

    Raises FileExistsError when path exists, OSError for a full disk.
    """
    with _disk_full_said(path), atomic_folder(path) as partial:
        folder = partial / path.name
        with Writer(folder, version=ROSBAG2_VERSION, storage_plugin=StoragePlugin.MCAP) as writer:
            yield BagWriter(writer)
        for file in folder.iterdir():
            file.rename(partial / file.name)
        folder.rmdir()


@contextmanager
def _disk_full_said(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise OSError(
            f'{path} could not be written ({error.strerror}); is the disk full? Nothing is left '
            'of it: make room, or choose another disk'
        ) from error
