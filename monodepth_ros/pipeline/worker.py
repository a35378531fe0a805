"""The worker thread that turns images of cameras into messages, always the latest images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Condition, Thread
import time
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from monodepth_ros.common.errors import one_line
from monodepth_ros.core.camera import Camera
from monodepth_ros.pipeline.outputs import OutputEncoder
from monodepth_ros.pipeline.predictor import Predictor
from monodepth_ros.pipeline.statistics import FrameStatistics, TRANSPORT

T = TypeVar('T')


class CameraFrame(NamedTuple):
    """
    An image ready for computation.

    pixels: (H, W, 3) RGB or (H, W) grey uint8, of the camera's size.
    arrived_s: time.monotonic() at arrival.
    transport_s: age of the image at arrival; None if its stamp and the clock do not agree.
    """

    header: Any
    pixels: np.ndarray
    camera: Camera
    arrived_s: float
    transport_s: float | None


class Pipeline(NamedTuple):
    """The predictor and the encoder of messages, replaced together."""

    predictor: Predictor
    encoder: OutputEncoder


class FrameProcessor:
    """
    Computes the frames of one camera and publishes the topics that have subscribers.

    pipeline: may be replaced at any time, which takes effect at the next frame.
    wanted: returns the topics that have subscribers, each with its publish function.
    log_loss: called with the error of a failed frame.
    failures: number of frames that failed in a row.
    last_failure: reason of the last failure.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        wanted: Callable[[], dict[str, Callable[[Any], None]]],
        log_loss: Callable[[Exception], None],
    ) -> None:
        self.pipeline = pipeline
        self._wanted = wanted
        self._log_loss = log_loss
        self.start_counting()

    def start_counting(self) -> None:
        """Start new statistics, without failures."""
        self.statistics = FrameStatistics()
        self.failures, self.last_failure = 0, ''

    def process(self, frame: CameraFrame) -> None:
        """Compute a frame and publish the results; never raises."""
        try:
            self._process(frame)
            self.failures = 0
        # After any error, e.g. of an engine or of a context that was shut down, the next frame may
        # succeed.
        except Exception as error:
            self.failures, self.last_failure = self.failures + 1, one_line(error)
            self.statistics.drop('not computed')
            self._log_loss(error)

    def _process(self, frame: CameraFrame) -> None:
        started_s = time.monotonic()
        predictor, encoder = self.pipeline
        prediction = predictor.predict(frame.pixels, frame.camera)
        seconds = {
            'waiting': started_s - frame.arrived_s,
            'preprocess': prediction.preprocess_s,
            'inference': prediction.inference_s,
            'postprocess': 0.0,
            'publish': 0.0,
        }
        if frame.transport_s is not None:
            seconds[TRANSPORT] = frame.transport_s
        for topic, publish in self._wanted().items():
            times_s = [time.monotonic()]
            message = encoder.message(topic, frame.header, prediction)
            times_s.append(time.monotonic())
            publish(message)
            times_s.append(time.monotonic())
            seconds['postprocess'] += times_s[1] - times_s[0]
            seconds['publish'] += times_s[2] - times_s[1]
        self.statistics.published(seconds, prediction.mean_confidence)


class LatestPerSource(Generic[T]):
    """
    A queue that keeps the latest value of each source; put never waits.

    The sources take turns: take returns a value of the source that was served longest ago.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        # Values by source, the source served longest ago first; None: no value waits.
        self._waiting: OrderedDict[Hashable, T | None] = OrderedDict()
        self._closed = False

    def put(self, source: Hashable, value: T) -> bool:
        """Put a value; return whether it replaced one that was never taken."""
        with self._changed:
            displaced = self._waiting.get(source) is not None
            self._waiting[source] = value
            self._changed.notify()
            return displaced

    def take(self) -> T | None:
        """Wait for a value and return it; None when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._ready())
            if self._closed:
                return None
            source = self._ready()[0]
            value, self._waiting[source] = self._waiting[source], None
            self._waiting.move_to_end(source)
            return value

    def close(self) -> None:
        """Make every present and later take return None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _ready(self) -> list[Hashable]:
        return [source for source, value in self._waiting.items() if value is not None]


class DepthWorker:
    """A thread that computes the frames of all cameras in turn."""

    def __init__(self) -> None:
        self._busy_since_s: float | None = None
        self._waiting: LatestPerSource[tuple[FrameProcessor, CameraFrame]] = LatestPerSource()
        self._thread = Thread(target=self._run, name='depth worker')
        self._thread.start()

    def offer(self, processor: FrameProcessor, frame: CameraFrame) -> None:
        """Queue a frame, unless a newer one comes before its turn; never waits."""
        if self._waiting.put(processor, (processor, frame)):
            processor.statistics.drop('a newer one came')

    @property
    def busy_s(self) -> float:
        """
        Return the time since the start of the present frame, also while an engine is built.

        The result is 0 while no frame is computed.
        """
        since_s = self._busy_since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    def close(self) -> None:
        """Finish the present frame and end the thread."""
        self._waiting.close()
        self._thread.join()

    def _run(self) -> None:
        while (waiting := self._waiting.take()) is not None:
            processor, frame = waiting
            self._busy_since_s = time.monotonic()
            processor.process(frame)
            self._busy_since_s = None
