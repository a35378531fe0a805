"""What is told of headers, at the limits."""

from __future__ import annotations

import pytest

from monodepth_ros.pipeline.header_remarks import age_remarks, frame_remarks, is_plausible

NS_PER_S = 1_000_000_000


@pytest.mark.parametrize(
    ('age_s', 'words'),
    [
        (-1.1, "1.1 s ahead of this node's clock, expected at most 1 s"),
        (-0.9, None),
        (9.9, None),
        (10.1, "10.1 s behind this node's clock, expected at most 10 s"),
    ],
)
def test_a_stamp_of_another_clock_is_told_with_the_figure(age_s, words):
    remarks = age_remarks(100 * NS_PER_S, 100 * NS_PER_S + round(age_s * NS_PER_S))
    assert is_plausible(age_s) == (not remarks) == (words is None)
    assert all(words in remark for remark in remarks)


def test_zero_stamps_are_told_as_what_they_are():
    (remark,) = age_remarks(0, 17 * 10**17)
    assert remark.startswith('images have zero stamps')


@pytest.mark.parametrize('stamp_ns', [0, 17 * 10**17])
def test_a_clock_that_stands_at_zero_is_told_instead_of_the_stamps(stamp_ns):
    (remark,) = age_remarks(stamp_ns, 0)
    assert remark.startswith('use_sim_time is true, but nothing is published on /clock')


@pytest.mark.parametrize(
    ('frame_id', 'words'), [('', 'empty frame_id'), ('/camera', 'begin with a slash')]
)
def test_a_frame_that_tf2_cannot_know_is_told(frame_id, words):
    (remark,) = frame_remarks(frame_id)
    assert words in remark
    assert not frame_remarks('camera_optical_frame')
