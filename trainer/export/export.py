"""A checkpoint to one ONNX file that says what it is, checked against torch."""

from __future__ import annotations

from dataclasses import replace
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
import warnings

import numpy as np
import onnx
from onnxscript.optimizer import optimize_ir
import torch

from monodepth_ros.common.atomic import atomic_file
from monodepth_ros.core.model_spec import ModelSpec, self_test_image
from monodepth_ros.inference.backend import NetworkOutput
from monodepth_ros.inference.model_file import FREE_SIZES, INPUT, ModelFile
from monodepth_ros.inference.onnxruntime import open_onnxruntime
from monodepth_ros.inference.self_test import TOLERANCES
from trainer.export.config import DIFFERENCE, ExportConfig
from trainer.export.onnx_model import self_test, store_spec
from trainer.model.exported_network import ExportedNetwork
from trainer.train.checkpoint import load_exported

OPSET = 18
ANY_SIZE = 2**31
DEFAULT = ExportConfig()


def export(checkpoint: Path, output: Path, config: ExportConfig = DEFAULT) -> ModelSpec:
    """
    Write the model file; nothing is left behind when it does not compute what torch does.

    Raises ValueError for a foreign checkpoint, when the file differs from torch in float32 by more
    than its precision explains, or when the calibration data cannot be used.
    """
    model, spec = load_exported(checkpoint, flip=config.flip, confidence=config.confidence)
    with atomic_file(output) as partial, TemporaryDirectory() as folder:
        if config.calibration is None:
            return _write(model, partial, replace(spec, precision=config.precision))
        # Imported here: only int8 reads data.
        from trainer.export.quantize import quantize

        float32 = Path(folder) / 'fp32.onnx'
        _write(model, float32, spec)
        return quantize(float32, partial, config.calibration)


def _write(model: ExportedNetwork, path: Path, spec: ModelSpec) -> ModelSpec:
    """A model file of the spec's precision, fp32 or fp16; the spec as it is stored there."""
    image = self_test_image(width=spec.camera.width, height=spec.camera.height)
    with torch.no_grad():
        expected = [output[0].numpy() for output in model(torch.from_numpy(image)[None])]
    if spec.precision == 'fp16':
        model.halve()
    write_onnx(model, path)
    _tidy_input(path)
    store_spec(path, spec)
    with open_onnxruntime(ModelFile(path)) as backend:
        computed = backend.infer(image)
    difference = _check(computed, expected, spec.precision)
    if spec.precision != 'fp32':
        spec = replace(spec, metrics=spec.metrics | {DIFFERENCE: difference})
    spec = replace(spec, self_test=self_test(computed.disparity_frac))
    store_spec(path, spec)
    return spec


def write_onnx(model: ExportedNetwork, path: Path) -> None:
    stride = model.network.stride
    # Any size serves to trace a graph of free sizes; at 1 x 1, features would be taken as fixed.
    example = torch.zeros(1, 4 * stride, 5 * stride, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        # The exporter warns about its own internals; ours are errors in the tests.
        warnings.simplefilter('ignore')
        logging.getLogger('torch.onnx').setLevel(logging.ERROR)
        program = torch.onnx.export(
            model,
            (example,),
            input_names=[INPUT],
            output_names=model.output_names,
            dynamic_shapes={
                'image': {
                    1: stride * torch.export.Dim('rows', min=2, max=256),
                    2: stride * torch.export.Dim('columns', min=2, max=256),
                }
            },
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
        assert program is not None  # as nothing else is asked of it with dynamo
        # TensorRT wants kernels as constants; by default those of a large UpConv3x3 stay sums.
        optimize_ir(program.model, input_size_limit=ANY_SIZE, output_size_limit=ANY_SIZE)
    program.save(path, external_data=False)


def _tidy_input(path: Path) -> None:
    """
    Name the free sizes as a backend fixes them, and let nothing but Cast read the uint8 input.

    torch names a size `32*rows` and asks the input for its shape; TensorRT allows a uint8 input
    no operator but Cast, whose output has the same shape.
    """
    model = onnx.load(path)
    nodes = model.graph.node
    (cast,) = [n for n in nodes if n.op_type == 'Cast' and n.input[0] == INPUT]
    for node in nodes:
        if node.op_type == 'Shape' and node.input[0] == INPUT:
            node.input[0] = cast.output[0]
    others = [node for node in nodes if node.output[0] != cast.output[0]]
    first = onnx.NodeProto()
    first.CopyFrom(cast)
    del nodes[:]
    nodes.extend([first, *others])
    for tensor in (*model.graph.input, *model.graph.output):
        _, rows, columns, *_ = tensor.type.tensor_type.shape.dim
        rows.dim_param, columns.dim_param = FREE_SIZES
    onnx.save(model, path)


def _check(computed: NetworkOutput, expected: list[np.ndarray], precision: str) -> float:
    """The mean relative difference of disparity. Raises ValueError for another function."""
    disparity, tolerance = expected[0], TOLERANCES[precision]
    difference = float(np.mean(np.abs(computed.disparity_frac - disparity) / disparity))
    of_confidence = 0.0
    if computed.confidence is not None:
        # It is a share already; relative, doubtful pixels would count most.
        of_confidence = float(np.mean(np.abs(computed.confidence - expected[1])))
    if not (difference <= tolerance and of_confidence <= tolerance):
        raise ValueError(
            f'ONNX Runtime in {precision} and torch in float32 differ by {difference:.1e} in mean '
            f'relative disparity and {of_confidence:.1e} in mean confidence, expected at most '
            f'{tolerance:.0e}; export with --precision fp32, or report this with the checkpoint'
        )
    return difference
