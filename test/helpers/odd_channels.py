"""Recordings with channels that a reader of ROS messages cannot make sense of."""

from __future__ import annotations

from pathlib import Path
import sqlite3
import struct

from rosbags.rosbag2 import StoragePlugin, Writer

from monodepth_ros.storage.bag import Bag, TYPES
from test.helpers.recordings import write_stereo_bag

# Definitions that cannot be parsed, by message type.
IDL = '=' * 80 + '\nIDL: own_msgs/msg/Strange\n'
ODD = {
    'own_msgs/srv/Switch_Event': 'bool on\n---\nbool done\n',
    'own_msgs/msg/Lacking': 'Other other\n',
    'own_msgs/msg/Strange': IDL + 'module own_msgs { union what; };',
}
# Called like a type of ROS, which it is not.
VIDEO, DESCRIPTOR = 'sensor_msgs/msg/Image', b'\x0a\xff\xfe no text'


def write_odd_bag(path: Path, plugin: StoragePlugin) -> Path:
    """A stereo recording with a channel of each odd definition, and one of protobuf."""
    writer = Writer(path, version=9, storage_plugin=plugin)
    with Bag(write_stereo_bag(path.with_name('plain'), frames=2)) as source, writer:
        form = {'msgdef': '\0' * len(DESCRIPTOR), 'rihs01': 'none'}
        video = writer.add_connection('/video', VIDEO, serialization_format='protobuf', **form)
        writer.write(video, 0, DESCRIPTOR)
        for name, (msgtype, text) in zip('abc', ODD.items(), strict=True):
            odd = writer.add_connection(f'/odd/{name}', msgtype, msgdef=text, rihs01='none')
            writer.write(odd, 0, bytes(8))
        for topic in source.topics:
            kind = source.definition(topic)
            made = writer.add_connection(topic, kind.type, typestore=TYPES)
            for message in source.raw_messages(topic):
                writer.write(made, message.recorded_ns, message.data)
    if plugin == StoragePlugin.MCAP:
        _as_protobuf(path / 'bag.mcap')
    else:
        _as_unknown(path / 'bag.db3')
    return path


def _sized(data: bytes) -> bytes:
    return struct.pack('<I', len(data)) + data


def _as_protobuf(file: Path) -> None:
    """Rename the encoding of a schema and fill it with what is no text; all sizes stay."""
    name, data = _sized(VIDEO.encode()), file.read_bytes()
    schema = name + _sized(b'ros2msg') + _sized(bytes(len(DESCRIPTOR)))
    assert data.count(schema) == 2  # in the chunk and in the summary
    file.write_bytes(data.replace(schema, name + _sized(b'protobf') + _sized(DESCRIPTOR)))


def _as_unknown(file: Path) -> None:
    """As rosbag2 writes definitions that it does not find."""
    change = "UPDATE message_definitions SET encoding = 'unknown' WHERE topic_type = ?"
    with sqlite3.connect(file) as database:
        assert database.execute(change, (VIDEO,)).rowcount == 1
    database.close()
