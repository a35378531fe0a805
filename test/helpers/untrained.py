"""A network that has learned nothing, and something for it to look at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
import re

import cv2
import numpy as np
import onnx
import torch
from torch import nn

from monodepth_ros.core.model_spec import TrainingStage
from test.helpers.tiny_model import CAMERA, spec
from trainer.model.network import build_network
from trainer.train.checkpoint import NETWORK_PREFIX, record_entry, TrainingRecord


def write_checkpoint(path: Path, name: str = 'small', *, learns_error: bool = False) -> Path:
    """
    Write a network whose every layer counts, as in a trained one.

    As it is initialised for training, a layer in the middle changes disparity by a millionth.
    """
    torch.manual_seed(0)
    network = build_network(name)
    network.learn_error(with_hints=learns_error)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity='linear')
    weights = {f'{NETWORK_PREFIX}{name}': value for name, value in network.state_dict().items()}
    # The canonical camera must hold a few of its strides.
    camera = CAMERA.scaled_to(width=4 * network.stride, height=2 * network.stride)
    made = replace(
        spec(),
        encoder=name,
        camera=camera,
        stride=network.stride,
        self_test=None,
        history=(TrainingStage('before/best.ckpt', ('streets',), 'CC0', 7, 'abc'),),
    )
    record = TrainingRecord(made.to_json(), {}, '')
    torch.save({'state_dict': weights} | record_entry(record), path)
    return path


def smooth_image(*, width: int, height: int, seed: int) -> np.ndarray:
    """(H, W, 3) uint8: random colours, blended into each other."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 10, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def weights_by_layer(graph: onnx.GraphProto) -> dict[str, list[onnx.TensorProto]]:
    """
    The constants of each convolution's weights by its name in torch.

    One of its values, or its values, scale and zero point.
    """
    constants = {tensor.name: tensor for tensor in graph.initializer}
    quantised = {
        node.output[0]: [constants[name] for name in node.input]
        for node in graph.node
        if node.op_type == 'DequantizeLinear' and node.input[0] in constants
    }
    return {
        _layer(node): quantised.get(node.input[1]) or [constants[node.input[1]]]
        for node in graph.node
        if node.op_type in ('Conv', 'ConvTranspose')
    }


def _layer(node: onnx.NodeProto) -> str:
    # Kernels that were summed for the export have lost their name, their biases have not.
    named = re.search(r'network\.(\S+?)\.(weight|bias)', ' '.join(node.input))
    assert named is not None
    return named[1]
