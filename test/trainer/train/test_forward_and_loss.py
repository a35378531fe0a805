"""What one training step computes."""

from __future__ import annotations

import shutil

import pytest
import torch

from trainer.model.network import build_network
from trainer.train.forward_and_loss import (
    adam,
    compiled_forward_and_loss,
    forward_and_loss,
    memory_format,
)
from trainer.train.losses import stereo_loss

PAPER = {'baseline_ratio': torch.ones(2)}
EVERYTHING = {
    'baseline_ratio': torch.full((2,), 0.5),
    'hints': torch.full((2, 2, 32, 64), 0.1, dtype=torch.float16),
}


def test_the_loss_of_the_left_images_disparities():
    torch.manual_seed(0)
    network = build_network('small').eval()
    left, right = torch.rand(2, 2, 3, 32, 64)
    ratio = torch.tensor([1.0, 2.0])
    disparities, terms = forward_and_loss(network, left, right, baseline_ratio=ratio)
    torch.testing.assert_close(disparities, network(left))
    expected = stereo_loss(left, right, disparities, baseline_ratio=ratio)
    assert terms.total.item() == pytest.approx(expected.total.item())


def test_a_network_that_learns_its_error_has_that_in_its_loss():
    """Hints that are the disparity of the pair's own baseline: no error anywhere."""
    torch.manual_seed(0)
    network = build_network('small').eval()
    network.learn_error(with_hints=True)
    left, right = torch.rand(2, 1, 3, 32, 64)
    (finest, *_), error = network.predict(left)
    ratio = torch.tensor([0.5])
    options = {'baseline_ratio': ratio, 'hints': 0.5 * finest.detach()}
    _, terms = forward_and_loss(network, left, right, **options)
    assert terms.error.item() == pytest.approx(error.log().mean().item(), abs=1e-4)
    terms.error.backward()
    moved = {name.split('.')[0] for name, p in network.named_parameters() if p.grad is not None}
    assert moved == {'error_head'}
    _, alone = forward_and_loss(network, left, right, baseline_ratio=ratio)
    assert alone.error.item() == 0


@pytest.mark.parametrize(
    ('device', 'variable', 'usual'), [('cpu', 'CXX', 'g++'), ('cuda', 'CC', 'gcc')]
)
def test_without_a_compiler_training_goes_on(device, variable, usual, monkeypatch, capsys):
    monkeypatch.setattr(shutil, 'which', lambda _: None)
    monkeypatch.delenv(variable, raising=False)
    assert compiled_forward_and_loss(torch.device(device)) is forward_and_loss
    assert f'{usual} not found' in capsys.readouterr().err
    monkeypatch.setenv(variable, 'my-compiler')
    compiled_forward_and_loss(torch.device(device))
    assert 'my-compiler not found' in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which('g++'), reason='needs g++')
@pytest.mark.parametrize('options', [PAPER, EVERYTHING], ids=['paper', 'everything'])
def test_the_compiled_loss_and_its_gradients_are_the_same(options):
    network = build_network('small').eval()
    network.learn_error(with_hints='hints' in options)
    left, right = torch.rand(2, 2, 3, 32, 64)
    results = []
    for compute in (forward_and_loss, compiled_forward_and_loss(torch.device('cpu'))):
        network.zero_grad()
        _, terms = compute(network, left, right, **options)
        terms.total.backward()
        results.append((terms.total.detach(), [p.grad.clone() for p in network.parameters()]))
    torch.testing.assert_close(results[0], results[1], rtol=1e-3, atol=1e-4)


def test_the_memory_format_of_each_device():
    assert memory_format(torch.device('cpu')) == torch.contiguous_format
    assert memory_format(torch.device('cuda')) == torch.channels_last


def test_a_step_of_adam_by_hand():
    parameter = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = adam([parameter], learning_rate=0.1, fused=True)
    parameter.grad = torch.tensor([7.0])
    optimizer.step()
    # The first step is the learning rate's, whatever the gradient's size.
    assert parameter.item() == pytest.approx(0.9)
