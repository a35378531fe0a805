"""TensorRT takes what the trainer exports: built by TensorRT-RTX, which needs no GPU."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

pytest.importorskip('tensorrt_rtx_bindings', reason='there are no wheels for this machine')

from monodepth_ros.inference.model_file import ModelFile
from monodepth_ros.inference.tensorrt.build_options import BuildOptions
from monodepth_ros.inference.tensorrt.builder import build_plan
from test.helpers.tiny_model import spec
from trainer.export.export import export
from trainer.model.network import build_network
from trainer.train.checkpoint import NETWORK_PREFIX, record_entry, TrainingRecord


def _exported(folder, name):
    """The model file of an untrained network."""
    torch.manual_seed(0)
    network = build_network(name)
    # Its canonical camera is of 128x64 pixels, its strides may be larger.
    camera = spec().camera.scaled_to(width=3 * network.stride, height=2 * network.stride)
    made = replace(spec(), encoder=name, stride=network.stride, camera=camera, self_test=None)
    record = record_entry(TrainingRecord(made.to_json(), {}, 'none'))
    weights = {NETWORK_PREFIX + key: value for key, value in network.state_dict().items()}
    torch.save({**record, 'state_dict': weights}, folder / 'a.ckpt')
    export(folder / 'a.ckpt', folder / 'a.onnx')
    return ModelFile(folder / 'a.onnx')


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    return _exported(tmp_path_factory.mktemp('small'), 'small')


@pytest.mark.parametrize('size', [(96, 64), (640, 192)])
def test_the_small_network_builds(small, size):
    width, height = size
    assert build_plan(small, width=width, height=height, options=BuildOptions())


@pytest.mark.slow
@pytest.mark.parametrize('name', ['godard_vgg', 'godard_resnet50', 'resnet18', 'resnet50'])
def test_every_network_builds(tmp_path, name):
    model = _exported(tmp_path, name)
    assert build_plan(model, width=1024, height=384, options=BuildOptions())
