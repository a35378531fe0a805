"""What the message types of a recording are: as it defines them, or as ROS 2 jazzy does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from typing import NamedTuple

import numpy as np
from rosbags.interfaces import Connection, MessageDefinition, MessageDefinitionFormat, Qos
from rosbags.typesys import get_types_from_idl, get_types_from_msg, get_typestore, Stores
from rosbags.typesys.store import Typestore

from monodepth_ros.messages.encode import message_classes
from monodepth_ros.storage.bag_storage import CDR, encoding_of, NO_DEFINITION, ros2_ext

TYPES = get_typestore(Stores.ROS2_JAZZY)
CLASSES = message_classes(TYPES.types.__getitem__, np.asarray)
# Ahead of each file in a definition of encoding ros2idl.
IDL_FILE = '=' * 80 + '\nIDL: '


class TopicDefinition(NamedTuple):
    """
    What a writer needs to go on with a topic.

    type: of its messages. text: defines the type, as ros2msg or ros2idl. type_hash: empty where it
    is not known. qos: the topic was offered with.
    """

    type: str
    text: str
    type_hash: str
    qos: tuple[Qos, ...] = ()


@cache
def standard_definition(msgtype: str) -> TopicDefinition:
    """Return the definition of a topic of one of jazzy's types."""
    return _generated(TYPES, msgtype)


def topic_definition(connections: Sequence[Connection]) -> TopicDefinition | str:
    """
    Return the definition of a topic, whose connections these are, or why it has none.

    A type that jazzy does not know goes on with the recording's text, be it parsable or not.
    """
    first = connections[0]
    if encodings := {encoding_of(c) for c in connections} - {CDR}:
        return f'its messages are {" and ".join(sorted(encodings))}, not {CDR}'
    if len({c.msgtype for c in connections}) > 1:
        return 'it has messages of several types'
    qos = tuple(ros2_ext(first).offered_qos_profiles)
    definition = first.msgdef
    # An IDL without the mark would be taken for ros2msg.
    has_text = definition.format == MessageDefinitionFormat.MSG or IDL_FILE in definition.data
    if has_text and first.msgtype not in TYPES.fielddefs:
        return TopicDefinition(first.msgtype, definition.data, first.digest, qos)
    try:
        return _generated(typestore_of(first.msgtype, connections), first.msgtype, qos)
    except ValueError as error:
        return str(error)


def typestore_of(msgtype: str, connections: Iterable[Connection]) -> Typestore:
    """
    Return a store with a message type: as the connections define it, else as jazzy does.

    connections: all of the type. Raises ValueError where they disagree or nobody defines it.
    """
    stores = {}
    for definition in {c.msgdef for c in connections} - {NO_DEFINITION}:
        # What cannot be parsed makes the parsers raise anything.
        with suppress(Exception):
            store = _parsed(definition, msgtype)
            stores[store.hash_rihs01(msgtype)] = _standard_if_same(store, msgtype)
    hashes = stores.keys() | {c.digest for c in connections if c.digest}
    if msgtype in TYPES.fielddefs:
        standard = TYPES.hash_rihs01(msgtype)
        stores.setdefault(standard, TYPES)
        hashes = hashes or {standard}
    if len(hashes) > 1:
        raise ValueError(
            f'{msgtype} is defined in {len(hashes)} ways, or otherwise than its type hash says; '
            'read recordings of different definitions one by one'
        )
    found = [stores[type_hash] for type_hash in hashes if type_hash in stores]
    if not found:
        raise ValueError(f'the recording does not define {msgtype} so that it can be read')
    return found[0]


def _parsed(definition: MessageDefinition, msgtype: str) -> Typestore:
    """A store with the types of a definition, and jazzy's for those that it lacks."""
    if definition.format == MessageDefinitionFormat.MSG:
        types = get_types_from_msg(definition.data, msgtype)
    else:
        # The line of the mark goes on with the type's name.
        files = [file.partition('\n')[2] for file in definition.data.split(IDL_FILE)[1:]]
        types = {}
        for text in files or [definition.data]:
            types |= get_types_from_idl(text)
    store = get_typestore(Stores.EMPTY)
    store.register(types)
    store.fielddefs = TYPES.fielddefs | store.fielddefs
    store.types = TYPES.types | store.types
    return store


def _standard_if_same(store: Typestore, msgtype: str) -> Typestore:
    """Jazzy's types where they differ in letter case at most: ROS 1 has a CameraInfo's K for k."""
    if msgtype not in TYPES.fielddefs:
        return store
    own, standard = (_generated(types, msgtype).text.lower() for types in (store, TYPES))
    return TYPES if own == standard else store


def _generated(types: Typestore, msgtype: str, qos: tuple[Qos, ...] = ()) -> TopicDefinition:
    text, _ = types.generate_msgdef(msgtype, ros_version=2)
    return TopicDefinition(msgtype, text, types.hash_rihs01(msgtype), qos)
