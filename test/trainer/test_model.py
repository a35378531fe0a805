"""The network."""

from __future__ import annotations

import pytest
import torch

from trainer.model.decoder import DepthNetwork, MAX_DISPARITY_FRAC


@pytest.fixture(scope='module')
def network():
    torch.manual_seed(0)
    return DepthNetwork().eval()


def test_four_scales_of_two_disparities(network):
    with torch.no_grad():
        disparities = network(torch.rand(2, 3, 64, 96))
    assert [tuple(d.shape) for d in disparities] == [
        (2, 2, 64, 96),
        (2, 2, 32, 48),
        (2, 2, 16, 24),
        (2, 2, 8, 12),
    ]
    for disparity in disparities:
        assert disparity.dtype == torch.float32
        assert (disparity > 0).all()
        assert (disparity < MAX_DISPARITY_FRAC).all()


def test_it_begins_near_what_a_street_shows(network):
    with torch.no_grad():
        finest = network(torch.rand(1, 3, 64, 96))[0]
    assert 0.005 < finest.mean() < 0.04


def test_every_parameter_is_trained(network):
    sum(d.sum() for d in network(torch.rand(1, 3, 64, 96))).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
