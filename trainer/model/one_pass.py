"""A network that a teacher made as good in one pass as in two, and that knows its error."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from torch import nn, Tensor

from trainer.model.error_head import ErrorHead
from trainer.model.network import DepthNetwork

# The head begins from nothing, the network from a training.
HEAD_RATE = 10


class OnePass(NamedTuple):
    """
    The prediction of one pass.

    disparity: (B, 1, H, W) of the left view, in fractions of the width.
    error: (B, 1, H, W), its expected relative error, up to 1.
    """

    disparity: Tensor
    error: Tensor


class OnePassNetwork(nn.Module):
    """
    A DepthNetwork with a head for the error (docs/method.md#self-distillation).

    network: the network, whose right disparity and coarse scales no longer matter.
    """

    def __init__(self, network: DepthNetwork) -> None:
        super().__init__()
        self.network = network
        self.error_head = ErrorHead(network.decoder.channels)

    @property
    def stride(self) -> int:
        """Return the number of pixels that divides every valid height and width."""
        return self.network.stride

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Return the parameters with their learning rates, as torch's optimisers take them."""
        return [
            {'params': list(self.network.parameters()), 'lr': learning_rate},
            {'params': list(self.error_head.parameters()), 'lr': HEAD_RATE * learning_rate},
        ]

    def train(self, mode: bool = True) -> Self:
        """Train, but normalise batches as the teacher does: by its statistics of many images."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, image: Tensor) -> OnePass:
        """Predict an image, (B, 3, H, W) in 0..1; raise ValueError as DepthNetwork."""
        disparities, features = self.network.decode(image)
        # The error is learnt for the disparity as it is: it must not change what that sees.
        return OnePass(
            disparities[0][:, :1], self.error_head([level.detach() for level in features])
        )
