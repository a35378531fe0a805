"""Each kind of recording that cannot be read has its own remedy."""

from __future__ import annotations

import re
import struct

import pytest
from rosbags.rosbag2 import CompressionMode, StoragePlugin

from monodepth_ros.storage.bag import Bag, BagError, is_recording
from test.helpers.camera_bags import IMAGE, INFO, info, red_frame, write_messages
from test.helpers.recordings import copy_bag

# Where a footer says that the summary begins.
SUMMARY_AT = slice(-28, -20)


@pytest.fixture
def bag(tmp_path):
    """A recording whose second image was recorded late."""
    return write_messages(
        tmp_path / 'b', (INFO, info(1)), (IMAGE, red_frame(3)), (IMAGE, red_frame(2))
    )


def _replaced(file, old, new):
    data = file.read_bytes()
    assert old in data
    file.write_bytes(data.replace(old, new))


def _write(name, data):
    def write(bag):
        (bag / name).write_bytes(data)

    return write


def _metadata(old, new):
    return lambda bag: _replaced(bag / 'metadata.yaml', old, new)


def _cut(bag):
    file = bag / 'b.mcap'
    file.write_bytes(file.read_bytes()[:-40])


def _without_index(bag):
    file = bag / 'b.mcap'
    data = bytearray(file.read_bytes())
    (start,) = struct.unpack('<Q', data[SUMMARY_AT])
    data[SUMMARY_AT] = bytes(8)
    file.write_bytes(data[:start] + data[-37:])


def _as_database(bag):
    copy = copy_bag(bag, bag / 'copy', StoragePlugin.SQLITE3, CompressionMode.NONE)
    (copy / 'copy.db3').write_bytes((copy / 'copy.db3').read_bytes()[:5000])
    return copy


def _unsupported_chunks(bag):
    copy = copy_bag(bag, bag / 'copy', StoragePlugin.MCAP, CompressionMode.STORAGE)
    _replaced(copy / 'copy.mcap', b'\x04\0\0\0zstd', b'\x04\0\0\0lzma')
    return copy


def _compressed(bag):
    copy = copy_bag(bag, bag / 'copy', StoragePlugin.MCAP, CompressionMode.FILE)
    return copy / 'copy.mcap.zstd'


def _ros1(bag):
    file = bag / 'b.bag'
    file.write_bytes(b'#ROSBAG V2.0\n')
    return file


def _called_mcap(bag):
    return _ros1(bag).rename(bag / 'b.mcap')


def _text(bag):
    file = bag / 'notes.txt'
    file.write_text('nothing to see')
    return file


def _without_metadata(bag):
    (bag / 'metadata.yaml').unlink()


def _killed(bag):
    _without_metadata(bag)
    _cut(bag)


def _without_file(bag):
    (bag / 'b.mcap').unlink()


POINTER = b'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n'
BAD_METADATA = r'its metadata\.yaml is damaged: give the \.mcap or \.db3 file instead'


# What is done to the recording, and may name another path to open; what is said.
@pytest.mark.parametrize(
    ('spoil', 'words'),
    [
        (_text, r'notes\.txt is no recording, expected a rosbag2 folder'),
        (_ros1, r'b\.bag is of ROS 1: convert it with `rosbags-convert --src .*--dst-typestore'),
        (_called_mcap, r'b\.mcap is of ROS 1: convert'),
        (_compressed, r'copy\.mcap\.zstd is compressed: give its folder, or .*`unzstd '),
        (_without_metadata, r'no metadata\.yaml\); give /\S+/b\.mcap, or run `ros2 bag reindex '),
        (_killed, r'no metadata\.yaml\), and /\S+/b\.mcap is truncated, .*`mcap recover'),
        (_cut, r'b\.mcap is truncated, or its recorder was killed: copy it again, or .*`mcap rec'),
        (_write('b.mcap', b''), r'b\.mcap is empty: copy it again'),
        (_write('b.mcap', POINTER), r'b\.mcap is only a pointer of Git LFS: `git lfs pull`'),
        (_write('b.mcap', b'<html>' * 20), r'b\.mcap is no mcap file'),
        (_write('metadata.yaml', b''), BAD_METADATA),
        (_write('metadata.yaml', b'{:'), BAD_METADATA),
        (_write('metadata.yaml', b'\xff'), BAD_METADATA),
        (_write('metadata.yaml', b'rosbag2_bagfile_information: {version: 5}'), BAD_METADATA),
        (_metadata(b'version: 9', b'version: 99'), 'newer than this rosbags: update that'),
        (_metadata(b'identifier: mcap', b"identifier: ''"), 'should say mcap or sqlite3: correct'),
        (
            _metadata(
                b"compression_format: ''\n  compression_mode: ''",
                b'compression_format: lz4\n  compression_mode: file',
            ),
            "'lz4' is not supported.*only zstd is read: convert it with `ros2 bag convert`",
        ),
        (_unsupported_chunks, 'only zstd and lz4 are read: .*`mcap compress'),
        (_without_file, r"missing: \['\S+/b\.mcap'\].*copy the whole folder again"),
        (_as_database, r'it is damaged: copy it again, or .*`sqlite3 FILE \.recover'),
        (_without_index, 'it has no index: make one with `mcap recover'),
        (
            lambda bag: _replaced(bag / 'b.mcap', b'\x04\0\0\0ros2', b'\x04\0\0\0ros1'),
            'another system than ROS 2: record with `ros2 bag record`',
        ),
    ],
)
def test_what_cannot_be_read_has_a_remedy_of_its_own(bag, spoil, words):
    path = spoil(bag) or bag
    with pytest.raises(BagError) as caught, Bag(path) as recording:
        list(recording.messages(IMAGE))
    text = str(caught.value)
    assert re.search(words, text)
    assert ('truncated' in text) == ('truncated' in words)
    assert '\n' not in text


def test_what_is_left_of_a_recording_is_known_as_one(tmp_path, bag):
    assert is_recording(bag)
    _without_metadata(bag)
    assert is_recording(bag)
    assert is_recording(bag / 'b.mcap')
    # Frames were taken out of it: the folder is of images.
    (bag / '0.PNG').write_bytes(b'')
    assert not is_recording(bag)
    assert not is_recording(tmp_path)
    assert not is_recording(tmp_path / 'none')
