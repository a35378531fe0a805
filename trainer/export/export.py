"""Export of a checkpoint to one self-describing ONNX file, checked against torch."""

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
    Write the model file of a checkpoint, and nothing if it does not compute what torch does.

    Raises ValueError for a file that is no checkpoint of `trainer train`, for a result that
    differs from torch in float32 by more than its precision explains, and for calibration data
    that cannot be used.
    """
    model, spec = load_exported(checkpoint, flip=config.flip, confidence=config.confidence)
    if config.confidence and not model.calibration.knots:
        print(
            f'{checkpoint}: confidence is not calibrated; best.ckpt and last.ckpt are when a '
            'training with validation ends'
        )
    with atomic_file(output) as partial, TemporaryDirectory() as folder:
        if config.calibration is None:
            return _write(model, partial, replace(spec, precision=config.precision))
        # Imported late, because only int8 reads data.
        from trainer.export.quantize import quantize

        float32 = Path(folder) / 'fp32.onnx'
        _write(model, float32, spec)
        return quantize(float32, partial, config.calibration)


def _write(model: ExportedNetwork, path: Path, spec: ModelSpec) -> ModelSpec:
    """Write a model file in fp32 or fp16, as the spec says; return the spec as it is stored."""
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
    # Any size can trace a graph of free sizes, except 1 x 1 features, which would become fixed.
    example = torch.zeros(1, 4 * stride, 5 * stride, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        # The exporter warns about its own internals, and our tests turn warnings into errors.
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
        assert program is not None  # with dynamo there always is one
        # TensorRT requires constant kernels; by default those of a large UpConv3x3 stay sums.
        optimize_ir(program.model, input_size_limit=ANY_SIZE, output_size_limit=ANY_SIZE)
    program.save(path, external_data=False)


def _tidy_input(path: Path) -> None:
    """
    Name the free sizes as the backends expect, and let only Cast read the uint8 input.

    torch names a size `32*rows` and reads the shape of the input. TensorRT allows no operator but
    Cast on a uint8 input, so the shape is read from the output of Cast.
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
    """Return the mean relative difference of disparity; raise ValueError if it is too large."""
    disparity, tolerance = expected[0], TOLERANCES[precision]
    difference = float(np.mean(np.abs(computed.disparity_frac - disparity) / disparity))
    of_confidence = 0.0
    if computed.confidence is not None:
        # Take the absolute difference: a relative one would weight doubtful pixels most.
        of_confidence = float(np.mean(np.abs(computed.confidence - expected[1])))
    if not (difference <= tolerance and of_confidence <= tolerance):
        raise ValueError(
            f'ONNX Runtime in {precision} and torch in float32 differ by {difference:.1e} in mean '
            f'relative disparity and {of_confidence:.1e} in mean confidence, expected at most '
            f'{tolerance:.0e}; export with --precision fp32, or report this with the checkpoint'
        )
    return difference
