"""Definitions of the message types in a recording: its own, or those of ROS 2 jazzy."""

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
ROSBAGS_CLASSES = message_classes(TYPES.types.__getitem__, np.asarray)
# Precedes each file in a definition of encoding ros2idl.
IDL_FILE = '=' * 80 + '\nIDL: '


class TopicDefinition(NamedTuple):
    """
    The definition that a writer needs to copy a topic.

    type: message type.
    text: definition of the type, as ros2msg or ros2idl.
    type_hash: hash of the type, empty if unknown.
    qos: profiles that the topic's publishers offered.
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
    Return the definition of a topic, or why there is none.

    A type that jazzy does not know keeps the recording's text, even if it cannot be parsed.

    connections: all connections of the topic.
    """
    first = connections[0]
    if encodings := {encoding_of(c) for c in connections} - {CDR}:
        return f'its messages are {" and ".join(sorted(encodings))}, not {CDR}'
    if len({c.msgtype for c in connections}) > 1:
        return 'it has messages of several types'
    qos = tuple(ros2_ext(first).offered_qos_profiles)
    definition = first.msgdef
    # rosbags' writer takes an IDL without the mark for ros2msg.
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

    connections: all connections of the type.
    Raises ValueError where their definitions differ or none can be used.
    """
    stores = {}
    for definition in {c.msgdef for c in connections} - {NO_DEFINITION}:
        # An invalid definition can make the parsers raise any exception.
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
    """Return a store with the types of a definition, and jazzy's types for the missing ones."""
    if definition.format == MessageDefinitionFormat.MSG:
        types = get_types_from_msg(definition.data, msgtype)
    else:
        # The type's name follows the mark on the same line.
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
    """Return jazzy's types where the store's differ only in letter case, as K in ROS 1."""
    if msgtype not in TYPES.fielddefs:
        return store
    own, standard = (_generated(types, msgtype).text.lower() for types in (store, TYPES))
    return TYPES if own == standard else store


def _generated(types: Typestore, msgtype: str, qos: tuple[Qos, ...] = ()) -> TopicDefinition:
    text, _ = types.generate_msgdef(msgtype, ros_version=2)
    return TopicDefinition(msgtype, text, types.hash_rihs01(msgtype), qos)
