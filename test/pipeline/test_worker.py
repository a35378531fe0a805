"""The worker: newest frame wins, and no frame ends it."""

from __future__ import annotations

from threading import Event
import time
from types import SimpleNamespace

import numpy as np
import pytest

from monodepth_ros.core.camera import Camera
from monodepth_ros.inference.load import load_backend
from monodepth_ros.pipeline import worker as worker_module
from monodepth_ros.pipeline.predictor import Predictor
from monodepth_ros.pipeline.worker import CameraFrame, DepthWorker, FrameProcessor, Pipeline
from test.helpers.tiny_model import CAMERA, red_image

TRAINED = Camera.pinhole(CAMERA)
WAIT_S = 20.0


class OneMessage:
    """Stands for OutputEncoder: the message is the header and the depth of a pixel."""

    def message(self, topic, header, prediction):
        return header, float(prediction.depth_m[30, 60])


class Worker:
    """A DepthWorker with one camera over the tiny model, whose publishing can be held up."""

    def __init__(self, model):
        self.published, self.complaints = [], []
        self.go_on, self.busy = Event(), Event()
        self.go_on.set()
        self.processor = FrameProcessor(
            Pipeline(Predictor(load_backend(model)), OneMessage()),
            wanted=lambda: {'depth': self._publish},
            log_loss=self.complaints.append,
        )
        self.worker = DepthWorker()

    def offer(self, name, image=None, transport_s=None):
        image = red_image(51, width=128, height=64) if image is None else image
        frame = CameraFrame(name, image, TRAINED, time.monotonic(), transport_s)
        self.worker.offer(self.processor, frame)

    def wait_for(self, number):
        deadline = time.monotonic() + WAIT_S
        while len(self.published) + len(self.complaints) < number:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def wait_until_idle(self):
        while self.worker.busy_s:
            time.sleep(0.001)

    def _publish(self, message):
        self.busy.set()
        assert self.go_on.wait(WAIT_S)
        self.published.append(message)


@pytest.fixture
def worker(red_disparity_model):
    made = Worker(red_disparity_model)
    yield made
    made.go_on.set()
    made.worker.close()


def test_of_the_frames_that_come_meanwhile_the_newest_is_computed_next(worker):
    worker.go_on.clear()
    worker.offer('first')
    assert worker.busy.wait(WAIT_S)
    for name in ('second', 'third', 'fourth'):
        started_s = time.monotonic()
        worker.offer(name)
        assert time.monotonic() - started_s < 1, 'it waited for the frame before it'
    worker.go_on.set()
    worker.wait_for(2)
    # Disparity 51 / 1020 of 128 px is 6.4 px: 64 px * 0.5 m / 6.4 px.
    assert worker.published == [('first', pytest.approx(5.0)), ('fourth', pytest.approx(5.0))]
    assert worker.processor.statistics.summary().dropped == {'a newer one came': 2}


def test_a_frame_that_fails_is_told_and_counted_and_the_next_one_comes_out(worker):
    worker.offer('bad', np.zeros((10, 10, 3), np.uint8))
    worker.wait_for(1)
    worker.offer('good')
    worker.wait_for(2)
    assert [name for name, _ in worker.published] == ['good']
    assert 'got an image of 10 x 10' in str(worker.complaints[0])
    assert worker.processor.statistics.summary().dropped == {'not computed': 1}


def test_failures_are_counted_in_a_row_and_from_each_start_anew(worker):
    bad, numbers = np.zeros((10, 10, 3), np.uint8), []
    for number, image in enumerate((bad, bad, None, bad), start=1):
        worker.offer(number, image)
        worker.wait_for(number)
        worker.wait_until_idle()
        numbers.append(worker.processor.failures)
    assert numbers == [1, 2, 0, 1]
    assert 'got an image of 10 x 10' in worker.processor.last_failure
    worker.processor.start_counting()
    assert (worker.processor.failures, worker.processor.last_failure) == (0, '')


def test_a_frame_waits_from_its_arrival_to_its_turn(worker):
    worker.go_on.clear()
    worker.offer('first')
    assert worker.busy.wait(WAIT_S)
    worker.offer('second')
    time.sleep(0.2)
    worker.go_on.set()
    worker.wait_for(2)
    worker.worker.close()
    waited = worker.processor.statistics.summary().latency['waiting']
    assert 200 <= waited.max_ms < 1000 * WAIT_S
    assert waited.p50_ms >= 0


def test_how_long_a_frame_takes_is_known_before_it_ends(worker):
    assert worker.worker.busy_s == 0
    worker.go_on.clear()
    started_s = time.monotonic()
    worker.offer('first')
    assert worker.busy.wait(WAIT_S)
    time.sleep(0.1)
    assert 0.1 <= worker.worker.busy_s <= time.monotonic() - started_s
    worker.go_on.set()
    worker.wait_for(1)
    worker.worker.close()
    assert worker.worker.busy_s == 0


def test_the_time_of_each_stage_is_kept(worker):
    worker.offer('first', transport_s=0.5)
    worker.wait_for(1)
    worker.worker.close()
    latency = worker.processor.statistics.summary().latency
    assert list(latency) == [
        'transport', 'waiting', 'preprocess', 'inference', 'postprocess', 'publish', 'total',
    ]  # fmt: skip
    assert latency['transport'].p50_ms == 500
    assert latency['total'].p50_ms > 500
    assert all(stage.p50_ms >= 0 for stage in latency.values())


def test_a_replaced_pipeline_holds_from_the_next_frame_on(worker, red_disparity_model):
    worker.offer('first')
    worker.wait_for(1)
    near = Predictor(load_backend(red_disparity_model), max_depth_m=4.0)
    worker.processor.pipeline = Pipeline(near, OneMessage())
    worker.offer('second')
    worker.wait_for(2)
    assert worker.published[1] == ('second', np.inf)


def test_closing_waits_for_the_frame_that_is_computed(worker):
    worker.offer('first')
    assert worker.busy.wait(WAIT_S)
    worker.worker.close()
    assert [name for name, _ in worker.published] == ['first']


def test_each_stage_has_its_own_time(red_disparity_model, monkeypatch):
    now_s = [1000.0]
    monkeypatch.setattr(worker_module, 'time', SimpleNamespace(monotonic=lambda: now_s[0]))

    def taking(seconds, function):
        """The function, which takes so long of this clock."""

        def slow(*arguments):
            now_s[0] += seconds
            return function(*arguments)

        return slow

    predictor, messages = Predictor(load_backend(red_disparity_model)), OneMessage()
    predictor.predict = taking(7.0, predictor.predict)
    messages.message = taking(3.0, messages.message)
    publish = taking(5.0, lambda message: None)
    processor = FrameProcessor(
        Pipeline(predictor, messages),
        wanted=lambda: {'depth': publish, 'points': publish},
        log_loss=pytest.fail,
    )
    processor.process(
        CameraFrame('first', red_image(51, width=128, height=64), TRAINED, 998.0, 0.5)
    )
    latency = processor.statistics.summary().latency
    stages = {stage: latency[stage].max_ms for stage in ('transport', 'waiting')}
    assert stages == {'transport': 500, 'waiting': 2000}
    assert latency['postprocess'].max_ms == 2 * 3000
    assert latency['publish'].max_ms == 2 * 5000
