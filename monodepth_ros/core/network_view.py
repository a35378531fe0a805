"""One live camera, and how its images go to the network and come back."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from monodepth_ros.core.camera import Camera
from monodepth_ros.core.canonical import FromCanonical, ToCanonical
from monodepth_ros.core.flying import FlyingPixels
from monodepth_ros.core.to_network import ToNetwork
from monodepth_ros.core.widening import widened
from monodepth_ros.inference.backend import Backend

# The rectified live image's size over that of the results.
DIVISORS = {'full': 1, 'half': 2, 'quarter': 4}
NETWORK_SIZE = 'network'
OUTPUT_SIZES = (*DIVISORS, NETWORK_SIZE)


class CameraMaps:
    """
    Everything precomputed for one live camera: the way to the network and back.

    live: the camera. network: that of the network's input, which the backend is resized to.
    output: that of the results.
    """

    def __init__(self, camera: Camera, backend: Backend, output_size: str) -> None:
        self.live = camera
        rectified = camera.rectified
        to_rectified = ToCanonical(camera, rectified)
        spec = backend.spec
        self.network = widened(spec.camera, rectified, to_rectified.valid, stride=spec.stride)
        self.to_network = ToNetwork(camera, self.network)
        if output_size == NETWORK_SIZE:
            self.to_output = self.to_network.map
        elif output_size == 'full':
            self.to_output = to_rectified
        else:
            size = (rectified.width, rectified.height)
            width, height = (max(1, length // DIVISORS[output_size]) for length in size)
            self.to_output = ToCanonical(camera, rectified.scaled_to(width=width, height=height))
        self.output = self.to_output.canonical
        self.back = FromCanonical(self.network, self.output, self.to_network.valid)
        if not self.back.valid.any():
            raise ValueError(
                'no pixel of this camera lies where the model looks; check K, R and P in its '
                'camera_info'
            )
        # None where the raw image reaches everywhere, as it nearly always does.
        seen = self.to_output.valid
        self.uncolored = None if seen.all() else ~seen
        # Written to by every frame.
        self.depth_m = np.empty((self.output.height, self.output.width), np.float32)
        backend.resize(width=self.network.width, height=self.network.height)
        self.network_output = backend.empty_output()

    @cached_property
    def flying(self) -> FlyingPixels:
        """For the clouds, which not everybody wants."""
        size = self.output.height, self.output.width
        return FlyingPixels(size, magnification=self.output.fx / self.network.fx)
