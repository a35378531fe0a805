"""
Readers of `rosbags`, extended so that one odd channel does not make a recording unreadable.

rosbags 0.11.9 refuses a recording in which any schema is not ros2msg or ros2idl, any text is not
UTF-8, or any topic is not CDR. Here such channels are listed with the others, but without a
definition; the caller chooses among the connections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec, module_from_spec
from pathlib import Path, PosixPath
import re
from typing import Any

import apsw
from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.rosbag2 import Reader
from rosbags.rosbag2.reader import DirectoryReader
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Reader
import yaml

CDR = 'cdr'
TOPIC_ENCODING = re.compile(r'serialization_format: *(\S*)')
NO_DEFINITION = MessageDefinition(MessageDefinitionFormat.NONE, '')
# rosbag2 writes encoding 'unknown' for a type whose definition it did not find.
HIDE_UNKNOWN = (
    'CREATE TEMP VIEW message_definitions AS SELECT * FROM main.message_definitions '
    "WHERE encoding IN ('ros2msg', 'ros2idl')"
)


def ros2_ext(connection: Connection) -> ConnectionExtRosbag2:
    """Return what rosbag2 keeps of a connection besides its topic and type."""
    assert isinstance(connection.ext, ConnectionExtRosbag2)  # nothing else is opened
    return connection.ext


def encoding_of(connection: Connection) -> str:
    """Return the encoding of the connection's messages: cdr, protobuf, json, ..."""
    return ros2_ext(connection).serialization_format


def is_cdr(connection: Connection) -> bool:
    """Return whether the connection's messages are encoded as ROS 2 does it."""
    return encoding_of(connection) == CDR


def _tolerant_mcap() -> Any:
    """
    Return a copy of rosbags' mcap module that accepts any schema.

    A copy is needed because its reader calls functions of the module, which no subclass can
    override, and other users of rosbags in this process must not be affected.
    """
    spec = find_spec('rosbags.rosbag2.storage_mcap')
    assert spec is not None
    assert spec.loader is not None
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    definition_of: Callable[[Any], MessageDefinition] = module.get_msgdef
    read_bytes = module.read_bytes

    def get_msgdef(schema: Any) -> MessageDefinition:
        try:
            return definition_of(schema)
        except KeyError:  # the encoding is unknown to rosbags
            return NO_DEFINITION

    module.get_msgdef = get_msgdef
    # The schema of a protobuf channel is not UTF-8 text.
    module.read_string = lambda stream: read_bytes(stream).decode(errors='replace')
    return module


class _McapReader(_tolerant_mcap().McapReader):  # type: ignore[misc]  # made at run time
    """Reads an mcap file with any schemas."""


class _Sqlite3Reader(Sqlite3Reader):
    """Reads a database with any message definitions."""

    def open(self) -> None:
        """Open the database, with unknown message definitions hidden from rosbags."""
        apsw.connection_hooks.append(_hide_unknown_definitions)
        try:
            super().open()
        finally:
            apsw.connection_hooks.remove(_hide_unknown_definitions)


def _hide_unknown_definitions(database: apsw.Connection) -> None:
    database.execute(HIDE_UNKNOWN)


class _FolderPath(PosixPath):
    """The path of a rosbag2 folder, whose metadata.yaml is read as if all its topics were CDR."""

    def read_text(self, *args: Any, **kwargs: Any) -> str:
        """Return the text without the topics of other encodings."""
        text = super().read_text(*args, **kwargs)
        if set(TOPIC_ENCODING.findall(text)) <= {CDR}:  # parsing a long one takes seconds
            return text
        try:
            metadata = yaml.safe_load(text)
            content = metadata['rosbag2_bagfile_information']
            content['topics_with_message_count'] = [
                topic
                for topic in content['topics_with_message_count']
                if topic['topic_metadata']['serialization_format'] == CDR
            ]
        except (yaml.YAMLError, TypeError, KeyError):  # rosbags reports what is wrong with it
            return text
        return str(yaml.safe_dump(metadata))


class _DirectoryReader(DirectoryReader):
    """Reads a rosbag2 folder with topics of any encodings."""

    STORAGE_PLUGINS: Mapping[str, Any] = {'mcap': _McapReader, 'sqlite3': _Sqlite3Reader}

    def __init__(self, path: Path) -> None:
        super().__init__(_FolderPath(path))

    def open(self) -> None:
        """Open all files; the topics hidden in metadata.yaml are found in the files."""
        super().open()
        stored = [c for storage in self.storages for c in storage.connections]
        self.connections += [c for c in stored if not is_cdr(c)]


class TolerantReader(Reader):
    """Reads a rosbag2 folder or one of its files, whatever else the recording contains."""

    STORAGE_PLUGINS: Mapping[str, Any] = {
        'dir': _DirectoryReader,
        '.mcap': _McapReader,
        '.db3': _Sqlite3Reader,
    }
