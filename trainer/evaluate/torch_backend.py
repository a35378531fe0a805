"""A checkpoint as an inference engine: what its export would compute, without the export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from monodepth_ros.inference.backend import Backend, NetworkOutput
from trainer.train.checkpoint import load_exported


def open_checkpoint(checkpoint: Path) -> Backend:
    """A Backend over a checkpoint, on the GPU where there is one. Raises as load_exported."""
    model, spec = load_exported(checkpoint)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    return Backend(
        'torch',
        spec,
        has_confidence=True,
        precision='fp32',
        # torch takes any size that the network does
        make_engine=lambda **_: TorchEngine(model, device),
    )


class TorchEngine:
    """The Engine over an ExportedNetwork, or what torch.compile makes of one; device: torch's."""

    def __init__(self, model: nn.Module, device: str) -> None:
        self.facts = {'engine': f'torch {torch.__version__}'}
        self._device = device
        self._model = model.to(device)

    def submit(self, image: np.ndarray, out: NetworkOutput) -> None:
        """See Engine."""
        with torch.inference_mode():
            computed = self._model(torch.from_numpy(image)[None].to(self._device))
        self._computed = list(zip(out, computed, strict=True))

    def collect(self) -> None:
        """See Engine."""
        for array, tensor in self._computed:
            torch.from_numpy(array).copy_(tensor[0])

    def close(self) -> None:
        """See Engine."""
        del self._model
