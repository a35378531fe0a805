"""Whether a third-party network computes inside our graph what it computes by itself."""

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
from trainer.import_model.foreign_model import ForeignModel, load_foreign, PREFIX

# As _difference has it, which is 0 in fp32 and int8, and 1e-4 in fp16: ONNX Runtime rounds the
# input of a half-precision network, but not what a larger graph computes before it.
MAX_DIFFERENCE = 1e-3
# In memory at a time, of each network, while the operator that differs is looked for.
RESULTS_AT_ONCE = 128


class _Inputs(NamedTuple):
    """One image, as each of the two networks takes it: arrays by the names of inputs."""

    original: dict[str, np.ndarray]
    wrapped: dict[str, np.ndarray]


def check_same(
    path: Path,
    wrapped: onnx.ModelProto,
    foreign: ForeignModel,
    config: ImportConfig,
    *,
    size: tuple[int, int],
) -> None:
    """
    Run the original network beside the wrapped one in ONNX Runtime, on two images.

    path: of the original one. wrapped: what `wrap` made of `foreign`. size: (height, width) at
    which nothing is resized before the network. Raises ValueError, with the first operator that
    differs, where their pictures are not the same.
    """
    original = load_foreign(path)
    name = foreign.picture.name
    inputs = [
        _Inputs(_own_input(image, foreign, config), {INPUT: image[None]})
        for image in _images(*size)
    ]
    try:
        expected = _run(original, [_own(name)], [of.original for of in inputs])
    except Exception as error:  # of ONNX Runtime, which promises nothing
        raise ValueError(
            f'{path} does not run in ONNX Runtime by itself: {one_line(error)}; export the '
            'network again with a later opset'
        ) from error
    got = _run(wrapped, [name], [of.wrapped for of in inputs])
    differences = [_difference(a, b) for (a,), (b,) in zip(got, expected, strict=True)]
    if max(differences) > MAX_DIFFERENCE:
        # It shows best where it is largest.
        worst = inputs[int(np.argmax(differences))]
        raise ValueError(
            f'{path} computes something else in a model file: {_own(name)} differs by '
            f'{max(differences):.1e} from what ONNX Runtime gives for the network itself, '
            f'expected at most {MAX_DIFFERENCE:.0e}; the first operator that differs is '
            f'{_first_different(original, wrapped, worst)}; export the network again with a '
            'later opset'
        )


def _images(height: int, width: int) -> Iterator[np.ndarray]:
    """Yield (H, W, 3) uint8: every pixel unlike its neighbours, and slow ramps of each colour."""
    yield self_test_image(width=width, height=height)
    down, across = np.linspace(0, 255, height)[:, None], np.linspace(0, 255, width)
    ramps = np.broadcast_arrays(across, down, (across + 255 - down) / 2)
    yield np.stack(ramps, axis=-1).astype(np.uint8)


def _own_input(
    image: np.ndarray, foreign: ForeignModel, config: ImportConfig
) -> dict[str, np.ndarray]:
    """Return what the network's authors would give it for an image."""
    factor, offset = config.normalisation()
    colours = image[..., ::-1] if config.channels == 'bgr' else image
    planes = (colours.astype(np.float32) * factor + offset).transpose(2, 0, 1)
    leading = (1,) * (len(foreign.image.dims) - 3)
    kind = helper.tensor_dtype_to_np_dtype(foreign.image.type)
    return {_own(foreign.image.name): planes.reshape(*leading, *planes.shape).astype(kind)}


def _first_different(original: onnx.ModelProto, wrapped: onnx.ModelProto, inputs: _Inputs) -> str:
    """Return the first operator, in the order of computation, of whose results one differs."""
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
    """Return, for every input, any results of a model's operators by their names."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised
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

    Relative to what is expected plus its mean size: values near 0 are rounded like the others,
    and those far above the others do not hide them. NaN equals NaN, and is infinitely far from
    any number.
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
