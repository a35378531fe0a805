"""Problems in image headers that make consumers drop the outputs; no ROS."""

from __future__ import annotations

from monodepth_ros.messages.decode import NS_PER_S

# A stamp further from the node's clock comes from another clock.
MAX_AHEAD_S, MAX_BEHIND_S = 1.0, 10.0
DROPPED = 'tf2, message filters and rviz drop their depth'


def is_plausible(age_s: float) -> bool:
    """Return whether an image may be so old at arrival, or from the future if negative."""
    return -MAX_AHEAD_S <= age_s <= MAX_BEHIND_S


def age_remarks(stamp_ns: int, now_ns: int) -> list[str]:
    """Return what is wrong with an image's stamp, or with the node's clock at its arrival."""
    if not now_ns:
        return [
            'use_sim_time is true, but nothing is published on /clock, so the age of images is '
            'unknown; play the bag with `--clock`, or set use_sim_time to false'
        ]
    if not stamp_ns:
        return [
            'images have zero stamps, so tf2 uses the latest pose instead of theirs, and message '
            'filters find no partner; let the driver stamp them'
        ]
    age_s = (now_ns - stamp_ns) / NS_PER_S
    if is_plausible(age_s):
        return []
    ahead = age_s < 0
    relation, limit_s = ('ahead of', MAX_AHEAD_S) if ahead else ('behind', MAX_BEHIND_S)
    return [
        f"image stamps are {abs(age_s):.1f} s {relation} this node's clock, expected at most "
        f'{limit_s:g} s: {DROPPED}; let the driver stamp with the time of day and synchronise the '
        'clocks of the machines; play a bag with `--clock` and set use_sim_time in all nodes'
    ]


def frame_remarks(frame_id: str) -> list[str]:
    """Return what is wrong with the frame_id of an image."""
    if not frame_id:
        return [f'images have an empty frame_id: {DROPPED}; let the driver set it']
    if frame_id.startswith('/'):
        return [
            f'images have the frame_id {frame_id!r}, and tf2 knows no names that begin with a '
            f'slash: {DROPPED}; let the driver leave out the slash'
        ]
    return []
