"""Fast DDS takes our profile, and what the user chose stays."""

from __future__ import annotations

from pathlib import Path
import xml.etree.ElementTree as ET

import pytest

from monodepth_ros.ros.dds_profile import PROFILE_VARIABLES, profile_variables, TRANSPORTS_VARIABLE
from test.helpers.participant import running_participant

PROFILE = Path(__file__).parents[2] / 'config' / 'fastdds.xml'
# Messages are cut to what UDP carries.
FRAGMENT = 65_500


def _value(tag):
    return int(next(ET.parse(PROFILE).iter(f'{{http://www.eprosima.com}}{tag}')).text)


def test_a_participant_has_the_segment_of_the_profile(monkeypatch):
    for name in (*PROFILE_VARIABLES, TRANSPORTS_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    with running_participant(profile_variables(PROFILE, {})) as participant:
        (size,) = [path.stat().st_size for path in participant.segments]
    # What Fast DDS books of it comes on top.
    assert 1 < size / _value('segment_size') < 1.1


def test_the_queue_of_a_receiver_holds_what_the_segment_of_a_sender_holds():
    assert _value('port_queue_capacity') * FRAGMENT >= _value('segment_size')


def test_both_names_lead_to_the_profile():
    assert profile_variables(PROFILE, {}) == dict.fromkeys(PROFILE_VARIABLES, str(PROFILE))


@pytest.mark.parametrize('taken', [*PROFILE_VARIABLES, TRANSPORTS_VARIABLE])
def test_what_the_user_chose_stays_alone(taken):
    """Kilted takes a profile from either name, so that ours might win beside the user's."""
    assert profile_variables(PROFILE, {taken: 'mine'}) == {}
