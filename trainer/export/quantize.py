"""Quantisation of a float32 model file to int8, calibrated and checked on a user's pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
import io
from pathlib import Path
import sys
from typing import NamedTuple

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    quantize_static,
    QuantType,
)
from onnxruntime.quantization.quant_utils import add_pre_process_metadata
from rich.console import Console
from rich.progress import Progress, track

from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.core.model_spec import ModelSpec, self_test_image
from monodepth_ros.inference.backend import Backend
from monodepth_ros.inference.model_file import INPUT, ModelFile
from monodepth_ros.inference.onnxruntime import open_onnxruntime
from monodepth_ros.inference.self_test import TOLERANCES
from trainer.datasets.sources import open_sequences, PairSequence
from trainer.evaluate.config import EvaluateConfig
from trainer.evaluate.evaluate import evaluate
from trainer.export.config import DIFFERENCE
from trainer.export.onnx_model import self_test, store_spec
from trainer.train.pairs import CanonicalViews, PairName, split_in_time

INT8 = 'int8'
# Numbers of evenly spaced pairs; more change the results in the third digit.
MAX_CALIBRATING, MAX_HELD_OUT = 128, 64
HELD_OUT_FROM = 0.9
# The range of int8 covers this percentile of an activation's values (docs/design.md#int8).
PERCENTILE = 99.99
CONVOLUTIONS = ('Conv', 'ConvTranspose')
# The heads, and the layer of few channels and many pixels before the last one, stay float32: there
# int8 costs most accuracy and saves no time.
FLOAT_LAYERS = ('network.decoder.heads.', 'network.error_head.', 'network.decoder.iconvs.0.')


class Views(NamedTuple):
    """Left images in the canonical camera, (H, W, 3) uint8 RGB each, to calibrate and to check."""

    calibrating: list[np.ndarray]
    held_out: list[np.ndarray]


def quantize(float32: Path, output: Path, source: str) -> ModelSpec:
    """
    Write the int8 model of a model file, with its accuracy before and after in its metrics.

    float32: the model file to quantise.
    output: the model file to write.
    source: data that open_sequences reads.
    Raises ValueError for too few pairs, and if the two models differ by more than TOLERANCES on
    the pairs held out.
    """
    sequences = open_sequences(source)
    spec = ModelFile(float32).spec
    views = read_views(sequences, spec.camera, source)
    _write_int8(float32, output, views.calibrating)
    spec = replace(spec, precision=INT8, self_test=None)
    store_spec(output, spec)
    with (
        open_onnxruntime(ModelFile(float32)) as before,
        open_onnxruntime(ModelFile(output)) as after,
    ):
        metrics = {DIFFERENCE: _difference(before, after, views.held_out, source)}
        image = self_test_image(width=spec.camera.width, height=spec.camera.height)
        test = self_test(after.infer(image).disparity_frac)
    store_spec(output, replace(spec, self_test=test))
    metrics |= _abs_rel(float32, output, source, sequences)
    spec = replace(spec, self_test=test, metrics=spec.metrics | metrics)
    store_spec(output, spec)
    return spec


def read_views(sequences: list[PairSequence], camera: Intrinsics, source: str) -> Views:
    """
    Read evenly spaced views: the last tenth in time is held out, the rest calibrates.

    sequences: the pairs to read.
    camera: the canonical camera.
    source: name of the data, for messages.
    Raises ValueError for too few pairs.
    """
    readers = [CanonicalViews(sequence, camera) for sequence in sequences]
    earlier, later = split_in_time(sequences)
    if not later:
        raise ValueError(
            f'{source} has {len(earlier)} pairs, expected a sequence of at least 10, to check '
            'int8 on the last tenth; give more pairs'
        )

    def read(names: list[PairName], max_pairs: int) -> list[np.ndarray]:
        chosen = np.linspace(0, len(names) - 1, min(max_pairs, len(names))).astype(int)
        pairs = (readers[names[at].sequence].read(names[at].name) for at in chosen)
        return [np.ascontiguousarray(left.transpose(1, 2, 0)) for left, _ in pairs]

    return Views(read(earlier, MAX_CALIBRATING), read(later, MAX_HELD_OUT))


def _write_int8(float32: Path, output: Path, images: Sequence[np.ndarray]) -> None:
    """
    Add the quantisation of inputs and weights of convolutions that TensorRT expects.

    It is symmetric, weights are scaled by channel, and biases stay float32.
    """
    model = onnx.load(float32)
    _pad_apart(model.graph)
    add_pre_process_metadata(model)  # the export already folded the constants
    shown = Progress(console=Console(file=sys.stdout))
    task = shown.add_task('calibrate', total=len(images))
    # ONNX Runtime prints while it searches percentiles.
    with shown, redirect_stdout(io.StringIO()):
        quantize_static(
            model,
            output,
            _Reader(images, lambda: shown.advance(task)),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=CONVOLUTIONS,
            nodes_to_exclude=_float_nodes(model.graph),
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile,
            extra_options={
                'ActivationSymmetric': True,
                'WeightSymmetric': True,
                'QuantizeBias': False,
                # TensorRT fuses a convolution with the activation function after it.
                'OpTypesToExcludeOutputQuantization': CONVOLUTIONS,
                'CalibPercentile': PERCENTILE,
                # Keep the activations of one image in memory, not those of all.
                'CalibStridedMinMax': 1,
            },
        )


def _pad_apart(graph: onnx.GraphProto) -> None:
    """
    Move the padding of a convolution after a Concat into a Pad operator, with the same result.

    OpenVINO (2026.4) loses the zero point of a tensor that is quantised directly after a Concat:
    disparities of the paper's network were 8 % off.
    """
    joined = {node.output[0] for node in graph.node if node.op_type == 'Concat'}
    for at, node in reversed(list(enumerate(graph.node))):
        if node.op_type != 'Conv' or node.input[0] not in joined:
            continue
        (pads,) = (attribute for attribute in node.attribute if attribute.name == 'pads')
        top, left, bottom, right = pads.ints
        pads.ints[:] = [0, 0, 0, 0]
        sizes = np.array([0, 0, top, left, 0, 0, bottom, right])
        names = [node.input[0], f'{node.name}_pads'], [f'{node.name}_padded']
        graph.initializer.append(onnx.numpy_helper.from_array(sizes, f'{node.name}_pads'))
        graph.node.insert(at, onnx.helper.make_node('Pad', *names, name=f'{node.name}_pad'))
        node.input[0] = f'{node.name}_padded'


def _float_nodes(graph: onnx.GraphProto) -> list[str]:
    """Return the names of the convolutions that stay float32."""
    convolutions = [node for node in graph.node if node.op_type in CONVOLUTIONS]
    # The first one has only three channels, and follows the Concat of the flip (see _pad_apart).
    return [convolutions[0].name] + [
        node.name
        for node in convolutions
        if any(name.startswith(FLOAT_LAYERS) for name in node.input)
    ]


class _Reader(CalibrationDataReader):
    """A reader of calibration images for ONNX Runtime's quantiser, with a call for each image."""

    def __init__(self, images: Sequence[np.ndarray], log: Callable[[], None]) -> None:
        self._images = images
        self._log = log
        self._wanted = iter(images)

    def __len__(self) -> int:
        return len(self._images)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Continue with the images of this range of indices."""
        self._wanted = iter(self._images[start_index:end_index])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next image as the model's input, None after the last one."""
        image = next(self._wanted, None)
        if image is None:
            return None
        self._log()
        return {INPUT: image[None]}


def _difference(
    before: Backend, after: Backend, images: Sequence[np.ndarray], source: str
) -> float:
    """
    Return the mean relative difference of disparity; raise ValueError if it is too large.

    before, after: the float32 and the int8 model.
    images: views held out.
    source: name of the data, for messages.
    """
    differences = []
    for image in track(images, 'int8 against fp32'):
        expected = before.infer(image).disparity_frac
        differences.append(
            np.mean(np.abs(after.infer(image).disparity_frac - expected) / expected)
        )
    difference, tolerance = float(np.mean(differences)), TOLERANCES[INT8]
    if not difference <= tolerance:
        raise ValueError(
            f'int8 changes disparities by {difference:.1%} in the mean over {len(images)} pairs '
            f'held out of {source}, expected at most {tolerance:.0%}; calibrate with more pairs '
            'that look like what the robot will see, or export fp16 or fp32'
        )
    return difference


def _abs_rel(
    float32: Path, output: Path, source: str, sequences: list[PairSequence]
) -> dict[str, float]:
    """
    Return Abs Rel before and after quantisation, if there is a ground truth.

    float32, output: the two model files.
    source: data that open_sequences reads; its last tenth in time is evaluated.
    sequences: the same data, opened.
    """
    pairs = [(sequence, name) for sequence in sequences for name in sequence.names]
    held_out = pairs[round(HELD_OUT_FROM * len(pairs)) :]
    if all(sequence.read_gt_depth(name) is None for sequence, name in held_out):
        return {}
    config = EvaluateConfig(first_share=HELD_OUT_FROM)
    scores = evaluate([float32, output], source, config).scores.values()
    before, after = (score.metrics.abs_rel for score in scores)
    return {'abs_rel_fp32': before, 'abs_rel_int8': after}
