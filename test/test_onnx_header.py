"""What the bytes of an ONNX file say of themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
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


def test_weights_in_another_file_are_seen():
    values = TensorProto(name='values', data_type=TensorProto.FLOAT, dims=[2])
    values.data_location = TensorProto.EXTERNAL
    values.external_data.add(key='location', value='../secret')
    model = helper.make_model(helper.make_graph([], 'none', [], [], [values]))
    assert read_header(model.SerializeToString()).has_external_data
