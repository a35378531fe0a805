"""What one training step computes."""

from __future__ import annotations

import shutil

import pytest
import torch

from trainer.losses import stereo_loss
from trainer.model.network import build_network
from trainer.objective import adam, compiled_objective, memory_format, objective


def test_the_loss_of_the_left_images_disparities():
    torch.manual_seed(0)
    network = build_network('small').eval()
    left, right = torch.rand(2, 2, 3, 32, 64)
    ratio = torch.tensor([1.0, 2.0])
    disparities, terms = objective(network, left, right, baseline_ratio=ratio)
    torch.testing.assert_close(disparities, network(left))
    expected = stereo_loss(left, right, disparities, baseline_ratio=ratio)
    assert terms.total.item() == pytest.approx(expected.total.item())


def test_only_a_gpu_with_a_compiler_compiles(monkeypatch, capsys):
    cpu, gpu = torch.device('cpu'), torch.device('cuda')
    assert compiled_objective(cpu) is objective
    monkeypatch.setattr(shutil, 'which', lambda name: f'/usr/bin/{name}')
    assert compiled_objective(gpu) is not objective
    monkeypatch.setattr(shutil, 'which', lambda _: None)
    monkeypatch.setenv('CC', 'my-cc')
    assert compiled_objective(gpu) is objective
    assert 'none of my-cc, clang found' in capsys.readouterr().err


def test_the_memory_format_of_each_device():
    assert memory_format(torch.device('cpu')) == torch.contiguous_format
    assert memory_format(torch.device('cuda')) == torch.channels_last


def test_a_step_of_adam_by_hand():
    parameter = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = adam([parameter], learning_rate=0.1)
    parameter.grad = torch.tensor([7.0])
    optimizer.step()
    # The first step is the learning rate's, whatever the gradient's size.
    assert parameter.item() == pytest.approx(0.9)
