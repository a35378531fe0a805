"""The thread that turns a camera's images into messages, always the newest one."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
import time
from typing import Any, NamedTuple

import numpy as np

from monodepth_ros.core.camera import Camera
from monodepth_ros.errors import one_line
from monodepth_ros.frame_statistics import FrameStatistics
from monodepth_ros.newest import Newest
from monodepth_ros.outputs import OutputMaker
from monodepth_ros.predictor import Predictor


class Frame(NamedTuple):
    """
    An image that can be computed.

    pixels: (H, W, 3) RGB or (H, W) grey uint8, of the camera's size. arrived_s: time.monotonic().
    transport_s: the image's age then; None without a sensible clock.
    """

    header: Any
    pixels: np.ndarray
    camera: Camera
    arrived_s: float
    transport_s: float | None


class Pipeline(NamedTuple):
    """What computes and makes the messages; replaced as a whole."""

    predictor: Predictor
    maker: OutputMaker


class DepthWorker:
    """
    Computes the newest frame and publishes what is wanted of it.

    pipeline: may be replaced at any time, from the next frame on. wanted: asked for the topics
    that somebody listens to, each with how to publish on it. complain: told why a frame is lost.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        statistics: FrameStatistics,
        *,
        wanted: Callable[[], dict[str, Callable[[Any], None]]],
        complain: Callable[[str], None],
    ) -> None:
        self.pipeline = pipeline
        self._statistics = statistics
        self._wanted = wanted
        self._complain = complain
        self._waiting: Newest[Frame] = Newest()
        self._thread = Thread(target=self._run, name='depth worker')
        self._thread.start()

    def offer(self, frame: Frame) -> None:
        """Have a frame computed, unless a newer one comes before its turn; never waits."""
        if self._waiting.put(frame):
            self._statistics.drop('a newer one came')

    def close(self) -> None:
        """Wait for the frame that is being computed, and end."""
        self._waiting.close()
        self._thread.join()

    def _run(self) -> None:
        while (frame := self._waiting.take()) is not None:
            try:
                self._compute(frame)
            # Of an engine, a camera that cannot be served, a context that was shut down: whatever
            # it is, the next frame may be fine.
            except Exception as error:
                self._statistics.drop('not computed')
                self._complain(f'frame dropped: {one_line(error)}')

    def _compute(self, frame: Frame) -> None:
        started_s = time.monotonic()
        predictor, maker = self.pipeline
        prediction = predictor.predict(frame.pixels, frame.camera)
        seconds = {
            'waiting': started_s - frame.arrived_s,
            'preprocess': prediction.preprocess_s,
            'inference': prediction.inference_s,
            'postprocess': 0.0,
            'publish': 0.0,
        }
        if frame.transport_s is not None:
            seconds['transport'] = frame.transport_s
        for topic, publish in self._wanted().items():
            times_s = [time.monotonic()]
            message = maker.message(topic, frame.header, prediction)
            times_s.append(time.monotonic())
            publish(message)
            times_s.append(time.monotonic())
            seconds['postprocess'] += times_s[1] - times_s[0]
            seconds['publish'] += times_s[2] - times_s[1]
        self._statistics.published(seconds, prediction.mean_confidence)
