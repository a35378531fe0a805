"""The head of the error, before it has learnt anything and whatever it learns."""

from __future__ import annotations

import pytest
import torch

from trainer.model.error_head import MIN_ERROR
from trainer.model.network import build_network


def _network(name='small'):
    torch.manual_seed(0)
    network = build_network(name).eval()
    network.learn_error(with_hints=True)
    return network


@pytest.mark.parametrize('name', ['small', 'resnet18', 'godard_vgg'])
def test_at_first_it_expects_a_tenth_everywhere(name):
    network = _network(name)
    height, width = network.stride, 2 * network.stride
    with torch.no_grad():
        error = network.predict(torch.rand(2, 3, height, width)).error
    assert error.shape == (2, 1, height, width)
    torch.testing.assert_close(error, torch.full_like(error, 0.1), atol=0.01, rtol=0)


@pytest.mark.parametrize(('bias', 'expected'), [(-1e3, MIN_ERROR), (1e3, 1.0)])
def test_it_stays_between_its_bounds(bias, expected):
    network = _network()
    torch.nn.init.constant_(network.error_head.head.bias, bias)
    with torch.no_grad():
        error = network.predict(torch.rand(1, 3, 32, 64)).error
    assert error.unique().tolist() == [pytest.approx(expected)]


def test_a_training_without_hints_has_none():
    network = _network()
    head = network.error_head
    network.learn_error(with_hints=True)
    assert network.error_head is head
    network.learn_error(with_hints=False)
    assert network.predict(torch.rand(1, 3, 32, 64)).error is None
    assert not [name for name in network.state_dict() if 'error' in name]
