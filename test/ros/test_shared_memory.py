"""What killed processes left goes; what anybody holds, and what is not Fast DDS', stays."""

from __future__ import annotations

import fcntl
import os
import signal
import time

import pytest
import rclpy
from std_msgs.msg import String

from monodepth_ros.ros.shared_memory import remove_abandoned
from test.helpers.live_node import SpinningNode
from test.helpers.participant import running_participant
from test.helpers.shared_memory_watch import nothing_left_in_shared_memory, OWNER_VARIABLE

SEGMENT = 'fastrtps_0123456789abcdef'
PORT = 'fastdds_port7411'
WAIT_S = 10.0
# A process with this is none that the test started.
OF_ANOTHER = {OWNER_VARIABLE: 'another'}


def test_after_sigkill_the_memory_is_freed_and_a_living_listener_still_hears(domain):
    with running_participant() as living, running_participant() as killed:
        killed.process.send_signal(signal.SIGKILL)
        killed.process.wait()
        assert all(path.exists() for path in killed.files)
        freed = _remove_until(lambda: not any(path.exists() for path in killed.files))
        assert freed > 500_000  # Fast DDS' default segment, 512 KiB
        assert all(path.exists() for path in living.files)
        _say('still there?', to=living)


def _remove_until(done):
    """Bytes freed until then: what is a second old at most is not touched."""
    deadline, freed = time.monotonic() + WAIT_S, 0
    while not done():
        assert time.monotonic() < deadline
        freed += remove_abandoned()
        time.sleep(0.1)
    return freed


def _say(line, *, to):
    rclpy.init()
    try:
        node = SpinningNode('speaker')
        publisher = node.create_publisher(String, 'said', 10)
        node.spin_until(publisher.get_subscription_count)
        publisher.publish(String(data=line))
        to.wait_for(line)
        node.destroy_node()
    finally:
        rclpy.try_shutdown()


def _make(folder, *names, age_s=60.0):
    """Files of 4096 bytes, lock files empty as they are."""
    for name in names:
        path = folder / name
        path.write_bytes(b'' if name.endswith(('_el', '_sl')) else bytes(4096))
        then = time.time() - age_s
        os.utime(path, (then, then))


def _names(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize('lock', ['_el', '_sl'])
def test_a_port_goes_with_its_mutex_and_a_segment_with_its_lock(tmp_path, lock):
    _make(tmp_path, SEGMENT, f'{SEGMENT}_el', PORT, f'{PORT}{lock}', f'sem.{PORT}_mutex')
    assert remove_abandoned(tmp_path) == 3 * 4096
    assert not _names(tmp_path)


def test_what_somebody_holds_stays(tmp_path):
    """A port whose reader holds one lock, beside an old one of the other kind that nobody does."""
    names = {SEGMENT, f'{SEGMENT}_el', PORT, f'{PORT}_el', f'{PORT}_sl'}
    _make(tmp_path, *names)
    with (tmp_path / f'{SEGMENT}_el').open() as first, (tmp_path / f'{PORT}_sl').open() as second:
        fcntl.flock(first, fcntl.LOCK_EX)
        fcntl.flock(second, fcntl.LOCK_SH)
        assert remove_abandoned(tmp_path) == 0
        assert _names(tmp_path) == names
    assert remove_abandoned(tmp_path) == 2 * 4096


def test_what_is_being_made_stays(tmp_path):
    names = {SEGMENT, f'{SEGMENT}_el'}
    _make(tmp_path, *names, age_s=0.1)
    assert remove_abandoned(tmp_path) == 0
    assert _names(tmp_path) == names


def test_what_is_not_of_fast_dds_stays(tmp_path):
    names = {
        'notes_el', 'fastrtps_notes', 'fastrtps_notes_el', f'my_{SEGMENT}', f'my_{SEGMENT}_el',
        'sem.mp-0kzn', 'fast_datasharing_01.0f', 'iox_port1_el', f'{SEGMENT}_el_copy',
    }  # fmt: skip
    _make(tmp_path, *names)
    assert remove_abandoned(tmp_path) == 0
    assert _names(tmp_path) == names


def test_without_a_lock_file_nothing_tells_whether_it_is_used(tmp_path):
    _make(tmp_path, SEGMENT, PORT)
    assert remove_abandoned(tmp_path) == 0
    assert _names(tmp_path) == {SEGMENT, PORT}


def test_a_link_is_not_followed_and_a_pipe_not_waited_for(tmp_path):
    _make(tmp_path, SEGMENT, 'target_el')
    (tmp_path / f'{SEGMENT}_el').symlink_to('target_el')
    os.mkfifo(tmp_path / f'{PORT}_el')
    remove_abandoned(tmp_path)
    assert {SEGMENT, f'{SEGMENT}_el', 'target_el'} <= _names(tmp_path)


def test_a_machine_without_such_a_folder_has_nothing_to_free(tmp_path):
    assert remove_abandoned(tmp_path / 'none') == 0


def test_a_leak_is_what_a_process_of_the_test_left_and_no_other(domain):
    with (
        pytest.raises(AssertionError, match='shared memory leaked') as leak,
        nothing_left_in_shared_memory(),
        running_participant() as ours,
        running_participant(OF_ANOTHER) as theirs,
    ):
        for participant in (ours, theirs):
            participant.process.send_signal(signal.SIGKILL)
            participant.process.wait()
    # Its port may be one that somebody else left here before.
    assert ours.segments
    assert all(repr(path.name) in str(leak.value) for path in ours.segments)
    assert not any(repr(path.name) in str(leak.value) for path in theirs.files)
    _remove_until(lambda: not any(path.exists() for path in ours.files | theirs.files))
