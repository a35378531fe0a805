"""A recording, images or a video in, a recording of depth out, as a user types it."""

from __future__ import annotations

from dataclasses import asdict, replace
import json
from pathlib import Path
import re
import resource
import signal
import sqlite3
import subprocess
import sys

import cv2
import numpy as np
import pytest
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg, get_typestore, Stores

from monodepth_ros.common.progress import Progress
from monodepth_ros.core.bit_depth import BitDepth
from monodepth_ros.messages import decode as ros_messages
from monodepth_ros.messages.decode import camera_from_info, depth_m_from_image, stamp_ns
from monodepth_ros.messages.topics import OUTPUTS
from monodepth_ros.parameter_rules import rules
from monodepth_ros.parameters import OutputParams
from monodepth_ros.replay import main
from monodepth_ros.storage.bag import Bag, TopicDefinition, TYPES
from monodepth_ros.storage.bag_cameras import find_camera
from monodepth_ros.storage.bag_writer import write_bag
from test.helpers.camera_bags import (
    Damaged,
    depth_of,
    IMAGE,
    INFO,
    info,
    LAG_NS,
    PERIOD_NS,
    red_frame,
    red_png,
    write_messages,
    write_red_bag,
    write_video,
)
from test.helpers.odd_channels import write_odd_bag
from test.helpers.recordings import camera_yaml, HEIGHT, WIDTH, write_stereo_bag
from test.helpers.tiny_model import (
    red_image,
    spec,
    write_model_without_spec,
    write_red_disparity_model,
)

DEPTH, DEPTH_INFO, POINTS = '/depth/image_rect', '/depth/camera_info', '/points'
COLORED, ALIGNED = '/depth/image_color', '/depth/color_rect'
WRITTEN = [DEPTH_INFO, ALIGNED, COLORED, DEPTH, POINTS]
# Named, so that nothing is said of the choice.
ENGINE = ('--backend', 'onnxruntime')
# A message type of somebody else, and a message of it: value is 7.
OWN, OWN_DATA = 'own_msgs/msg/Own', bytes([0, 1, 0, 0, 7, 0, 0, 0])
ROOT = Path(__file__).parents[1]
FOXGLOVE, DOCUMENTATION = ROOT / 'config' / 'foxglove.json', ROOT / 'docs' / 'replay.md'


def image_pixels(msg):
    return ros_messages.image_pixels(msg, BitDepth())


@pytest.fixture
def replay(tmp_path, red_disparity_model, capsys):
    """Replays into tmp_path/out: status, what was printed, what went to stderr."""

    def run(source, *options, model=red_disparity_model):
        arguments = [source, '--model', model, '-o', tmp_path / 'out', *ENGINE, *options]
        status = main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def calibration(tmp_path):
    path = tmp_path / 'camera.yaml'
    path.write_text(camera_yaml())
    return path


def _written(folder):
    """Messages by topic."""
    with Bag(folder / 'out') as bag:
        return {topic: list(bag.messages(topic)) for topic in bag.topics}


def _depths_m(written):
    return [depth_m_from_image(message.content) for message in written[DEPTH]]


def test_a_recording_becomes_depth_with_its_stamps_and_frame(tmp_path, replay):
    status, out, err = replay(write_red_bag(tmp_path / 'bag', frames=3, red=51))
    written = _written(tmp_path)
    assert list(written) == WRITTEN
    for messages in written.values():
        assert [m.recorded_ns for m in messages] == [n * PERIOD_NS + LAG_NS for n in range(3)]
        headers = [m.content.header for m in messages]
        assert [stamp_ns(header) for header in headers] == [n * PERIOD_NS for n in range(3)]
        assert {header.frame_id for header in headers} == {'left_optical_frame'}
    for depth_m in _depths_m(written):
        np.testing.assert_allclose(depth_m, np.full((HEIGHT, WIDTH), 5), rtol=1e-5)
    rectified = camera_from_info(written[DEPTH_INFO][0].content, rectified=False)
    assert rectified == camera_from_info(info(0), rectified=False)
    assert (status, err) == (0, '')
    assert re.fullmatch(r'\S+/out: 3 of 3 frames, [\d.]+ frames/s, dropped: none\n', out)


def test_foxgloves_layout_finds_its_topics(tmp_path, replay):
    replay(write_red_bag(tmp_path / 'bag', frames=1))
    panels = json.loads(FOXGLOVE.read_text())['configById']
    shown = {panel.get('imageMode', {}).get('imageTopic') for panel in panels.values()} - {None}
    shown |= {topic for panel in panels.values() for topic in panel.get('topics', {})}
    assert shown == {ALIGNED, COLORED, POINTS}
    assert shown <= set(_written(tmp_path))


def _own_types():
    types = get_typestore(Stores.ROS2_JAZZY)
    types.register(get_types_from_msg('int32 value', OWN))
    return types


def _xyz(cloud):
    return np.frombuffer(cloud.data, np.float32).reshape(cloud.height, cloud.width, -1)[..., :3]


def _assert_cloud_lies_on_depth(cloud, info, depth_m, stride, rectified_from_frame):
    """
    Every point projects by camera_info onto the pixel it comes from, at that pixel's depth.

    Points are in the axes of the raw camera's frame, depth in the rectified ones.
    """
    camera = camera_from_info(info, rectified=False).rectified
    points = _xyz(cloud).astype(np.float64) @ rectified_from_frame.T
    x, y, z = np.moveaxis(points, -1, 0)
    there = np.isfinite(z)
    v, u = np.indices(z.shape) * stride
    np.testing.assert_array_equal(there, np.isfinite(depth_m[::stride, ::stride]))
    np.testing.assert_allclose((camera.fx * x / z + camera.cx)[there], u[there], atol=1e-3)
    np.testing.assert_allclose((camera.fy * y / z + camera.cy)[there], v[there], atol=1e-3)
    np.testing.assert_allclose(z[there], depth_m[::stride, ::stride][there], atol=1e-3)


def _first_part(bag, copy, fraction):
    """The beginning of a recording."""
    if fraction == 1:
        return bag
    with Bag(bag) as source, write_bag(copy) as part:
        for message in source.raw_messages(*source.topics, last_share=fraction):
            definition = source.definition(message.topic)
            at = {'recorded_ns': message.recorded_ns}
            part.add_serialized(message.topic, definition, message.data, **at)
    return copy


@pytest.mark.parametrize('fraction', [0.03, pytest.param(1.0, marks=pytest.mark.slow)])
def test_on_the_real_drive_the_cloud_lies_on_the_depth(tmp_path, replay, shared_data, fraction):
    """A raw lens; points in mid-air stay, so that every depth is compared."""
    bag = _first_part(shared_data / 'bags' / 'kitti_0926_drive', tmp_path / 'part', fraction)
    assert replay(bag, '--points-drop-flying', 'false')[0] == 0
    with Bag(bag) as source, Bag(tmp_path / 'out') as made:
        turned = find_camera(source).camera.rectified_from_frame
        lefts = source.messages('/stereo/left/image_raw/compressed')
        frames = zip(lefts, *(made.messages(topic) for topic in made.topics), strict=True)
        for left, info, aligned, colored, depth, points in frames:
            for message in (info, aligned, colored, depth, points):
                assert message.recorded_ns == left.recorded_ns
                assert stamp_ns(message.content.header) == stamp_ns(left.content.header)
                assert message.content.header.frame_id == left.content.header.frame_id
            depth_m = depth_m_from_image(depth.content)
            assert depth_m.shape == image_pixels(aligned.content).shape
            assert image_pixels(colored.content).shape == (*depth_m.shape, 3)
            assert np.isfinite(depth_m).mean() > 0.5
            _assert_cloud_lies_on_depth(points.content, info.content, depth_m, 2, turned)


def test_rectified_recorded_images_stay_as_they_are(tmp_path, replay, shared_data):
    assert replay(shared_data / 'bags' / 'kitti_odometry_00_rect')[0] == 0
    written = _written(tmp_path)
    with Bag(shared_data / 'bags' / 'kitti_odometry_00_rect') as source:
        lefts = list(source.messages('/left/image_rect'))
        (expected,) = {
            camera_from_info(m.content, rectified=False)
            for m in source.messages('/left/camera_info')
        }
    assert len(written[ALIGNED]) == len(lefts) == 11
    for left, aligned, depth_info in zip(
        lefts, written[ALIGNED], written[DEPTH_INFO], strict=True
    ):
        np.testing.assert_array_equal(image_pixels(aligned.content), image_pixels(left.content))
        assert (
            camera_from_info(depth_info.content, rectified=False).rectified == expected.rectified
        )


def test_the_named_camera_is_taken(tmp_path, replay):
    """The views see different greys: 10 a frame, and 5 more on the right."""
    bag = write_stereo_bag(tmp_path / 'bag', frames=6, compressed=False)
    replay(bag, '--image', '/right/image_raw')
    written = _written(tmp_path)
    np.testing.assert_allclose(_depths_m(written)[5][24, 32], depth_of(55), rtol=1e-5)
    # What it sees is rectified, at its own place: the baseline is none of the depth's.
    assert camera_from_info(written[DEPTH_INFO][0].content, rectified=False).offset_m == 0


@pytest.mark.parametrize('frame', [red_frame, red_png])
def test_a_calibration_that_changes_is_followed(tmp_path, replay, frame):
    """The image comes before its camera_info, as some drivers have it."""
    messages = []
    for number, focal_px in enumerate([60.0, 90.0, 90.0]):
        messages += [(IMAGE, frame(number)), (INFO, info(number, focal_px))]
    assert replay(write_messages(tmp_path / 'bag', *messages))[0] == 0
    written = _written(tmp_path)
    assert [message.content.k[0] for message in written[DEPTH_INFO]] == [60, 90, 90]
    # Depth is metric in both.
    for depth_m in _depths_m(written):
        np.testing.assert_allclose(depth_m[24, 32], 5, rtol=1e-5)


def test_kept_topics_are_the_same_bytes_types_times_and_qos(tmp_path, replay):
    """Also those that cannot be decoded, and those that have nothing to do with the camera."""
    latched = Qos(
        QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL,
        QosTime(0, 0), QosTime(0, 0), QosLiveliness.AUTOMATIC, QosTime(0, 0), False,
    )  # fmt: skip
    other = write_messages(
        tmp_path / 'other', (INFO, info(0)), (IMAGE, Damaged(red_frame(0))), (IMAGE, red_frame(1))
    )
    bag = tmp_path / 'bag'
    with Bag(other) as source, write_bag(bag) as copy:
        definition = TopicDefinition(OWN, 'int32 value\n', '', (latched,))
        copy.add_serialized('/own', definition, OWN_DATA, recorded_ns=5)
        for message in source.raw_messages(*source.topics):
            copy.add_serialized(
                message.topic,
                source.definition(message.topic),
                message.data,
                recorded_ns=message.recorded_ns,
            )
    status, out, _ = replay(bag, '--keep')
    assert (status, 'dropped: 1 damaged' in out) == (0, True)
    with Bag(bag) as source, Bag(tmp_path / 'out') as made:
        assert made.topics == sorted([*source.topics, *WRITTEN])
        for topic in source.topics:
            assert list(made.raw_messages(topic)) == list(source.raw_messages(topic))
            assert made.definition(topic).qos == source.definition(topic).qos
        assert made.definition('/own').qos[0].durability == QosDurability.TRANSIENT_LOCAL
        assert made.first('/own').value == 7


def test_a_topic_of_a_type_that_nobody_defines_is_not_kept(tmp_path, replay):
    """Humble's databases hold no definitions."""
    bag, copy = write_red_bag(tmp_path / 'bag'), tmp_path / 'copy'
    writer = Writer(copy, version=9, storage_plugin=StoragePlugin.SQLITE3)
    with Bag(bag) as source, writer:
        own = writer.add_connection('/own', OWN, typestore=_own_types())
        writer.write(own, PERIOD_NS, OWN_DATA)
        for topic in source.topics:
            kind = source.definition(topic)
            connection = writer.add_connection(topic, kind.type, typestore=TYPES)
            for message in source.raw_messages(topic):
                writer.write(connection, message.recorded_ns, message.data)
    with sqlite3.connect(copy / 'copy.db3') as database:
        database.execute('DELETE FROM message_definitions')
    database.close()
    status, _, err = replay(copy, '--keep')
    assert status == 0
    why = f'the recording does not define {OWN} so that it can be read'
    assert err == f'replay: not copied: /own ({why})\n'
    assert list(_written(tmp_path)) == sorted([IMAGE, INFO, *WRITTEN])


def test_odd_channels_are_kept_as_bytes_or_left_out_in_one_line(tmp_path, replay):
    """Only what is wanted is parsed."""
    bag = write_odd_bag(tmp_path / 'bag', StoragePlugin.MCAP)
    status, _, err = replay(bag, '--keep')
    assert status == 0
    assert err == 'replay: not copied: /video (its messages are protobuf, not cdr)\n'
    with Bag(bag) as source, Bag(tmp_path / 'out') as made:
        assert set(made.topics) == {*source.topics, *WRITTEN} - {'/video'}
        for topic in ('/odd/a', '/odd/b', '/odd/c'):
            assert list(made.raw_messages(topic)) == list(source.raw_messages(topic))
        # What was published is no camera.
        assert find_camera(made) == find_camera(source)


def test_a_camera_info_topic_can_be_named(tmp_path, replay, calibration):
    """The other one, which fits as well, has half the focal length: half the depth."""
    infos = [('/a/info', info(0)), ('/b/info', info(0, 30.0))]
    bag = write_messages(tmp_path / 'bag', *infos, (IMAGE, red_frame(0)))
    status, _, err = replay(bag)
    assert status == 1
    assert 'camera_info /a/info or /b/info may belong to /camera/image_raw' in err
    assert replay(bag, '--info', '/a/info')[::2] == (
        0,
        f'replay: camera_info of {IMAGE} is /a/info\n',
    )
    (depth_m,) = _depths_m(_written(tmp_path))
    np.testing.assert_allclose(depth_m[24, 32], 5, rtol=1e-5)
    both = replay(bag, '--info', '/a/info', '--camera-info', calibration)
    assert (both[0], 'got --info and --camera-info, expected one' in both[2]) == (1, True)


def test_every_reason_for_leaving_out_frames_is_counted(tmp_path, replay):
    bad_encoding = red_frame(3)
    bad_encoding.encoding = 'rgb99'
    bag = write_messages(
        tmp_path / 'bag',
        (INFO, info(0)), (IMAGE, red_frame(0)),
        (IMAGE, Damaged(red_frame(1))), (IMAGE, Damaged(red_frame(2))),
        (IMAGE, bad_encoding),
        (IMAGE, red_frame(4, width=WIDTH + 1)),
        (INFO, info(5, 0.0)), (IMAGE, red_frame(5)), (IMAGE, red_frame(6)), (IMAGE, red_frame(7)),
    )  # fmt: skip
    status, out, err = replay(bag)
    assert status == 0
    assert len(_written(tmp_path)[DEPTH]) == 1
    assert '/out: 1 of 8 frames, ' in out
    reasons = re.findall(r'(\d+) ([a-z][a-z_ ]+)', out.partition('dropped: ')[2])
    assert {reason: int(count) for count, reason in reasons} == {
        'damaged': 2,
        'unreadable': 1,
        'without a valid camera_info': 3,
        'unlike their camera_info': 1,
    }
    # One line a reason, with what to look for.
    lines = err.splitlines()
    assert len(lines) == 4
    assert all(line.startswith(f'replay: left out: {IMAGE} at ') for line in lines)
    for words in ("'rgb99'", '65 x 48, expected 64 x 48', 'K[0] = 0'):
        assert words in err


def test_without_a_usable_frame_nothing_is_left(tmp_path, replay):
    images = [(IMAGE, red_frame(number, width=WIDTH + 1)) for number in range(2)]
    status, out, err = replay(write_messages(tmp_path / 'bag', (INFO, info(0)), *images))
    assert (status, out) == (1, '')
    last = err.splitlines()[-1]
    assert last.startswith(f'replay: {tmp_path}/bag: no frame could be used; ')
    assert last.endswith('; dropped: 2 unlike their camera_info')
    assert not (tmp_path / 'out').exists()
    assert not list(tmp_path.glob('*.partial'))


def _png_folder(folder):
    folder.mkdir()
    for number, red in ((9, 51), (10, 85)):
        bgr = red_image(red, width=WIDTH, height=HEIGHT)[..., ::-1]
        cv2.imwrite(str(folder / f'{number}.png'), bgr)
    return folder


@pytest.mark.parametrize(
    ('make', 'depths_m'),
    [
        (lambda path: _png_folder(path / 'images'), [5, 3]),
        (lambda path: _png_folder(path / 'images') / '10.png', [3]),
        (lambda path: write_video(path / 'v.avi', [51, 85], 10.0), [5, 3]),
    ],
)
def test_images_and_videos_with_a_calibration_are_accepted(
    tmp_path, replay, calibration, make, depths_m
):
    assert replay(make(tmp_path), '--camera-info', calibration)[0] == 0
    written = _written(tmp_path)
    assert list(written) == WRITTEN
    # A video's colours are not exact.
    got = [depth_m[24, 32] for depth_m in _depths_m(written)]
    np.testing.assert_allclose(got, depths_m, rtol=0.1)
    assert [m.recorded_ns for m in written[DEPTH]] == [n * PERIOD_NS for n in range(len(got))]


def test_a_calibration_file_overrides_the_recordings(tmp_path, replay):
    (tmp_path / 'camera.yaml').write_text(camera_yaml(focal_px=90.0))
    replay(write_red_bag(tmp_path / 'bag'), '--camera-info', tmp_path / 'camera.yaml')
    infos = [message.content for message in _written(tmp_path)[DEPTH_INFO]]
    assert [camera_info.k[0] for camera_info in infos] == [90] * 3


def test_rectified_images_are_not_rectified_again(tmp_path, replay):
    """A lens that would bend the edge of a picture leaves it alone."""
    (tmp_path / 'camera.yaml').write_text(camera_yaml(d=[-0.4, 0.1, 0, 0, 0]))
    image = np.tile(np.arange(WIDTH, dtype=np.uint8), (HEIGHT, 1))
    cv2.imwrite(str(tmp_path / 'image.png'), image)
    given = (tmp_path / 'image.png', '--camera-info', tmp_path / 'camera.yaml')
    replay(*given, '--rectified')
    (aligned,) = _written(tmp_path)[ALIGNED]
    np.testing.assert_array_equal(image_pixels(aligned.content), image)


@pytest.mark.parametrize(
    ('option', 'value', 'topic', 'check'),
    [
        ('output-size', 'half', DEPTH, lambda m: (m.width, m.height) == (WIDTH // 2, HEIGHT // 2)),
        ('max-depth-m', '4', DEPTH, lambda m: np.isinf(depth_m_from_image(m)).all()),
        ('depth-encoding', '16UC1', DEPTH, lambda m: m.encoding == '16UC1'),
        ('color-far-m', '3', COLORED, lambda m: image_pixels(m)[0, 0].tolist() == [48, 18, 59]),
        ('points-stride', '4', POINTS, lambda m: (m.width, m.height) == (16, 12)),
        ('points-color', 'false', POINTS, lambda m: [f.name for f in m.fields] == list('xyz')),
        ('points-max-m', '4', POINTS, lambda m: np.isnan(_xyz(m)).all()),
    ],
)
def test_parameters_of_the_node_are_options(tmp_path, replay, option, value, topic, check):
    assert replay(write_red_bag(tmp_path / 'bag', frames=1), f'--{option}', value)[0] == 0
    (message,) = _written(tmp_path)[topic]
    assert check(message.content)


def test_the_help_describes_every_parameter(capsys):
    with pytest.raises(SystemExit, match='0'):
        main(['--help'])
    text = ' '.join(capsys.readouterr().out.split())
    defaults = asdict(OutputParams())
    for name, rule in rules(OutputParams).items():
        option, default = name.replace('_', '-'), json.dumps(defaults[name])
        assert re.search(f'--{option} \\S+ {re.escape(rule.description)} Default: {default}', text)


def test_the_documentation_names_options_and_topics_that_there_are(capsys):
    text = DOCUMENTATION.read_text()
    with pytest.raises(SystemExit, match='0'):
        main(['--help'])
    options = set(re.findall('--[a-z-]+', capsys.readouterr().out))
    assert set(re.findall(r'(?<=`)--[a-z-]+', text)) <= options
    rows = re.findall(r'^\| (`/.*?) \|.*\| (always|by default|only)', text, re.MULTILINE)
    topics = {topic for row, _ in rows for topic in re.findall(r'`/(\S+)`', row)}
    default = {
        topic for row, when in rows if when != 'only' for topic in re.findall(r'`(/\S+)`', row)
    }
    assert topics == set(OUTPUTS)
    assert default == set(WRITTEN)


def test_topics_may_be_chosen_and_camera_info_comes_with_any(tmp_path, replay):
    model = write_red_disparity_model(tmp_path / 'confident.onnx', confidence=True)
    bag = write_red_bag(tmp_path / 'bag', frames=1)
    chosen = ('depth/confidence', 'depth/disparity')
    assert replay(bag, '--topics', *chosen, model=model)[0] == 0
    written = _written(tmp_path)
    assert list(written) == [DEPTH_INFO, '/depth/confidence', '/depth/disparity']
    (disparity,) = written['/depth/disparity']
    # f = 60 px of the live camera, T = 0.5 m of the model's rig: Z = f T / d = 5 m.
    values = disparity.content.image.data.view(np.float32)
    assert disparity.content.f * disparity.content.t == 30
    np.testing.assert_allclose(values, np.full(HEIGHT * WIDTH, 6), rtol=1e-5)


def _another_version(path):
    model = write_red_disparity_model(path / 'other.onnx', replace(spec(), spec_version=99))
    return {'model': model}


@pytest.mark.parametrize(
    ('options', 'model', 'words'),
    [
        ((), lambda path: {'model': path / 'none.onnx'}, 'none.onnx.* not found; make one with'),
        ((), lambda path: {'model': write_model_without_spec(path / 'm.onnx')}, 'no ModelSpec'),
        ((), _another_version, 'got ModelSpec version 99, .* export the model again'),
        (('--image', '/a'), None, 'holds no /a .*image topics are /camera/image_raw'),
        (('--camera-info', 'none.yaml'), None, 'calibration none.yaml not found'),
        (('--points-stride', '0'), None, 'points_stride is 0, expected >= 1'),
        (
            ('--topics', 'depth/confidence'),
            None,
            'computes no confidence; remove depth/confidence',
        ),
    ],
)
def test_errors_are_one_line_and_leave_nothing(tmp_path, replay, options, model, words):
    bag = write_red_bag(tmp_path / 'bag')
    status, out, err = replay(bag, *options, **(model(tmp_path) if model else {}))
    assert (status, out) == (1, '')
    assert re.fullmatch(f'replay: .*{words}.*\n', err)
    assert not (tmp_path / 'out').exists()
    assert not list(tmp_path.glob('*.partial'))


def test_an_output_that_exists_is_refused_before_any_work(tmp_path, replay):
    (tmp_path / 'out').mkdir()
    bag = write_red_bag(tmp_path / 'bag')
    status, _, err = replay(bag, model=tmp_path / 'none.onnx')
    assert status == 1
    assert 'out exists already; remove it or choose another name' in err


def test_topics_that_would_be_written_twice_are_not_kept(tmp_path, replay):
    bag = write_messages(tmp_path / 'bag', (DEPTH_INFO, info(0)), ('/depth/image', red_frame(0)))
    status, _, err = replay(bag, '--keep')
    assert status == 1
    assert f'already holds {DEPTH_INFO}' in err
    assert replay(bag)[0] == 0


def test_images_have_no_topics_to_keep(tmp_path, replay, calibration):
    folder = _png_folder(tmp_path / 'images')
    status, _, err = replay(folder, '--camera-info', calibration, '--keep')
    assert status == 1
    assert 'is no recording: it has no topics to keep; omit --keep' in err


def test_ctrl_c_leaves_nothing(tmp_path, replay, monkeypatch):
    """The signal itself, while the second frame is written."""

    def write(progress):
        progress.written += 1
        if progress.written == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Progress, 'write', write)
    status, out, err = replay(write_red_bag(tmp_path / 'bag'))
    assert (status, out, err) == (
        130,
        '',
        'replay: stopped; the unfinished recording was removed\n',
    )
    assert not (tmp_path / 'out').exists()
    assert not list(tmp_path.glob('*.partial'))


def _command(*arguments, before='', **options):
    """The command in a process of its own, after some Python."""
    code = f'{before}\nimport sys\nfrom monodepth_ros.replay import main\nsys.exit(main())'
    command = [sys.executable, '-c', code, *map(str, arguments), *ENGINE]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_a_full_disk_is_one_line(tmp_path, red_disparity_model):
    """A limit of file size stands in for it: the write fails half-way all the same."""
    result = _command(
        write_red_bag(tmp_path / 'bag'), '--model', red_disparity_model, '-o', tmp_path / 'out',
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
    )  # fmt: skip
    assert result.returncode == 1
    assert re.fullmatch(r'replay: \S+/out could not be written \(.*disk full.*\n', result.stderr)
    assert not (tmp_path / 'out').exists()
    assert not list(tmp_path.glob('*.partial'))


def _without(module, tmp_path, model):
    before = f'import sys\nsys.modules[{module!r}] = None'
    bag = write_red_bag(tmp_path / 'bag')
    return _command(bag, '--model', model, '-o', tmp_path / 'out', before=before)


def test_what_is_not_installed_is_named(tmp_path, red_disparity_model):
    result = _without('rosbags', tmp_path, red_disparity_model)
    assert result.returncode == 1
    assert result.stderr == (
        'replay: rosbags is not installed; `python3 -m pip install rosbags`\n'
    )


def test_an_engine_that_is_not_installed_is_named(tmp_path, red_disparity_model):
    result = _without('onnxruntime', tmp_path, red_disparity_model)
    assert result.returncode == 1
    assert result.stderr.startswith(f'replay: {red_disparity_model} runs on no engine here; ')
    assert '`python3 -m pip install onnxruntime`' in result.stderr
    assert result.stderr.count('\n') == 1


def test_the_choice_of_an_engine_is_said(tmp_path, replay):
    status, _, err = replay(write_red_bag(tmp_path / 'bag'), '--backend', 'auto')
    assert status == 0
    assert err.startswith('replay: red.onnx runs on ')
