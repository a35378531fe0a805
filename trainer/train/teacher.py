"""The teacher of a one-pass network: the two passes of the network that it begins from."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from trainer.model.network import DepthNetwork
from trainer.model.one_pass import OnePassNetwork
from trainer.model.postprocess import flip_blend
from trainer.train.checkpoint import load_trained


class Teacher:
    """The frozen network that teaches, on the device of the images that it is given."""

    def __init__(self, network: DepthNetwork) -> None:
        self._network = network.eval().requires_grad_(False)

    def __call__(self, image: Tensor) -> Tensor:
        """Return the left disparity of two passes, (B, 1, H, W), for images (B, 3, H, W)."""
        of_image, of_mirrored = self.one_pass(torch.cat([image, image.flip(-1)])).chunk(2)
        return flip_blend(of_image[:, 0], of_mirrored[:, 0])[:, None]

    @torch.no_grad()
    def one_pass(self, image: Tensor) -> Tensor:
        """Return the left disparity of one pass, as __call__."""
        disparity: Tensor = self._network.to(image.device)(image)[0][:, :1]
        return disparity


def load_teacher(checkpoint: Path) -> Teacher:
    """Load a teacher; raise ValueError for another file, and for a network of one pass."""
    network = load_trained(checkpoint).network
    if isinstance(network, OnePassNetwork):
        raise ValueError(
            f'{checkpoint} needs one pass already; give the checkpoint that it learnt from'
        )
    return Teacher(network)
