"""What share of a camera's images arrived, where stamps and camera_info can tell."""

from __future__ import annotations

import numpy as np
import pytest

from monodepth_ros.pipeline import arrivals as arrivals_module
from monodepth_ros.pipeline.arrivals import Arrivals

SECONDS = 20
MS = 1_000_000
FIRST_NS = 1_000_000 * MS


class Driver:
    """Let images and camera_info arrive, as their times in ms say; each has its time's stamp."""

    def __init__(self, monkeypatch):
        self.now_ms = 0
        monkeypatch.setattr(arrivals_module.time, 'monotonic', lambda: self.now_ms / 1000)
        self.arrivals = Arrivals()

    def run(self, images_ms, infos_ms=(), *, stamp_of=lambda ms: FIRST_NS + round(ms * MS)):
        events = [(ms, 0, self.arrivals.info) for ms in infos_ms]
        events += [(ms, 1, self.arrivals.image) for ms in images_ms]
        for ms, _, note in sorted(events, key=lambda event: event[:2]):
            self.now_ms = ms
            note(stamp_of(ms))

    def fraction(self, *, infos_of_images=True):
        return self.arrivals.arriving(infos_of_images=infos_of_images).fraction

    def reason(self):
        return self.arrivals.arriving(infos_of_images=False).reason


@pytest.fixture
def driver(monkeypatch):
    return Driver(monkeypatch)


def _every(period_ms, *, seconds=SECONDS):
    return list(range(0, 1000 * seconds, period_ms))


def _without(times, share, seed=0):
    """Keep such a share of the times, at random."""
    kept = np.random.default_rng(seed).random(len(times)) < share
    return [ms for ms, keep in zip(times, kept, strict=True) if keep]


def test_what_arrives_as_it_is_sent_is_whole(driver):
    driver.run(_every(100), _every(100))
    assert driver.fraction() == 1
    assert driver.fraction(infos_of_images=False) == 1
    assert driver.arrivals.info_hz == pytest.approx(10, rel=0.02)


def test_images_whose_camera_info_came_alone_are_missing(driver):
    driver.run(_every(200), _every(100))
    assert driver.fraction() == pytest.approx(0.5, abs=0.01)
    # Of one image in two there is nothing to see in the stamps of the images alone.
    assert driver.fraction(infos_of_images=False) == 1


@pytest.mark.parametrize('share', [0.9, 0.54, 0.29])
def test_images_that_get_lost_at_random_are_missing_by_either_sign(driver, share):
    times = _every(50)
    driver.run(_without(times, share), times)
    by_infos, by_gaps = driver.fraction(), driver.fraction(infos_of_images=False)
    assert by_infos == pytest.approx(share, abs=0.1)
    assert by_gaps == pytest.approx(by_infos, abs=0.03)


def test_jitter_of_stamps_is_no_gap(driver):
    jitter_ms = np.random.default_rng(0).uniform(-8, 8, 10 * SECONDS)
    driver.run(_without([ms + j for ms, j in zip(_every(100), jitter_ms, strict=True)], 0.6))
    assert driver.fraction() == pytest.approx(0.6, abs=0.1)


@pytest.mark.parametrize(
    'infos_ms',
    [[], [0], _every(1000), [ms + 7 for ms in _every(33)], _every(500)],
    ids=['none', 'latched', 'seldom', 'by a timer', 'one in five'],
)
def test_camera_info_that_does_not_come_with_each_image_tells_nothing(driver, infos_ms):
    driver.run(_every(100), infos_ms)
    assert driver.fraction() == 1


def test_camera_info_of_another_node_tells_nothing(driver):
    """As where a topic is throttled, and its camera_info is not."""
    driver.run(_every(100), _every(50))
    assert driver.fraction(infos_of_images=False) == 1


def test_camera_info_of_a_second_publisher_that_left_is_not_counted(driver):
    times = _every(100)
    driver.run(times, [*times, *(ms + 50 for ms in times)])
    assert driver.fraction(infos_of_images=False) == 1
    driver.run(
        [SECONDS * 1000 + ms for ms in times[:50]], [SECONDS * 1000 + ms for ms in times[:50]]
    )
    assert driver.fraction() == 1


def test_an_irregular_driver_is_no_loss(driver):
    gaps_ms = np.random.default_rng(0).uniform(40, 160, 10 * SECONDS)
    times = np.cumsum(gaps_ms).tolist()
    driver.run(times)
    assert driver.fraction() is None
    assert driver.reason() == 'the stamps have no steady period'
    # Not even one that leaves out frames by itself, where its camera_info says so.
    times = _without(_every(50, seconds=SECONDS * 2), 0.5, seed=1)
    driver.run([20_000 + ms for ms in times], [20_000 + ms for ms in times])
    assert driver.fraction() == 1


def test_a_camera_that_pauses_lost_nothing(driver):
    times = [ms for ms in _every(100) if not 14_000 < ms < 16_000]
    driver.run(times)
    assert driver.fraction() == 1


def test_the_first_seconds_tell_nothing(driver):
    driver.run(_every(200, seconds=9), _every(100, seconds=9))
    assert driver.fraction() is None
    assert driver.reason() == 'no 10 s of rising stamps yet'


def test_zero_stamps_tell_nothing(driver):
    driver.run(_every(200), _every(100), stamp_of=lambda ms: 0)
    assert driver.fraction() is None


def test_a_replay_that_loops_begins_anew(driver):
    driver.run(_every(200), _every(100), stamp_of=lambda ms: FIRST_NS + (ms % 4000) * MS)
    assert driver.fraction() is None
    driver.run(
        [20_000 + ms for ms in _every(100, seconds=12)],
        [20_000 + ms for ms in _every(100, seconds=12)],
        stamp_of=lambda ms: FIRST_NS + (ms - 20_000) * MS,
    )
    assert driver.fraction() == 1


def test_few_images_tell_nothing(driver):
    driver.run(_every(2000), _every(2000))
    assert driver.fraction() is None
    assert driver.reason() == 'fewer than 11 images in 10 s'


def test_the_worst_loss_is_seen_by_camera_info_and_unknown_with_the_reason_by_gaps(driver):
    times = _every(100)
    driver.run(_without(times, 0.07), times)
    assert driver.fraction() == pytest.approx(0.07, abs=0.04)
    assert driver.fraction(infos_of_images=False) is None
    assert driver.reason() == 'fewer than 11 images in 10 s'


@pytest.mark.parametrize('bright_s', [11, 13, 17, 19])
def test_a_camera_that_halves_its_rate_in_dim_light_lost_nothing(driver, bright_s):
    times = _every(33)
    dim = [ms for n, ms in enumerate(times) if ms < 1000 * bright_s or n % 2]
    driver.run(dim)
    assert driver.fraction() == pytest.approx(1, abs=0.01)
    # Nor one that changes between both.
    changing = [60_000 + ms for n, ms in enumerate(times) if ms % 3000 < 1500 or n % 2]
    driver.run(changing)
    assert driver.fraction() == pytest.approx(1, abs=0.03)


def test_no_more_than_all_images_arrive(driver):
    """One image between two others, now and then, by a trigger of its own."""
    between = [ms + 50 for ms in _every(2000)]
    driver.run(sorted(_every(100) + between))
    assert driver.fraction() == 1


def test_loss_in_bursts_of_half_a_second_is_no_pause(driver):
    driver.run([ms for ms in _every(33) if ms % 2000 < 1500])
    assert driver.fraction() == pytest.approx(0.75, abs=0.03)
