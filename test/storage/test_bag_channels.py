"""Recordings of which some channels are odd: what is wanted is read as if they were not there."""

from __future__ import annotations

import pytest
from rosbags.rosbag2 import StoragePlugin

from monodepth_ros.messages.image_topics import IMAGE_TYPES
from monodepth_ros.storage.bag import (
    Bag,
    BagError,
    standard_definition,
    TopicDefinition,
    TYPES,
)
from monodepth_ros.storage.bag_cameras import find_stereo
from monodepth_ros.storage.bag_writer import write_bag
from test.helpers.camera_bags import IMAGE, red_frame
from test.helpers.odd_channels import IDL, ODD, write_odd_bag


@pytest.mark.parametrize(
    ('plugin', 'name'),
    [
        (StoragePlugin.MCAP, ''),
        (StoragePlugin.MCAP, 'bag.mcap'),
        (StoragePlugin.SQLITE3, ''),
        (StoragePlugin.SQLITE3, 'bag.db3'),
    ],
)
def test_odd_channels_do_not_spoil_the_rest(tmp_path, plugin, name):
    path = write_odd_bag(tmp_path / 'bag', plugin) / name
    with Bag(tmp_path / 'plain') as plain, Bag(path) as odd:
        assert find_stereo(odd) == find_stereo(plain)
        assert odd.topics_of_type(*IMAGE_TYPES) == plain.topics_of_type(*IMAGE_TYPES)
        assert set(odd.topics) - set(plain.topics) == {'/video', '/odd/a', '/odd/b', '/odd/c'}
        assert odd.message_count(*odd.topics) == plain.message_count(*plain.topics) + 3
        for topic in plain.topics:
            assert list(odd.raw_messages(topic)) == list(plain.raw_messages(topic))
            stamps = [[m.content.header.stamp for m in b.messages(topic)] for b in (odd, plain)]
            assert stamps[0] == stamps[1]
        with pytest.raises(BagError, match='does not define own_msgs/srv/Switch_Event so'):
            list(odd.messages('/odd/a', skipped=lambda _: None))


@pytest.mark.parametrize('plugin', list(StoragePlugin))
def test_what_a_writer_can_take_of_odd_channels_is_kept(tmp_path, plugin):
    """The bytes and the text that defines them, whether or not anybody can parse it."""
    with Bag(write_odd_bag(tmp_path / 'bag', plugin)) as odd, write_bag(tmp_path / 'copy') as copy:
        assert odd.definition('/video') == 'its messages are protobuf, not cdr'
        kept = {topic: odd.definition(topic) for topic in odd.topics if topic != '/video'}
        assert [kept[f'/odd/{name}'][:2] for name in 'abc'] == list(ODD.items())
        for message in odd.raw_messages(*kept):
            at = {'recorded_ns': message.recorded_ns}
            copy.add_serialized(message.topic, kept[message.topic], message.data, **at)
    with Bag(tmp_path / 'bag') as odd, Bag(tmp_path / 'copy') as made:
        assert made.topics == sorted(kept)
        for topic in made.topics:
            assert list(made.raw_messages(topic)) == list(odd.raw_messages(topic))
            assert made.definition(topic) == odd.definition(topic)


IMAGE_TYPE = 'sensor_msgs/msg/Image'
STANDARD = standard_definition(IMAGE_TYPE).text


def _write_image(path, text, *, second=0, type_hash=''):
    """A recording of one red image whose type is defined by a text."""
    image = red_frame(10 * second)
    data = TYPES.serialize_cdr(image, IMAGE_TYPE)
    with write_bag(path) as bag:
        definition = TopicDefinition(IMAGE_TYPE, text, type_hash)
        bag.add_serialized(IMAGE, definition, data, recorded_ns=second)
    return path


@pytest.mark.parametrize(
    'text',
    [
        STANDARD,
        STANDARD.partition('=' * 80)[0],  # without Header and Time
        STANDARD.replace('step', 'Step'),  # ROS 1 has names in capitals, converted or not
        '# the first line\n' + STANDARD,
        '???',
        IDL.replace('own_msgs/msg/Strange', IMAGE_TYPE) + 'module { cannot be parsed',
    ],
)
def test_a_known_type_is_read_however_it_is_defined(tmp_path, text):
    with Bag(_write_image(tmp_path / 'bag', text)) as bag:
        image = bag.first(IMAGE)
        assert image.data[0] == 51
        assert image.step == 3 * image.width
        assert bag.definition(IMAGE) == standard_definition(IMAGE_TYPE)


@pytest.mark.parametrize('lacking', [False, True])
def test_a_recordings_own_definition_holds_where_it_differs(tmp_path, lacking):
    text = STANDARD.replace('string encoding', 'string coding')
    text = text.partition('=' * 80)[0] if lacking else text  # Header and Time are jazzy's
    with Bag(_write_image(tmp_path / 'bag', text)) as bag:
        assert bag.first(IMAGE).coding == 'rgb8'


def test_recordings_of_one_definition_are_read_as_one_in_the_order_of_time(tmp_path):
    texts = ['# Of another distribution.\n' + STANDARD, STANDARD]
    paths = [_write_image(tmp_path / f'{n}', texts[n], second=1 - n) for n in range(2)]
    with Bag(*paths) as bag:
        assert [m.content.header.stamp.sec for m in bag.messages(IMAGE)] == [0, 1]


def test_recordings_of_different_definitions_are_not_mixed(tmp_path):
    other = STANDARD.replace('uint32 step', 'int32 step')
    paths = [_write_image(tmp_path / f'{n}', text) for n, text in enumerate([STANDARD, other])]
    with (
        pytest.raises(BagError, match=r'Image is defined in 2 ways.*one by one'),
        Bag(*paths) as b,
    ):
        b.first(IMAGE)


def test_a_definition_that_is_not_its_hashs_is_no_damage_of_messages(tmp_path):
    skipped = []
    path = _write_image(tmp_path / 'bag', STANDARD, type_hash='RIHS01_00')
    with pytest.raises(BagError, match='otherwise than its type hash says'), Bag(path) as bag:
        list(bag.messages(IMAGE, skipped=skipped.append))
    assert skipped == []
