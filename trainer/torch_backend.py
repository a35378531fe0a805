"""A checkpoint as an inference engine: what its export would compute, without the export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from monodepth_ros.core.model_spec import check_size
from monodepth_ros.inference.backend import NetworkOutput
from trainer.checkpoint import load_checkpoint
from trainer.export import ExportedNetwork


class TorchBackend:
    """The Backend over a checkpoint, on the GPU where there is one."""

    name = 'torch'
    has_confidence = True

    def __init__(self, checkpoint: Path) -> None:
        network, self.spec = load_checkpoint(checkpoint)
        self._device = 'cuda' if torch.cuda.is_available() else 'cpu'
        self._model = ExportedNetwork(network, canonical_width=self.spec.camera.width)
        self._model.eval().to(self._device)

    def infer(self, image: np.ndarray) -> NetworkOutput:
        """image: (H, W, 3) uint8 RGB."""
        with torch.inference_mode():
            outputs = self._model(torch.from_numpy(image)[None].to(self._device))
        return NetworkOutput(*(output[0].cpu().numpy() for output in outputs))

    def resize(self, *, width: int, height: int) -> None:
        """Torch takes any size that the network does."""
        check_size(width=width, height=height, stride=self.spec.stride)

    def close(self) -> None:
        """Free the network."""
        del self._model
