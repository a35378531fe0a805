"""What the bytes of an ONNX file say of themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import onnx
from onnx import helper, TensorProto
import pytest

from monodepth_ros.inference.onnx_header import read_header


def _model(metadata: dict[str, str]) -> bytes:
    values = helper.make_tensor('values', TensorProto.FLOAT, [300], [0.5] * 300)
    model = helper.make_model(helper.make_graph([], 'none', [], [], [values]))
    helper.set_model_props(model, metadata)
    return model.SerializeToString()


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=200)))
def test_what_the_onnx_package_wrote_is_read(metadata):
    assert read_header(_model(metadata)).metadata == metadata


@given(st.binary(max_size=50))
def test_anything_else_is_a_value_error_or_has_none(content):
    try:
        header = read_header(content)
    except ValueError:
        return
    assert not header.has_external_data


def test_a_file_cut_anywhere_in_its_metadata_is_damaged():
    model = _model({'key': 'value'})
    for length in range(len(model) - 12, len(model)):
        with pytest.raises(ValueError, match='cut off or damaged'):
            read_header(model[:length])


def test_inputs_and_outputs_with_sizes_free_or_fixed():
    image = helper.make_tensor_value_info('image', TensorProto.UINT8, [1, 'height', 7, 3])
    depth = helper.make_tensor_value_info('depth', TensorProto.FLOAT, [None])
    graph = helper.make_graph([], 'none', [image], [depth])
    header = read_header(helper.make_model(graph).SerializeToString())
    assert header.inputs == {'image': (1, 'height', 7, 3)}
    assert header.outputs == {'depth': (None,)}


def _elsewhere() -> TensorProto:
    tensor = TensorProto(name='values', data_type=TensorProto.FLOAT, dims=[2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key='location', value='../secret')
    return tensor


def _graph(tensor: TensorProto, place: str) -> onnx.GraphProto:
    if place == 'initializer':
        return helper.make_graph([], 'none', [], [], [tensor])
    constant = helper.make_node('Constant', [], ['out'], value=tensor)
    if place == 'operator':
        return helper.make_graph([constant], 'none', [], [])
    if place == 'branch':
        inner = helper.make_graph([constant], 'inner', [], [])
        branches = helper.make_node('If', ['x'], ['y'], then_branch=inner, else_branch=inner)
        return helper.make_graph([branches], 'none', [], [])
    sparse = onnx.SparseTensorProto(values=tensor, dims=[2])
    return helper.make_graph([], 'none', [], [], sparse_initializer=[sparse])


@pytest.mark.parametrize('place', ['initializer', 'operator', 'branch', 'sparse'])
def test_what_is_in_another_file_is_seen_wherever_it_belongs(place):
    whole = helper.make_tensor('values', TensorProto.FLOAT, [2], [0.5, 0.5])
    for tensor, expected in ((whole, False), (_elsewhere(), True)):
        model = helper.make_model(_graph(tensor, place))
        assert read_header(model.SerializeToString()).has_external_data == expected


def test_what_a_function_of_the_model_keeps_in_another_file_is_seen():
    constant = helper.make_node('Constant', [], ['out'], value=_elsewhere())
    function = helper.make_function('ours', 'f', [], ['out'], [constant], [])
    model = helper.make_model(helper.make_graph([], 'none', [], []), functions=[function])
    assert read_header(model.SerializeToString()).has_external_data


def test_graphs_in_graphs_without_end_are_refused():
    graph = b''
    for _ in range(1000):
        attribute = _field(6, graph)
        graph = _field(1, _field(5, attribute))
    with pytest.raises(ValueError, match='cut off or damaged'):
        read_header(_field(7, graph))


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes as Protocol Buffers write it."""
    length, left = b'', len(content)
    while left > 127:
        length, left = length + bytes([left & 127 | 128]), left >> 7
    return bytes([number << 3 | 2]) + length + bytes([left]) + content
