"""The thread that turns cameras' images into messages, always the newest ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Condition, Thread
import time
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from monodepth_ros.common.errors import one_line
from monodepth_ros.core.camera import Camera
from monodepth_ros.pipeline.outputs import OutputMaker
from monodepth_ros.pipeline.predictor import Predictor
from monodepth_ros.pipeline.statistics import FrameStatistics, TRANSPORT

T = TypeVar('T')


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


class DepthMaker:
    """
    Makes and publishes what is wanted of one camera's frames.

    pipeline: may be replaced at any time, from the next frame on. wanted: asked for the topics
    that somebody listens to, each with how to publish on it. complain: given what a frame raised.
    failures: how many frames in a row could not be computed; last_failure: why.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        wanted: Callable[[], dict[str, Callable[[Any], None]]],
        complain: Callable[[Exception], None],
    ) -> None:
        self.pipeline = pipeline
        self._wanted = wanted
        self._complain = complain
        self.start_counting()

    def start_counting(self) -> None:
        """Begin with new statistics, and no failures."""
        self.statistics = FrameStatistics()
        self.failures, self.last_failure = 0, ''

    def make(self, frame: Frame) -> None:
        """Compute a frame and publish; raises nothing."""
        try:
            self._make(frame)
            self.failures = 0
        # Of an engine, a camera that cannot be served, a context that was shut down: whatever it
        # is, the next frame may be fine.
        except Exception as error:
            self.failures, self.last_failure = self.failures + 1, one_line(error)
            self.statistics.drop('not computed')
            self._complain(error)

    def _make(self, frame: Frame) -> None:
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
            seconds[TRANSPORT] = frame.transport_s
        for topic, publish in self._wanted().items():
            times_s = [time.monotonic()]
            message = maker.message(topic, frame.header, prediction)
            times_s.append(time.monotonic())
            publish(message)
            times_s.append(time.monotonic())
            seconds['postprocess'] += times_s[1] - times_s[0]
            seconds['publish'] += times_s[2] - times_s[1]
        self.statistics.published(seconds, prediction.mean_confidence)


class NewestOfEach(Generic[T]):
    """
    Whoever puts never waits; whoever takes gets the newest of a source, once.

    The sources take turns: of those with something waiting it is the one served longest ago.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        # By source, the one served longest ago first; None: nothing waits.
        self._waiting: OrderedDict[Hashable, T | None] = OrderedDict()
        self._closed = False

    def put(self, source: Hashable, value: T) -> bool:
        """Leave a value; returns whether it took the place of one that nobody took."""
        with self._changed:
            displaced = self._waiting.get(source) is not None
            self._waiting[source] = value
            self._changed.notify()
            return displaced

    def take(self) -> T | None:
        """Wait for a value; None when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._ready())
            if self._closed:
                return None
            source = self._ready()[0]
            value, self._waiting[source] = self._waiting[source], None
            self._waiting.move_to_end(source)
            return value

    def close(self) -> None:
        """Whoever waits, now or later, gets None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _ready(self) -> list[Hashable]:
        return [source for source, value in self._waiting.items() if value is not None]


class DepthWorker:
    """One thread for the frames of all cameras, which take turns."""

    def __init__(self) -> None:
        self._busy_since_s: float | None = None
        self._waiting: NewestOfEach[tuple[DepthMaker, Frame]] = NewestOfEach()
        self._thread = Thread(target=self._run, name='depth worker')
        self._thread.start()

    def offer(self, maker: DepthMaker, frame: Frame) -> None:
        """Have a frame made, unless a newer one comes before its turn; never waits."""
        if self._waiting.put(maker, (maker, frame)):
            maker.statistics.drop('a newer one came')

    @property
    def busy_s(self) -> float:
        """For how long it has been at its present frame, whose engine may be built; 0: at none."""
        since_s = self._busy_since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    def close(self) -> None:
        """Wait for the frame that is being made, and end."""
        self._waiting.close()
        self._thread.join()

    def _run(self) -> None:
        while (waiting := self._waiting.take()) is not None:
            maker, frame = waiting
            self._busy_since_s = time.monotonic()
            maker.make(frame)
            self._busy_since_s = None
