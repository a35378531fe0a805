"""Untrained networks with all their model files, to measure speed and error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from bench.contenders import CHECKPOINT, model_file, Network
from demo.synthetic import make_scene, Pose, render, View
from monodepth_ros.core.camera import Camera, Intrinsics, StereoCalibration
from monodepth_ros.core.model_spec import ModelSpec
from monodepth_ros.storage.pair_folder import PairFolderWriter
from trainer.export.config import ExportConfig
from trainer.export.export import export
from trainer.export.quantize import quantize
from trainer.model.network import build_network, DepthNetwork
from trainer.train.checkpoint import NETWORK_PREFIX, record_entry, TrainingRecord

PRECISIONS = ('fp32', 'fp16', 'int8')
BASELINE_M = 0.3
POSE = Pose(x_m=0.0, z_m=0.0, height_m=1.2, pitch_rad=0.06)
# Number of pairs, the last of which is held out; it does not change the speed.
CALIBRATING = 10
UNSEEN = 3


def write_network(
    network: Network, folder: Path, precisions: Sequence[str] = PRECISIONS
) -> dict[str, str]:
    """
    Write CHECKPOINT and model files; int8 is quantised from fp32 with rendered pairs.

    Returns the reason for each precision that could not be written.
    """
    folder.mkdir(parents=True)
    checkpoint, pairs = folder / CHECKPOINT, folder / 'pairs'
    _write_checkpoint(network, checkpoint)
    _write_pairs(network.camera, pairs)
    float32 = model_file(folder, 'fp32')
    works = {
        'fp32': lambda: export(checkpoint, float32),
        'fp16': lambda: export(checkpoint, model_file(folder, 'fp16'), ExportConfig('fp16')),
        'int8': lambda: quantize(float32, model_file(folder, 'int8'), str(pairs)),
    }
    refusals = {}
    for precision in precisions:
        try:
            works[precision]()
        except ValueError as error:
            refusals[precision] = str(error)
    return refusals


def unseen_images(camera: Intrinsics) -> list[np.ndarray]:
    """Return images, (H, W, 3) uint8, of scenes that were not used to calibrate."""
    return [left.rgb for left, _ in _views(camera, range(CALIBRATING, CALIBRATING + UNSEEN))]


def untrained(name: str) -> DepthNetwork:
    """
    Build a network of random weights in which every layer changes the result.

    With the initial weights of a training, a layer in the middle changes disparity by only a
    millionth, which would hide the errors of an engine.
    """
    torch.manual_seed(0)
    network = build_network(name)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity='linear')
    return network


def _write_checkpoint(network: Network, path: Path) -> None:
    made = untrained(network.name)
    camera = network.camera
    spec = ModelSpec(
        camera=camera,
        baseline_m=BASELINE_M,
        depth_range_m=(0.5, 80.0),
        stride=made.stride,
        training_fx_px=(camera.fx, camera.fx),
        encoder=network.name,
        training_data=('none',),
        data_licence='none',
        git_commit='unknown',
    )
    weights = {f'{NETWORK_PREFIX}{name}': value for name, value in made.state_dict().items()}
    record = TrainingRecord(spec.to_json(), {}, '')
    torch.save({'state_dict': weights} | record_entry(record), path)


def _write_pairs(camera: Intrinsics, folder: Path) -> None:
    writer = PairFolderWriter(folder, StereoCalibration(camera, BASELINE_M))
    for number, (left, right) in enumerate(_views(camera, range(CALIBRATING))):
        writer.add(f'{number}', left_rgb=left.rgb, right_rgb=right.rgb, stamp_ns=number)


def _views(camera: Intrinsics, seeds: range) -> Iterator[tuple[View, View]]:
    pinhole = Camera.pinhole(camera)
    for seed in seeds:
        scene = make_scene(np.random.default_rng(seed))
        yield render(scene, pinhole, POSE), render(scene, pinhole, POSE.moved_right(BASELINE_M))
