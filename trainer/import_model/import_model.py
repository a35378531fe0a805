"""Import of a third-party monocular network as a model file: wrapped, scaled, self-tested."""

from __future__ import annotations

from dataclasses import replace
import hashlib
import math
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto

from monodepth_ros.common.atomic import atomic_file
from monodepth_ros.common.errors import one_line
from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.core.model_spec import ModelSpec, self_test_image
from monodepth_ros.inference.model_file import ModelFile
from monodepth_ros.inference.onnxruntime import open_onnxruntime
from trainer.export.onnx_model import self_test, store_spec
from trainer.import_model.config import ImportConfig
from trainer.import_model.import_check import check_same
from trainer.import_model.third_party_model import read_third_party, ThirdPartyModel
from trainer.import_model.wrap_third_party import wrap

# The baseline of a network without a stereo rig: any will do, because depth does not depend on it.
ANY_BASELINE_M = 0.1


def import_model(path: Path, output: Path, config: ImportConfig) -> ModelSpec:
    """
    Write the model file of a third-party network, and nothing if there is an error.

    Raises OSError for files that cannot be read, ValueError for a network that cannot be used as
    the configuration says.
    """
    if output.exists() and output.samefile(path):
        raise ValueError(f'{path} would be replaced by its own import; choose another name')
    third_party = read_third_party(path, output_name=config.output_name)
    spec = _spec(third_party, path, config)
    with atomic_file(output) as partial:
        wrapped = wrap(third_party, config, spec)
        onnx.save(wrapped, partial)
        store_spec(partial, spec)
        try:
            disparity_frac = _computed(partial, any_size=third_party.fixed_size is None)
        except Exception as error:  # ONNX Runtime does not document which errors it raises
            raise ValueError(
                f'{path} does not run in ONNX Runtime: {one_line(error.__cause__ or error)}; '
                'check multiple, width and height'
            ) from error
        own_size = third_party.fixed_size or (spec.camera.height, spec.camera.width)
        check_same(path, wrapped, third_party, config, size=own_size)
        _check(disparity_frac, spec, path)
        spec = replace(spec, self_test=self_test(disparity_frac))
        store_spec(partial, spec)
    return spec


def _spec(third_party: ThirdPartyModel, path: Path, config: ImportConfig) -> ModelSpec:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return ModelSpec(
        camera=_canonical(third_party, path, config),
        baseline_m=config.baseline_m or ANY_BASELINE_M,
        depth_range_m=(config.min_depth_m, config.max_depth_m),
        stride=config.multiple or 1,
        training_fx_px=(config.focal_px, config.focal_px),
        encoder=path.stem,
        training_data=(f'not known: imported from {path.name}, sha256 {digest}',),
        data_licence=config.licence,
        git_commit='unknown',
        precision=_precision(third_party.model.graph),
    )


def _canonical(third_party: ThirdPartyModel, path: Path, config: ImportConfig) -> Intrinsics:
    """Return the canonical camera: square pixels, the principal point in the middle."""
    if third_party.fixed_size is not None:
        own = third_party.fixed_size
    elif config.height and config.width and config.multiple:
        own = config.height, config.width
    else:
        raise ValueError(
            f'{path} takes images of any size; choose one with width, height and multiple, e.g. '
            '--width 518 --height 294 --multiple 14'
        )
    height, width = config.height or own[0], config.width or own[1]
    if config.hfov_deg is None:
        # The focal length that becomes focal_px when our graph resizes the image to own.
        focal_px = config.focal_px / ((own[0] / height + own[1] / width) / 2)
    else:
        focal_px = width / (2 * math.tan(math.radians(config.hfov_deg) / 2))
    return Intrinsics(focal_px, focal_px, (width - 1) / 2, (height - 1) / 2, width, height)


def _precision(graph: onnx.GraphProto) -> str:
    if any(node.op_type == 'DequantizeLinear' for node in graph.node):
        return 'int8'
    half = any(tensor.data_type == TensorProto.FLOAT16 for tensor in graph.initializer)
    return 'fp16' if half else 'fp32'


def _computed(model: Path, *, any_size: bool) -> np.ndarray:
    """
    Return the (H, W) disparity of the self-test image.

    model: the model file.
    any_size: whether the network must run at another size too, which is tried.
    """
    file = ModelFile(model)
    camera, stride = file.spec.camera, file.spec.stride
    with open_onnxruntime(file) as backend:
        output = backend.infer(self_test_image(width=camera.width, height=camera.height))
        if any_size:
            size = {'width': camera.width + stride, 'height': camera.height + stride}
            backend.resize(**size)
            backend.infer(self_test_image(**size))
    return output.disparity_frac


def _check(disparity_frac: np.ndarray, spec: ModelSpec, path: Path) -> None:
    if not np.isfinite(disparity_frac).all():
        raise ValueError(
            f'{path} computes NaN or infinity for the self-test image; check normalise, or '
            'export it again in float32'
        )
    camera, (near_m, far_m) = spec.camera, spec.depth_range_m
    depth_m = camera.fx * spec.baseline_m / (disparity_frac * camera.width)
    if not ((near_m <= depth_m) & (depth_m <= far_m)).any():
        raise ValueError(
            f'{path} sees no pixel of the self-test image between {near_m:g} and {far_m:g} m; '
            'check output, scale, normalise, min_depth_m and max_depth_m'
        )
