"""A third-party monocular network: its ONNX file, and its input and output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import starmap
from pathlib import Path
from typing import NamedTuple

import onnx
from onnx import helper, TensorProto, ValueInfoProto
from onnx.compose import add_prefix_graph
from onnx.external_data_helper import load_external_data_for_model

from monodepth_ros.common.errors import one_line
from monodepth_ros.common.paths import existing_file
from monodepth_ros.core.model_spec import METADATA_KEY

PREFIX = 'foreign/'
# Since this opset, the operators that we add have the same form; older networks are converted.
MIN_OPSET = 13
# Until this opset, Upsample and Resize had one rule: pixel = output pixel / scale, rounded down.
# Later, an attribute states the rule. onnx (1.23) does not set the attribute when it converts, and
# its default is half a pixel different.
LAST_PLAIN_RESIZE = 10
PLAIN_RESIZE = {'coordinate_transformation_mode': 'asymmetric', 'nearest_mode': 'floor'}
MAX_BYTES = onnx.checker.MAXIMUM_PROTOBUF
INPUT_TYPES = (TensorProto.FLOAT, TensorProto.FLOAT16)
OUTPUT_TYPES = (*INPUT_TYPES, TensorProto.DOUBLE)
# Outputs with a smaller side are no images, but poses or intrinsics.
MIN_SIDE = 16


class Tensor(NamedTuple):
    """An input or output: name, element type of TensorProto, sizes (None for a free size)."""

    name: str
    type: int
    dims: tuple[int | None, ...]

    def __str__(self) -> str:
        dims = ', '.join('free' if size is None else str(size) for size in self.dims)
        return f'{self.name} {TensorProto.DataType.Name(self.type).lower()}[{dims}]'

    @property
    def is_picture(self) -> bool:
        """Return whether it is an image of one value a pixel: [..., H, W], 1 in front of H."""
        *before, rows, columns = (None, *self.dims) if len(self.dims) > 1 else (0, 0, 0)
        sides = all(size is None or size >= MIN_SIDE for size in (rows, columns))
        return sides and _all_one(before) and self.type in OUTPUT_TYPES


class ThirdPartyModel(NamedTuple):
    """
    A network, with a prefix to its names so that they do not collide with ours.

    image: its only input, [..., 3, H, W].
    picture: the output that is depth in some form.
    """

    model: onnx.ModelProto
    image: Tensor
    picture: Tensor

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """Return (height, width) in px, or None for a network of free size."""
        height, width = self.image.dims[-2:]
        return None if height is None or width is None else (height, width)


def read_third_party(path: Path, *, output_name: str | None = None) -> ThirdPartyModel:
    """
    Read a network with all its weights, also those in other files.

    output_name: name of the output that is depth; None: the only one that can be.
    Raises OSError for files that cannot be read, ValueError for a network that cannot be used.
    """
    model = load_third_party(path)
    try:
        image = _image(model.graph)
        picture = _picture(model.graph, output_name)
        model = _at_known_opset(model)
    except ValueError as error:
        raise ValueError(f'{path} {error}') from error
    _prefix(model.graph)
    return ThirdPartyModel(
        model,
        image._replace(name=PREFIX + image.name),
        picture._replace(name=PREFIX + picture.name),
    )


def load_third_party(path: Path) -> onnx.ModelProto:
    """Return a network as it was exported, with all its weights. Raises as read_third_party."""
    path = existing_file(path, 'network', 'give the .onnx file of its authors')
    try:
        model = onnx.load(path, format='protobuf', load_external_data=False)
    except OSError:
        raise
    except Exception as error:  # protobuf's own error, whose package depends on its version
        raise ValueError(f'{path} is no ONNX model: {one_line(error)}') from error
    if not model.graph.node:
        raise ValueError(f'{path} is no ONNX model: it has no operators')
    if METADATA_KEY in {entry.key for entry in model.metadata_props}:
        raise ValueError(
            f'{path} is a model file of monodepth_ros already; give it to the node as it is'
        )
    _load_weights(model, path)
    return model


def _load_weights(model: onnx.ModelProto, path: Path) -> None:
    """Load the weights in other files into the model, after a check of their size."""
    tensors = model.graph.initializer
    names = {e.value for t in tensors for e in t.external_data if e.key == 'location'}
    try:
        size = sum(file.stat().st_size for file in (path, *(path.parent / name for name in names)))
        if size <= MAX_BYTES:
            load_external_data_for_model(model, str(path.parent))
    except Exception as error:  # onnx's ValidationError derives from Exception directly
        raise ValueError(
            f'{path} has weights in other files, which cannot be read: {one_line(error)}; put '
            'them beside it under their original names'
        ) from error
    if size > MAX_BYTES:
        raise ValueError(
            f'{path} has {size / 1e9:.1f} GB of weights, but one ONNX file holds at most '
            f'{MAX_BYTES / 1e9:.1f} GB; choose a smaller network, or one of half precision'
        )


def _image(graph: onnx.GraphProto) -> Tensor:
    # Before IR version 4, weights were listed as inputs too.
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [_tensor(value) for value in graph.input if value.name not in weights]
    problem = f'has the inputs {_listed(inputs)}, expected one image, [1, 3, height, width]'
    if len(inputs) != 1 or len(inputs[0].dims) < 4:
        raise ValueError(problem)
    *before, channels, height, width = inputs[0].dims
    if channels not in (3, None) or not _all_one(before):
        raise ValueError(problem)
    if (height is None) != (width is None):
        raise ValueError(f'{problem}, with both sizes fixed or both free')
    if inputs[0].type not in INPUT_TYPES:
        raise ValueError(f'{problem} in float or float16')
    return inputs[0]


def _picture(graph: onnx.GraphProto, name: str | None) -> Tensor:
    outputs = [_tensor(value) for value in graph.output]
    named = [output for output in outputs if name in (None, output.name)]
    pictures = [output for output in named if output.is_picture]
    if len(pictures) != 1:
        found = _listed(pictures) or 'none'
        which = 'that is depth' if name is None else f'called {name!r}'
        raise ValueError(
            f'has the outputs {_listed(outputs)}; expected one image, [1, height, width], '
            f'{which}, found {found}; choose one with --output_name'
        )
    return pictures[0]


def _tensor(value: ValueInfoProto) -> Tensor:
    tensor = value.type.tensor_type
    # Some exporters write 0 or -1 for a free size.
    dims = tuple(dim.dim_value if dim.dim_value > 0 else None for dim in tensor.shape.dim)
    return Tensor(value.name, tensor.elem_type, dims)


def _all_one(dims: Iterable[int | None]) -> bool:
    return all(size in (1, None) for size in dims)


def _listed(tensors: list[Tensor]) -> str:
    return ', '.join(map(str, tensors))


def _at_known_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    opset = next((o.version for o in model.opset_import if o.domain in ('', 'ai.onnx')), 0)
    if opset >= MIN_OPSET:
        return model
    try:
        converted = onnx.version_converter.convert_version(model, MIN_OPSET)
    except Exception as error:  # an error of the C++ library, without a class of its own
        raise ValueError(
            f'has opset {opset}, which onnx cannot convert to {MIN_OPSET}: {one_line(error)}; '
            f'export the network again with opset {MIN_OPSET} or later'
        ) from error
    if opset <= LAST_PLAIN_RESIZE:
        for node in _nodes(converted.graph):
            if node.op_type == 'Resize':
                node.attribute.extend(starmap(helper.make_attribute, PLAIN_RESIZE.items()))
    return converted


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield the operators of a graph, including those of its branches and loops."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _prefix(graph: onnx.GraphProto) -> None:
    # Rename the weights explicitly: onnx renames them too late for the branches of an If.
    weights = {tensor.name: PREFIX + tensor.name for tensor in graph.initializer}
    add_prefix_graph(graph, PREFIX, inplace=True, name_map=weights)
