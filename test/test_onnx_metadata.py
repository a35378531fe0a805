"""Metadata out of the bytes of an ONNX file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, TensorProto
import pytest

from monodepth_ros.inference.onnx_metadata import read_metadata


def _model(metadata: dict[str, str]) -> bytes:
    values = helper.make_tensor('values', TensorProto.FLOAT, [300], [0.5] * 300)
    model = helper.make_model(helper.make_graph([], 'none', [], [], [values]))
    helper.set_model_props(model, metadata)
    return model.SerializeToString()


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=200)))
def test_what_the_onnx_package_wrote_is_read(metadata):
    assert read_metadata(_model(metadata)) == metadata


@given(st.binary(max_size=50))
def test_anything_else_is_a_value_error_or_has_none(content):
    try:
        metadata = read_metadata(content)
    except ValueError:
        return
    assert isinstance(metadata, dict)


def test_a_file_cut_anywhere_in_its_metadata_is_damaged():
    model = _model({'key': 'value'})
    for length in range(len(model) - 12, len(model)):
        with pytest.raises(ValueError, match='cut off or damaged'):
            read_metadata(model[:length])
