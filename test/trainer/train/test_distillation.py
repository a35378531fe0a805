"""What the one-pass network learns: its teacher's two passes, and its own error."""

from __future__ import annotations

import math

import pytest
import torch

from test.helpers.untrained import write_checkpoint
from trainer.model.one_pass import OnePass, OnePassNetwork
from trainer.train.checkpoint import load_checkpoint
from trainer.train.distillation import Distillation, error_loss
from trainer.train.teacher import load_teacher


def _predicted(disparity: list[float], error: list[float]) -> OnePass:
    """One row of pixels."""
    return OnePass(
        *(torch.tensor(row).view(1, 1, 1, -1).requires_grad_() for row in (disparity, error))
    )


def test_the_error_loss_by_hand():
    # The third pixel has no hint. The others are off by log 2 and 0.
    predicted = _predicted([0.1, 0.1, 0.1], [0.5, 0.25, 0.9])
    hints = torch.tensor([0.2, 0.1, 0]).view(1, 1, 1, 3)
    expected = (math.log(0.5) + math.log(2) / 0.5 + math.log(0.25)) / 2
    assert error_loss(predicted, hints).item() == pytest.approx(expected)


def test_it_is_least_where_the_expected_error_is_the_mean_one_and_moves_no_disparity():
    # Two pixels that look alike, off by 0.1 and 0.3: their mean is 0.2.
    predicted = _predicted([0.1, 0.1], [0.2, 0.2])
    hints = 0.1 * torch.tensor([0.1, -0.3]).exp().view(1, 1, 1, 2)
    error_loss(predicted, hints).backward()
    assert predicted.error.grad.sum().item() == pytest.approx(0, abs=1e-5)
    assert predicted.disparity.grad is None


def test_without_any_hint_it_is_zero():
    loss = error_loss(_predicted([0.1], [0.2]), torch.zeros(1, 1, 1, 1))
    assert loss.item() == 0


def test_hints_of_another_baseline_are_brought_to_the_canonical_one(tmp_path):
    objective, network, image = _parts(tmp_path)
    with torch.no_grad():
        disparity = network(image).disparity
    _, terms = objective(
        network,
        image,
        image,
        baseline_ratio=torch.tensor([0.5]),
        hints=(0.5 * disparity).expand(1, 2, -1, -1),
    )
    # No error anywhere: the logarithm of what is expected at first.
    assert terms.error.item() == pytest.approx(math.log(0.1), abs=0.05)


def test_one_pass_comes_nearer_to_two(tmp_path):
    objective, network, image = _parts(tmp_path)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    terms = []
    for _ in range(30):
        _, term = objective(network.train(), image, image, baseline_ratio=torch.ones(1))
        optimizer.zero_grad()
        term.total.backward()
        optimizer.step()
        terms.append(term.distillation.item())
    assert 0 < terms[-1] < 0.5 * terms[0]


def test_the_student_sees_what_is_seen_and_the_teacher_the_image(tmp_path):
    objective, network, image = _parts(tmp_path)
    ratio = torch.ones(1)
    (clean,), terms = objective(network, image, image, baseline_ratio=ratio)
    (other,), of_other = objective(network, image, image, baseline_ratio=ratio, seen=1 - image)
    taught = load_teacher(tmp_path / 'last.ckpt')(image)
    for disparity, term in ((clean, terms), (other, of_other)):
        gap = (disparity.log() - taught.log()).abs().mean()
        assert term.distillation.item() == pytest.approx(gap.item(), rel=1e-5)
    assert not torch.equal(clean, other)


def _parts(folder) -> tuple[Distillation, OnePassNetwork, torch.Tensor]:
    """Teacher, student of the same weights, and an image."""
    checkpoint = write_checkpoint(folder / 'last.ckpt')
    network, _ = load_checkpoint(checkpoint)
    torch.manual_seed(0)
    image = torch.rand(1, 3, 32, 64)
    return Distillation(load_teacher(checkpoint)), OnePassNetwork(network), image
