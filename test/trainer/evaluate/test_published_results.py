"""When the papers' rows may stand beside one's own."""

from __future__ import annotations

from trainer.evaluate.published_results import published_results

EIGEN = {'benchmark': 'kitti raw', 'cap_m': 80.0, 'garg': True, 'median_scaling': False}


def test_the_papers_rows_are_those_of_the_same_protocol():
    assert published_results(**EIGEN)[0].abs_rel == 0.148
    assert published_results(**EIGEN | {'cap_m': 50.0})[0].abs_rel == 0.140
    stereo = {'benchmark': 'kitti stereo 2015', 'garg': False}
    assert published_results(**EIGEN | stereo)[0].d1_all == 30.27


def test_another_protocol_has_none():
    for change in (
        {'benchmark': None},
        {'cap_m': 70.0},
        {'garg': False},
        {'median_scaling': True},
        {'benchmark': 'kitti stereo 2015'},
    ):
        assert published_results(**EIGEN | change) == ()


def test_rows_that_were_not_checked_say_so():
    stereo = EIGEN | {'benchmark': 'kitti stereo 2015', 'garg': False}
    assert all(row.from_memory for row in published_results(**stereo))
    assert [row.name for row in published_results(**EIGEN) if row.from_memory] == [
        'Godard 2017 ResNet50 pp, CS+K'
    ]
