"""Check that a third-party network computes the same inside our graph as by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import helper
import onnxruntime

from monodepth_ros.common.errors import one_line
from monodepth_ros.core.model_spec import self_test_image
from monodepth_ros.inference.model_file import INPUT
from trainer.import_model.config import ImportConfig
from trainer.import_model.third_party_model import load_third_party, PREFIX, ThirdPartyModel

# Limit of _difference, which is 0 in fp32 and int8, and 1e-4 in fp16: ONNX Runtime rounds the
# input of a half-precision network, but not the results that our graph computes before it.
MAX_DIFFERENCE = 1e-3
# Results of each network that are in memory at once, in the search for the operator that differs.
RESULTS_AT_ONCE = 128


class _Inputs(NamedTuple):
    """One image as the input of each of the two networks: arrays by the names of inputs."""

    original: dict[str, np.ndarray]
    wrapped: dict[str, np.ndarray]


def check_same(
    path: Path,
    wrapped: onnx.ModelProto,
    third_party: ThirdPartyModel,
    config: ImportConfig,
    *,
    size: tuple[int, int],
) -> None:
    """
    Run the original network and the wrapped one in ONNX Runtime, on two images.

    path: file of the original network.
    wrapped: graph that `wrap` made of `third_party`.
    third_party: the network as it was read.
    config: its input and output.
    size: (height, width) at which our graph does not resize the image before the network.
    Raises ValueError if their results differ, with the first operator that differs.
    """
    original = load_third_party(path)
    name = third_party.picture.name
    inputs = [
        _Inputs(_own_input(image, third_party, config), {INPUT: image[None]})
        for image in _images(*size)
    ]
    try:
        expected = _run(original, [_own(name)], [of.original for of in inputs])
    except Exception as error:  # ONNX Runtime does not document which errors it raises
        raise ValueError(
            f'{path} does not run in ONNX Runtime by itself: {one_line(error)}; export the '
            'network again with a later opset'
        ) from error
    got = _run(wrapped, [name], [of.wrapped for of in inputs])
    differences = [_difference(a, b) for (a,), (b,) in zip(got, expected, strict=True)]
    if max(differences) > MAX_DIFFERENCE:
        # Search with the image that shows the largest difference.
        worst = inputs[int(np.argmax(differences))]
        raise ValueError(
            f'{path} computes another result in a model file: {_own(name)} differs by '
            f'{max(differences):.1e} from the result of the network by itself, '
            f'expected at most {MAX_DIFFERENCE:.0e}; the first operator that differs is '
            f'{_first_different(original, wrapped, worst)}; export the network again with a '
            'later opset'
        )


def _images(height: int, width: int) -> Iterator[np.ndarray]:
    """Yield two (H, W, 3) uint8 images: noise, and smooth ramps of each colour."""
    yield self_test_image(width=width, height=height)
    down, across = np.linspace(0, 255, height)[:, None], np.linspace(0, 255, width)
    ramps = np.broadcast_arrays(across, down, (across + 255 - down) / 2)
    yield np.stack(ramps, axis=-1).astype(np.uint8)


def _own_input(
    image: np.ndarray, third_party: ThirdPartyModel, config: ImportConfig
) -> dict[str, np.ndarray]:
    """Return the input of the original network for an image, as its authors would compute it."""
    factor, offset = config.normalisation()
    colours = image[..., ::-1] if config.channels == 'bgr' else image
    planes = (colours.astype(np.float32) * factor + offset).transpose(2, 0, 1)
    leading = (1,) * (len(third_party.image.dims) - 3)
    kind = helper.tensor_dtype_to_np_dtype(third_party.image.type)
    return {_own(third_party.image.name): planes.reshape(*leading, *planes.shape).astype(kind)}


def _first_different(original: onnx.ModelProto, wrapped: onnx.ModelProto, inputs: _Inputs) -> str:
    """Return the first operator, in the order of computation, with a result that differs."""
    kept = {name for node in wrapped.graph.node for name in node.output}
    results = [
        (node, name)
        for node in original.graph.node
        for name in node.output
        if PREFIX + name in kept
    ]
    for at in range(0, len(results), RESULTS_AT_ONCE):
        some = results[at : at + RESULTS_AT_ONCE]
        (expected,) = _run(original, [name for _, name in some], [inputs.original])
        (got,) = _run(wrapped, [PREFIX + name for _, name in some], [inputs.wrapped])
        for (node, _), *both in zip(some, got, expected, strict=True):
            if _difference(*both) > MAX_DIFFERENCE:
                return f'{node.op_type} {node.name or node.output[0]!r}'
    return 'none of its own'


def _run(
    model: onnx.ModelProto, names: Sequence[str], inputs: Iterable[dict[str, np.ndarray]]
) -> list[list[np.ndarray]]:
    """
    Run a model on each input and return the results with the given names.

    names: outputs of any operators of the model, not only of the graph.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # fatal only: errors are raised, a log would repeat them
    outputs = list(model.graph.output)
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=['CPUExecutionProvider']
        )
    finally:
        del model.graph.output[:]
        model.graph.output.extend(outputs)
    return [session.run(list(names), one) for one in inputs]


def _difference(got: np.ndarray, expected: np.ndarray) -> float:
    """
    Return the root mean square of relative differences; inf for another shape.

    Each difference is relative to the expected value plus the mean size of all, so that rounding
    near 0 counts little and large values do not hide small ones. NaN equals NaN, and is
    infinitely far from any number.
    """
    if got.shape != expected.shape:
        return np.inf
    got, expected = got.astype(np.float64), expected.astype(np.float64)
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    if same.all():
        return 0.0
    size = np.abs(expected)
    with np.errstate(all='ignore'):
        relative = np.abs(got - expected) / (size + np.mean(size, where=np.isfinite(size)))
    relative = np.where(same, 0, np.nan_to_num(relative, nan=np.inf))
    return float(np.sqrt(np.mean(relative**2)))


def _own(name: str) -> str:
    return name.removeprefix(PREFIX)
