"""The multiplications of a network, by hand."""

from __future__ import annotations

import pytest
from torch import nn, Tensor

from bench import encoders
from bench.contenders import Network


class _Halved(nn.Module):
    """A 3x3 convolution from 3 to 8 channels, of stride 2."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        return self.conv(image)


def test_a_multiplication_and_its_addition_count_once(monkeypatch):
    monkeypatch.setattr(encoders, 'build_network', lambda _: _Halved())
    counted = encoders.giga_multiplications(Network('any', 64, 32))
    assert counted == pytest.approx(32 * 16 * 8 * 3 * 9 / 1e9)
