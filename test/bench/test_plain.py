"""The baseline computes what ours computes."""

from __future__ import annotations

import pytest
import torch

from bench.plain import plain_loss, plain_network
from trainer.model.network import build_network
from trainer.train.forward_and_loss import forward_and_loss


def test_the_same_loss_and_gradients():
    torch.manual_seed(0)
    ours = build_network('resnet18').double()
    plain = plain_network(ours)
    left, right = torch.rand(2, 2, 3, 64, 96, dtype=torch.float64)
    _, terms = forward_and_loss(
        ours, left, right, baseline_ratio=torch.ones(2, dtype=torch.float64)
    )
    loss = plain_loss(left, right, plain(left))
    assert terms.total.item() == pytest.approx(loss.item(), rel=1e-9)
    terms.total.backward()
    loss.backward()
    for one, other in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-6, atol=1e-9)
