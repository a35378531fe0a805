"""The metadata of an ONNX file, without an engine and without the onnx package."""

from __future__ import annotations

from collections.abc import Iterator

# Field numbers in onnx.proto: of ModelProto, and of one entry of its metadata_props.
METADATA_PROPS, KEY, VALUE = 14, 1, 2
# Wire types of Protocol Buffers (https://protobuf.dev/programming-guides/encoding); onnx.proto
# has no other ones at these levels.
VARINT, LENGTH_DELIMITED = 0, 2
VARINT_BITS = 64


def read_metadata(model: bytes) -> dict[str, str]:
    """
    The metadata_props of a serialised ONNX model; the graph in it is stepped over.

    Raises ValueError for anything that is no such model.
    """
    try:
        entries = [
            dict(_fields(content))
            for number, content in _fields(memoryview(model))
            if number == METADATA_PROPS
        ]
        return {bytes(e[KEY]).decode(): bytes(e.get(VALUE, b'')).decode() for e in entries}
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise ValueError('cut off or damaged') from error


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and content of every length-delimited field."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value, at = _varint(message, at)
        if tag & 7 == LENGTH_DELIMITED:
            if at + value > len(message):
                raise IndexError
            yield tag >> 3, message[at : at + value]
            at += value
        elif tag & 7 != VARINT:
            raise ValueError(f'got wire type {tag & 7}, expected an ONNX model')


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number that begins at a byte, seven bits a byte, and where it ends."""
    value = 0
    for shift in range(0, VARINT_BITS, 7):
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError(f'got a number of more than {VARINT_BITS} bits, expected an ONNX model')
