"""A checkpoint as an inference engine, which computes the same as its export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from monodepth_ros.inference.backend import Backend, NetworkOutput
from trainer.train.checkpoint import load_exported


def open_checkpoint(checkpoint: Path) -> Backend:
    """Return a Backend for a checkpoint, on the GPU if there is one; raise as load_exported."""
    model, spec = load_exported(checkpoint)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    return Backend(
        'torch',
        spec,
        has_confidence=True,
        precision='fp32',
        # torch accepts any size that the network accepts
        make_engine=lambda **_: TorchEngine(model, device),
    )


class TorchEngine:
    """An Engine for an ExportedNetwork, compiled by torch or not, on a device of torch."""

    def __init__(self, model: nn.Module, device: str) -> None:
        self.facts = {'engine': f'torch {torch.__version__}'}
        self._device = device
        self._model = model.to(device)

    def submit(self, image: np.ndarray, out: NetworkOutput) -> None:
        """Start the computation, see Engine."""
        with torch.inference_mode():
            computed = self._model(torch.from_numpy(image)[None].to(self._device))
        self._computed = list(zip(out, computed, strict=True))

    def collect(self) -> None:
        """Copy the results to the host, see Engine."""
        for array, tensor in self._computed:
            torch.from_numpy(array).copy_(tensor[0])

    def close(self) -> None:
        """Release the network, see Engine."""
        del self._model
