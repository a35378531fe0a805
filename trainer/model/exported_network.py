"""The network as a robot runs it: an image in, disparity and confidence out."""

from __future__ import annotations

import torch
from torch import nn, Tensor

from monodepth_ros.inference.model_file import CONFIDENCE, DISPARITY
from trainer.model.calibration import Calibration, Knot
from trainer.model.network import DepthNetwork
from trainer.model.postprocess import error_of_spread, joined


class ExportedNetwork(nn.Module):
    """
    The graph of a model file: uint8 image in, left disparity and its confidence out.

    network: network to export.
    canonical_width: width of ModelSpec.camera, px; the unit of disparity for any image width.
    flip: blend the prediction with that of the mirror image.
    confidence: add the confidence as a second output.
    knots: calibration of the expected error, for the same `flip`.
    """

    def __init__(
        self,
        network: DepthNetwork,
        *,
        canonical_width: int,
        flip: bool = True,
        confidence: bool = True,
        knots: tuple[Knot, ...] = (),
    ) -> None:
        super().__init__()
        self.network = network
        self.canonical_width = canonical_width
        self.flip = flip
        self.calibration = Calibration(knots)
        self.output_names = [DISPARITY, CONFIDENCE] if confidence else [DISPARITY]
        self.dtype = torch.float32

    def halve(self) -> None:
        """Compute the network in float16, but its heads and the post-processing in float32."""
        self.dtype = torch.float16
        decoder = self.network.decoder
        for part in (self.network.encoder, decoder.upconvs, decoder.iconvs):
            part.half()

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """
        Return the left disparity of an image, and its confidence if that is an output.

        image: (1, H, W, 3) uint8 RGB.
        Returns disparity, (1, H, W) float32 in fractions of the canonical width, and
        confidence, (1, H, W) float32 in 0..1: 1 less the expected relative error.
        """
        # TensorRT requires the cast to be the first operator after a uint8 input.
        x = image.to(torch.float32).permute(0, 3, 1, 2) / 255
        if self.flip:
            # One pass over a batch of two is faster than two passes; the second image is mirrored.
            x = torch.cat([x, x.flip(-1)])
        disparities, error = self.network.predict(x.to(self.dtype))
        finest = disparities[0]
        disparity = joined(finest[:, 0])
        if CONFIDENCE not in self.output_names:
            return (disparity,)
        if error is None:
            expected = error_of_spread(finest, disparity, unit_px=self.canonical_width)
        else:
            expected = joined(error[:, 0])
        return disparity, 1 - self.calibration(expected)
