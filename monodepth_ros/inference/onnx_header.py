"""The header of an ONNX file, read without an engine and without the onnx package."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

# Field numbers in onnx.proto, by message.
MODEL_GRAPH, MODEL_METADATA, MODEL_FUNCTION = 7, 14, 25
ENTRY_KEY, ENTRY_VALUE = 1, 2
GRAPH_INPUT, GRAPH_OUTPUT = 11, 12
TENSOR_DATA_LOCATION, EXTERNAL = 14, 1
VALUE_NAME, VALUE_TYPE = 1, 2
TYPE_TENSOR, TENSOR_SHAPE, SHAPE_DIMENSION = 1, 2, 1
DIMENSION_SIZE, DIMENSION_NAME = 1, 2
# Wire types of Protocol Buffers (https://protobuf.dev/programming-guides/encoding).
VARINT, FIXED_64, LENGTH_DELIMITED, FIXED_32 = 0, 1, 2, 5
FIXED_BYTES = {FIXED_64: 8, FIXED_32: 4}
VARINT_BITS = 64
# Messages that can contain tensors: for each kind of message, the kinds of its fields.
GRAPH, NODE, ATTRIBUTE, TENSOR, SPARSE, FUNCTION = range(6)
TENSORS_IN: dict[int, dict[int, int]] = {
    GRAPH: {1: NODE, 5: TENSOR, 15: SPARSE},
    NODE: {5: ATTRIBUTE},
    ATTRIBUTE: {5: TENSOR, 6: GRAPH, 10: TENSOR, 11: GRAPH, 22: SPARSE, 23: SPARSE},
    SPARSE: {1: TENSOR, 2: TENSOR},
    FUNCTION: {7: NODE},
}

# A size, or the name of a free size; None if the file states neither.
Dimension = int | str | None


class OnnxHeader(NamedTuple):
    """
    The content of an ONNX file without its operators and weights.

    inputs, outputs: dimensions by name.
    has_external_data: some weights or constants, of any operator, are in other files.
    """

    metadata: dict[str, str]
    inputs: dict[str, tuple[Dimension, ...]]
    outputs: dict[str, tuple[Dimension, ...]]
    has_external_data: bool


def read_header(model: bytes) -> OnnxHeader:
    """
    Return the header of a serialised ONNX model.

    Raises ValueError for bytes that are no such model.
    """
    try:
        return _header(memoryview(model))
    except (IndexError, KeyError, RecursionError, TypeError, UnicodeDecodeError) as error:
        raise ValueError('cut off or damaged') from error


def _header(model: memoryview) -> OnnxHeader:
    metadata: dict[str, str] = {}
    inputs: dict[str, tuple[Dimension, ...]] = {}
    outputs: dict[str, tuple[Dimension, ...]] = {}
    external = False
    for number, content in _fields(model):
        if number == MODEL_METADATA:
            entry = dict(_fields(content))
            metadata[_text(entry[ENTRY_KEY])] = _text(entry.get(ENTRY_VALUE, b''))
        elif number == MODEL_FUNCTION:
            external |= _has_external_data(FUNCTION, content)
        elif number == MODEL_GRAPH:
            external |= _has_external_data(GRAPH, content)
            for part, value in _fields(content):
                if part == GRAPH_INPUT:
                    inputs |= _tensor(value)
                elif part == GRAPH_OUTPUT:
                    outputs |= _tensor(value)
    return OnnxHeader(metadata, inputs, outputs, external)


def _has_external_data(kind: int, message: memoryview | int) -> bool:
    if kind == TENSOR:
        return (TENSOR_DATA_LOCATION, EXTERNAL) in _fields(message)
    inside = TENSORS_IN[kind]
    return any(
        _has_external_data(inside[number], content)
        for number, content in _fields(message)
        if number in inside
    )


def _tensor(value: memoryview | int) -> dict[str, tuple[Dimension, ...]]:
    """Return the name and dimensions of a ValueInfoProto."""
    parts = dict(_fields(value))
    tensor = dict(_fields(dict(_fields(parts[VALUE_TYPE]))[TYPE_TENSOR]))
    dimensions = [
        dict(_fields(dimension))
        for number, dimension in _fields(tensor.get(TENSOR_SHAPE, memoryview(b'')))
        if number == SHAPE_DIMENSION
    ]
    return {_text(parts[VALUE_NAME]): tuple(_dimension(fields) for fields in dimensions)}


def _dimension(fields: dict[int, memoryview | int]) -> Dimension:
    if DIMENSION_NAME in fields:
        return _text(fields[DIMENSION_NAME])
    size = fields.get(DIMENSION_SIZE)
    return size if isinstance(size, int) else None


def _text(content: memoryview | bytes | int) -> str:
    if isinstance(content, int):
        raise TypeError
    return bytes(content).decode()


def _fields(message: memoryview | int) -> Iterator[tuple[int, memoryview | int]]:
    """Yield number and content of every field: bytes, or the value of a number."""
    if isinstance(message, int):
        raise TypeError
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if kind == LENGTH_DELIMITED:
            size, at = _varint(message, at)
        elif kind in FIXED_BYTES:
            size = FIXED_BYTES[kind]
        else:
            raise ValueError(f'got wire type {kind}, expected an ONNX model')
        if at + size > len(message):
            raise IndexError
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return the number that begins at a byte, with seven bits in each byte, and where it ends."""
    value = 0
    for shift in range(0, VARINT_BITS, 7):
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError(f'got a number of more than {VARINT_BITS} bits, expected an ONNX model')
