"""Which pairs ingest leaves out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from test.helpers.recordings import textured
from trainer.ingest.config import IngestConfig
from trainer.ingest.selection import look_at, MEMORY, motion_percent, Selection


def _look(frame, change=lambda image: image):
    return look_at(textured('left', frame), change(textured('right', frame)))


def _blurred(image):
    return cv2.GaussianBlur(image, (0, 0), 5)


def test_motion_by_hand():
    # 3 px of 64 from one frame to the next.
    percent = motion_percent(_look(0).small, _look(1).small)
    assert percent == pytest.approx(100 * 3 / 64, rel=0.05)
    assert motion_percent(_look(0).small, _look(0).small) == pytest.approx(0, abs=1e-3)


def test_before_a_bare_wall_motion_is_unknown_and_the_pair_kept():
    bare = np.full((48, 64), 100, np.uint8)
    assert motion_percent(bare, bare) is None
    selection = Selection(IngestConfig())
    assert [selection.judge(look_at(bare, bare)) for _ in range(2)] == [None, None]


def test_another_place_is_not_standing_still():
    selection = Selection(IngestConfig())
    assert selection.judge(_look(0)) is None
    other = np.ascontiguousarray(textured('left', 0)[::-1, ::-1])
    assert selection.judge(look_at(other, other)) is None


def test_brightness_is_that_of_the_darker_view_and_white_that_of_the_brighter_one():
    dark, white = np.full((48, 64), 7, np.uint8), np.full((48, 64), 100, np.uint8)
    white[:, :16] = 255
    look = look_at(white, dark)
    assert look.brightness == pytest.approx(7)
    assert look.blown_out == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    ('change', 'why'),
    [
        (lambda image: image // 20, 'dark'),
        (lambda image: np.full_like(image, 255), 'blown out'),
        (_blurred, 'blurred'),
        (lambda image: image, None),
    ],
)
def test_one_view_is_enough_to_leave_a_pair_out(change, why):
    selection = Selection(IngestConfig())
    assert selection.judge(_look(0)) is None
    assert selection.judge(_look(1, change)) == why


def test_a_robot_that_stands_still_is_left_out_until_it_has_moved_far_enough():
    selection = Selection(IngestConfig(min_motion=10))
    # 3 px are 4.7 % of the width: 9.4 % after two frames, 14 % after three.
    verdicts = [selection.judge(_look(frame)) for frame in (0, 0, 1, 2, 3, 4)]
    assert verdicts == [None, 'still', 'still', 'still', None, 'still']


def test_what_stays_soft_is_a_scene_not_a_blur():
    selection = Selection(IngestConfig(min_motion=0))
    verdicts = [selection.judge(_look(frame)) for frame in range(5)]
    verdicts += [selection.judge(_look(frame, _blurred)) for frame in range(5, 5 + MEMORY)]
    assert verdicts[5] == 'blurred'
    assert verdicts[-1] is None
