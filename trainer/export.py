"""A checkpoint to one ONNX file that says what it is, checked against torch."""

from __future__ import annotations

from dataclasses import replace
import logging
from pathlib import Path
import warnings

import numpy as np
import onnx
from onnxscript.optimizer import optimize_ir
import torch
from torch import nn, Tensor

from monodepth_ros.atomic import atomic_file
from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.core.model_spec import ModelSpec, self_test_image
from monodepth_ros.inference.backend import NetworkOutput
from monodepth_ros.inference.model_file import (
    CONFIDENCE,
    DISPARITY,
    FREE_SIZES,
    INPUT,
    ModelFile,
)
from monodepth_ros.inference.onnxruntime import open_onnxruntime
from trainer.checkpoint import load_checkpoint
from trainer.model.network import DepthNetwork
from trainer.onnx_model import self_test, store_spec
from trainer.postprocess import confidence, flip_blend

OPSET = 18
ANY_SIZE = 2**31
# torch and ONNX Runtime order float32 sums differently; more than this is another function.
TOLERANCE = 1e-4


class ExportedNetwork(nn.Module):
    """
    What goes into the file: uint8 image in, flip-blended left disparity and its confidence out.

    canonical_width: of ModelSpec.camera, the unit of disparity whatever the width of the image.
    """

    def __init__(self, network: DepthNetwork, *, canonical_width: int) -> None:
        super().__init__()
        self.network = network
        self.canonical_width = canonical_width

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """
        image: (1, H, W, 3) uint8 RGB.

        Returns disparity, (1, H, W) float32 in fractions of the canonical width, and confidence,
        (1, H, W) float32 in 0..1.
        """
        # TensorRT wants the cast to be the first operator after a uint8 input.
        x = image.to(torch.float32).permute(0, 3, 1, 2) / 255
        # One pass of two images: the second is the mirrored one.
        disparities = self.network(torch.cat([x, x.flip(-1)]))[0]
        blended = flip_blend(disparities[:1, 0], disparities[1:, 0])
        return blended, confidence(disparities, blended, unit_px=self.canonical_width)


def export(checkpoint: Path, output: Path) -> ModelSpec:
    """
    Write the model file; nothing is left behind when it does not agree with torch.

    Raises ValueError for a foreign checkpoint or when ONNX Runtime and torch differ.
    """
    network, spec = load_checkpoint(checkpoint)
    model = ExportedNetwork(network, canonical_width=spec.camera.width).eval()
    with atomic_file(output) as partial:
        write_onnx(model, partial)
        _tidy_input(partial)
        store_spec(partial, spec)
        computed = _check_against_torch(model, partial, spec.camera)
        spec = replace(spec, self_test=self_test(computed))
        store_spec(partial, spec)
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
            output_names=[DISPARITY, CONFIDENCE],
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


def _check_against_torch(model: nn.Module, path: Path, camera: Intrinsics) -> np.ndarray:
    """(H, W) disparity of the self-test image in ONNX Runtime."""
    image = self_test_image(width=camera.width, height=camera.height)
    with open_onnxruntime(ModelFile(path)) as backend:
        computed = backend.infer(image)
    with torch.no_grad():
        expected = NetworkOutput(
            *(output[0].numpy() for output in model(torch.from_numpy(image)[None]))
        )
    for name, got, wanted in zip(NetworkOutput._fields, computed, expected, strict=True):
        error = float(np.mean(np.abs(got - wanted) / wanted))
        if not error <= TOLERANCE:
            raise ValueError(
                f'ONNX Runtime and torch differ by {error:.1e} in mean relative {name}, '
                f'expected at most {TOLERANCE:.0e}; report this with the checkpoint'
            )
    return computed.disparity_frac
