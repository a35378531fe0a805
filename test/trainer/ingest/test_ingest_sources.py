"""What ingest reads: storages, compressions, several recordings, frames, calibrations, truths."""

from __future__ import annotations

from itertools import product
import json

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import CompressionMode, StoragePlugin
import yaml

from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.storage.bag import BagError
from monodepth_ros.storage.pair_folder import PairFolder, stated_bits
from test.helpers.recordings import (
    add_cloud,
    add_depth,
    camera_yaml,
    copy_bag,
    HEIGHT,
    PERIOD_NS,
    rename_topics,
    textured,
    WIDTH,
    write_stereo_bag,
)
from trainer.__main__ import main
from trainer.datasets.sources import open_sequences
from trainer.ingest.config import IngestConfig
from trainer.ingest.ingest import ingest

FRAMES = 5
STAMP = 1403715273262142976


@pytest.fixture
def bag(tmp_path):
    """Five frames of a rig that drives past a wall."""
    return write_stereo_bag(tmp_path / 'bag', frames=FRAMES, image_of=textured)


def _pairs(sources, tmp_path, **options):
    ingest(sources, tmp_path / 'pairs', IngestConfig(**options))
    return PairFolder(tmp_path / 'pairs')


@pytest.mark.parametrize(
    ('plugin', 'mode'),
    [
        pytest.param(plugin, mode, id=f'{plugin.name} {mode.name}')
        for plugin in StoragePlugin
        for mode in CompressionMode
        if (plugin, mode) != (StoragePlugin.SQLITE3, CompressionMode.STORAGE)
    ],
)
def test_every_storage_and_compression(bag, tmp_path, plugin, mode):
    copy = copy_bag(bag, tmp_path / 'copy', plugin, mode)
    pairs = _pairs([copy], tmp_path)
    assert len(pairs.names) == FRAMES
    left, right = pairs.read_pair('000002')
    # Written as jpeg of quality 95.
    assert np.abs(left[..., 0] - textured('left', 2).astype(int)).mean() < 2
    assert np.abs(right[..., 0] - textured('right', 2).astype(int)).mean() < 2


def _in_12_bits(view, frame):
    """The same picture: each level stands for the nearest of 4096."""
    return np.rint(textured(view, frame) * (4095 / 255)).astype(np.uint16)


@pytest.mark.parametrize('compressed', [True, False])
def test_a_camera_of_12_bits_gives_the_pictures_of_one_of_8(bag, tmp_path, capsys, compressed):
    made = {'frames': FRAMES, 'image_of': _in_12_bits, 'compressed': compressed}
    deep = write_stereo_bag(tmp_path / 'deep', **made)
    for name, source in (('8', bag), ('12', deep)):
        ingest([source], tmp_path / name, IngestConfig())
    for path in (tmp_path / '8').rglob('*.jpg'):
        assert (tmp_path / '12' / path.relative_to(tmp_path / '8')).read_bytes() == (
            path.read_bytes()
        )
    calibrations = [json.loads((tmp_path / n / 'calib.json').read_text()) for n in ('8', '12')]
    assert calibrations[1] == calibrations[0] | {'bits': 12}
    assert '16-bit images: taken as 12 bits (white is 4095)' in capsys.readouterr().out


def test_a_file_alone_is_a_recording(bag, tmp_path):
    assert len(_pairs([bag / 'bag.mcap'], tmp_path).names) == FRAMES


def _later(view, frame):
    return textured(view, frame + FRAMES)


def test_several_recordings_are_one_in_time(bag, tmp_path):
    later = write_stereo_bag(
        tmp_path / 'later', frames=FRAMES, image_of=_later, first_frame=FRAMES
    )
    pairs = _pairs([later, bag], tmp_path)
    assert list(pairs.stamps_ns().values()) == [n * PERIOD_NS for n in range(2 * FRAMES)]


def test_a_split_recording_is_one(bag, tmp_path):
    later = write_stereo_bag(
        tmp_path / 'later', frames=FRAMES, image_of=_later, first_frame=FRAMES
    )
    (later / 'later.mcap').rename(bag / 'bag_1.mcap')
    info = yaml.safe_load((bag / 'metadata.yaml').read_text())
    values = info['rosbag2_bagfile_information']
    values['relative_file_paths'].append('bag_1.mcap')
    values['message_count'] *= 2
    values['duration']['nanoseconds'] = 2 * FRAMES * PERIOD_NS
    for topic in values['topics_with_message_count']:
        topic['message_count'] *= 2
    (bag / 'metadata.yaml').write_text(yaml.safe_dump(info))
    assert len(_pairs([bag], tmp_path).names) == 2 * FRAMES


def _write_frames(folder, names):
    for view in ('left', 'right'):
        (folder / view).mkdir(parents=True)
        for frame, name in enumerate(names):
            cv2.imwrite(str(folder / view / f'{name}.png'), textured(view, frame))
    return folder


def _write_calibration(tmp_path, shifts=(0.0, 15.0), **changes):
    files = tmp_path / 'left.yaml', tmp_path / 'right.yaml'
    for file, shift in zip(files, shifts, strict=True):
        file.write_text(camera_yaml(**changes, shift=shift))
    return files


@pytest.mark.parametrize(
    ('names', 'stamps'),
    [
        (
            ['1403715273262142976', '1403715273362142976'],
            [1403715273262142976, 1403715273362142976],
        ),
        (['9', '10'], [0, 1]),
        (['img_9', 'img_10'], [0, 1]),
    ],
)
def test_a_folder_of_frames(tmp_path, names, stamps):
    frames = _write_frames(tmp_path / 'frames', names)
    files = _write_calibration(tmp_path)
    command = ['ingest', str(frames), '-o', str(tmp_path / 'pairs')]
    assert main([*command, '--calibration', *map(str, files)]) == 0
    pairs = PairFolder(tmp_path / 'pairs')
    assert pairs.calibration.baseline_m == 0.25
    assert list(pairs.stamps_ns().values()) == stamps
    # Numbers in their order, not 10 before 9.
    assert (
        np.abs(pairs.read_pair('000000')[0][..., 0] - textured('left', 0).astype(int)).mean() < 2
    )


@pytest.mark.parametrize('suffix', ['.tif', '.pgm'])
def test_frames_of_other_kinds_keep_their_bits(tmp_path, suffix):
    for view, frame in product(('left', 'right'), range(2)):
        (tmp_path / 'frames' / view).mkdir(parents=True, exist_ok=True)
        file = tmp_path / 'frames' / view / f'{frame}{suffix}'
        assert cv2.imwrite(str(file), _in_12_bits(view, frame))
    pairs = _pairs([tmp_path / 'frames'], tmp_path, calibration=_write_calibration(tmp_path))
    left, _ = pairs.read_pair('000000')
    assert np.abs(left[..., 0] - textured('left', 0).astype(int)).mean() < 2
    assert stated_bits(pairs.path) == 12


def test_frames_that_only_look_like_images_are_named_and_passed_over(tmp_path, capsys):
    frames = _write_frames(tmp_path / 'frames', ['0', '1'])
    for view in ('left', 'right'):
        (frames / view / '._0.png').touch()
        (frames / view / '2.png').symlink_to('unplugged')
    pairs = _pairs([frames], tmp_path, calibration=_write_calibration(tmp_path))
    assert len(pairs.names) == 2
    said = '1 x attributes of macOS (e.g. ._0.png), 1 x dangling link (e.g. 2.png)\n'
    assert capsys.readouterr().err.count(said) == 2  # left and right


def test_frames_of_a_kind_that_is_not_read_are_named(tmp_path, capsys):
    for view in ('left', 'right'):
        (tmp_path / 'frames' / view).mkdir(parents=True)
        (tmp_path / 'frames' / view / '0.exr').touch()
    files = map(str, _write_calibration(tmp_path))
    command = ['ingest', str(tmp_path / 'frames'), '-o', str(tmp_path / 'pairs')]
    assert main([*command, '--calibration', *files]) == 1
    assert 'kinds that are not read (1 .exr)' in capsys.readouterr().err


def test_a_folder_of_frames_wants_a_calibration(tmp_path, capsys):
    frames = _write_frames(tmp_path / 'frames', ['a'])
    assert main(['ingest', str(frames), '-o', str(tmp_path / 'pairs')]) == 1
    assert 'folder of frames, expected it alone and with --calibration' in capsys.readouterr().err


def test_a_recording_without_camera_info_and_a_fisheye_calibration(tmp_path):
    bag = write_stereo_bag(tmp_path / 'bag', image_of=textured, with_info=False)
    files = _write_calibration(tmp_path, d=[0.05, 0.01, 0, 0], model='fisheye')
    pairs = _pairs([bag], tmp_path, calibration=files)
    assert len(pairs.names) == FRAMES
    # The corner of the fisheye's image lies farther out than that of the rectified one.
    assert pairs.calibration.intrinsics.width == WIDTH
    straight = _pairs([bag], tmp_path / 'straight', calibration=_write_calibration(tmp_path))
    there, here = (p.read_pair('000000')[0].astype(int) for p in (straight, pairs))
    assert np.abs(there[24, 32] - here[24, 32]).max() < 12
    assert np.abs(there - here).mean() > 4


def test_the_baseline_of_files_is_between_both_cameras(bag, tmp_path):
    # (42 + 329) / 700 in small: (3 + 12) / 60.
    files = _write_calibration(tmp_path, shifts=(-3.0, 12.0))
    assert _pairs([bag], tmp_path, calibration=files).calibration.baseline_m == 0.25
    equal = _write_calibration(tmp_path, shifts=(15.0, 15.0))
    with pytest.raises(BagError, match='baseline of 0 m'):
        _pairs([bag], tmp_path / 'equal', calibration=equal)
    millimetres = _write_calibration(tmp_path, shifts=(0.0, 15_000.0))
    with pytest.raises(
        BagError, match=r'baseline of 250 m, .* is it in mm\? That would be 0\.25 m'
    ):
        _pairs([bag], tmp_path / 'mm', calibration=millimetres)


def test_a_calibration_of_another_size_is_refused_with_the_one_that_fits(tmp_path):
    def halved(view, frame):
        return textured(view, frame)[::2, ::2]

    bag = write_stereo_bag(tmp_path / 'bag', image_of=halved)
    files = _write_calibration(tmp_path)
    for file in files:
        text = file.read_text()
        file.write_text(text.replace('width: 64', 'width: 32').replace('height: 48', 'height: 24'))
    with pytest.raises(
        BagError, match=r'left camera: .* 32 x 24 px: they are those of 64 x 48 px'
    ):
        _pairs([bag], tmp_path, calibration=files)


def test_camera_info_topics_can_be_named(bag, tmp_path, capsys):
    """Both cameras have one frame_id, so that nothing else tells which is whose."""
    topics = {f'/{view}/camera_info': f'/rig/{view}' for view in ('left', 'right')}
    renamed = rename_topics(bag, tmp_path / 'renamed', topics)
    command = ['ingest', str(renamed), '-o', str(tmp_path / 'pairs')]
    assert main(command) == 1
    assert '/rig/left or /rig/right may belong to /left/image_raw' in capsys.readouterr().err
    named = [f'--{view}=/{view}/image_raw/compressed' for view in ('left', 'right')]
    infos = [f'--{view}_info=/rig/{view}' for view in ('left', 'right')]
    assert main([*command, *infos]) == 1
    assert 'left_info is /rig/left, expected it with the image' in capsys.readouterr().err
    assert main([*command, *named, *infos]) == 0
    assert len(PairFolder(tmp_path / 'pairs').names) == FRAMES
    assert 'camera_info of /left/image_raw/compressed is /rig/left' in capsys.readouterr().out


def test_rectified_topics_are_taken_as_they_are(tmp_path):
    """K, D and R of the raw camera do not touch them, whatever the lens is called."""
    quarter_deg = np.array([[1, 0, 0.0044], [0, 1, 0], [-0.0044, 0, 1]])
    bag = write_stereo_bag(
        tmp_path / 'bag',
        image_of=textured,
        topic='image_rect',
        lens=('of our own', (0.1,)),
        rotation=quarter_deg,
    )
    pairs = _pairs([bag], tmp_path)
    left, _ = pairs.read_pair('000002')
    assert np.abs(left[..., 0] - textured('left', 2).astype(int)).mean() < 2


def test_topics_for_a_calibration_are_found_by_name_or_given(tmp_path):
    bag = write_stereo_bag(
        tmp_path / 'bag', image_of=textured, with_info=False, views=('left', 'right', 'other_left')
    )
    files = _write_calibration(tmp_path)
    with pytest.raises(BagError, match=r'for the left camera, expected one of .*--left'):
        _pairs([bag], tmp_path, calibration=files)
    left = '/left/image_raw/compressed'
    assert len(_pairs([bag], tmp_path, calibration=files, left=left).names) == FRAMES


@pytest.mark.parametrize(
    'changes',
    [
        {'baseline_m': 0.5},
        {'focal_px': 61.0},
        {'image_of': lambda view, frame: _later(view, frame)[:40]},
        {'baseline_m': 0.5, 'right_lag_ns': 3_000_000},
    ],
    ids=['baseline', 'focal length', 'size', 'right view late'],
)
def test_when_the_calibration_changes_a_new_sequence_begins(tmp_path, capsys, changes):
    lag = {'right_lag_ns': changes.get('right_lag_ns', 0)}
    bag = write_stereo_bag(tmp_path / 'bag', frames=3, image_of=textured, **lag)
    other = write_stereo_bag(
        tmp_path / 'other', frames=3, **{'image_of': _later, 'first_frame': 3} | changes
    )
    ingest([bag, other], tmp_path / 'pairs', IngestConfig())
    assert 'the calibration changed at 300000000: starting sequence 2' in capsys.readouterr().out
    first, second = open_sequences(str(tmp_path / 'pairs'))
    assert first.calibration.baseline_m == 0.25
    assert second.calibration.baseline_m == changes.get('baseline_m', 0.25)
    assert (len(first.names), len(second.names)) == (3, 3)
    report = json.loads((tmp_path / 'pairs' / 'ingest.json').read_text())
    assert report['counts'] == {'kept': 6}


def test_a_later_part_has_the_calibration_that_was_sent_before_it(tmp_path):
    bag = write_stereo_bag(tmp_path / 'bag', frames=2, image_of=textured)
    other = write_stereo_bag(
        tmp_path / 'other', frames=8, image_of=textured, first_frame=2, baseline_m=0.5,
        info_frames=(0,),
    )  # fmt: skip
    pairs = _pairs([bag, other], tmp_path, first_share=0.5)
    assert pairs.calibration.baseline_m == 0.5


def test_pictures_of_another_size_than_their_camera_info_are_left_out(tmp_path, capsys):
    def some_small(view, frame):
        return textured(view, frame)[: HEIGHT - 8 * (frame == 2)]

    bag = write_stereo_bag(tmp_path / 'bag', image_of=some_small, info_size=(WIDTH, HEIGHT))
    assert len(_pairs([bag], tmp_path).names) == FRAMES - 1
    assert 'got an image of 64 x 40, expected 64 x 48' in capsys.readouterr().err


def test_zero_stamps_are_replaced_by_the_time_of_recording(tmp_path):
    bag = write_stereo_bag(tmp_path / 'bag', image_of=textured, stamped=False)
    pairs = _pairs([bag], tmp_path)
    # Of the first one that time is zero as well.
    assert list(pairs.stamps_ns().values()) == [n * PERIOD_NS for n in range(FRAMES)]


def test_duplicates_and_messages_out_of_order(bag, tmp_path):
    # The same recording twice, as when a topic is recorded by two recorders.
    pairs = _pairs([bag, bag], tmp_path)
    assert list(pairs.stamps_ns().values()) == [n * PERIOD_NS for n in range(FRAMES)]
    counts = json.loads((tmp_path / 'pairs' / 'ingest.json').read_text())['counts']
    assert counts == {'kept': FRAMES, 'duplicate': 2 * FRAMES}
    late = write_stereo_bag(
        tmp_path / 'late', image_of=textured, recorded_after_ns={2: 250_000_000}
    )
    again = _pairs([late], tmp_path / 'again')
    assert list(again.stamps_ns().values()) == [n * PERIOD_NS for n in range(FRAMES)]


@pytest.mark.parametrize(
    ('dtype', 'compressed'), [(np.float32, False), (np.uint16, False), (np.uint16, True)]
)
def test_a_depth_topic_becomes_the_truth(tmp_path, dtype, compressed):
    metre = 1 if dtype is np.float32 else 1000
    values = np.full((HEIGHT // 2, WIDTH // 2), 3 * metre, dtype)
    values[:, 8:] = 5 * metre

    def depth(bag):
        add_depth(bag, '/depth', values, stamp_ns=PERIOD_NS, focal_px=30, compressed=compressed)

    bag = write_stereo_bag(tmp_path / 'bag', image_of=textured, extra=depth)
    pairs = _pairs([bag], tmp_path)
    assert pairs.read_gt_depth('000000') is None
    depth_m = pairs.read_gt_depth('000001')
    assert (depth_m[:, :16] == 3).all()
    assert (depth_m[:, 16:] == 5).all()


def test_one_of_several_truths_can_be_named(tmp_path):
    def two(bag):
        add_cloud(bag, 'left_optical_frame', np.array([[0, 0, 2.0]]))
        add_depth(bag, '/depth', np.full((HEIGHT, WIDTH), 3, np.float32), stamp_ns=0)

    bag = write_stereo_bag(tmp_path / 'bag', image_of=textured, extra=two)
    assert np.nanmax(_pairs([bag], tmp_path).read_gt_depth('000000')) == 2
    named = _pairs([bag], tmp_path / 'named', truth_topic='/depth/image_rect')
    assert np.nanmax(named.read_gt_depth('000000')) == 3
    with pytest.raises(BagError, match='holds no ground truth /a'):
        _pairs([bag], tmp_path / 'other', truth_topic='/a')


def test_a_latched_camera_info_after_the_first_image_serves(tmp_path):
    info_last = write_stereo_bag(tmp_path / 'bag', image_of=textured, info_frames=(3,))
    pairs = _pairs([info_last], tmp_path)
    assert len(pairs.names) == FRAMES
    assert pairs.calibration.intrinsics == Intrinsics(60, 60, 31.5, 23.5, WIDTH, HEIGHT)
