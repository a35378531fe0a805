"""Trainings that begin from a checkpoint."""

from __future__ import annotations

from dataclasses import replace
import json
from pathlib import Path
import shutil

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
import torch
from torch.utils.data import DataLoader

from monodepth_ros.core.model_spec import ModelSpec, TrainingStage
from monodepth_ros.storage.pair_folder import PairFolder
from test.helpers.stereo_folders import BASELINE_M, RIG, SIZE, write_pairs
from test.helpers.untrained import write_checkpoint
from trainer.__main__ import main
from trainer.train.augment import augment
from trainer.train.checkpoint import (
    load_checkpoint,
    read_record,
    recorded_spec,
    TrainingRecord,
)
from trainer.train.config import TrainConfig
from trainer.train.forward_and_loss import forward_and_loss
from trainer.train.pairs import CanonicalViews, PairDataset, split_in_time
from trainer.train.samples import StereoSample
from trainer.train.stream import PairStream
from trainer.train.train import train
from trainer.train.training_spec import training_spec
from trainer.train.warm_start import warm_start

SEED = 3
LEARNING_RATE = 4e-4
# Half the baseline, and a view that a focal length of 1.2 times as many px leaves.
OTHER_RIG = replace(RIG, fx=72, fy=72)
OTHER_BASELINE_M = BASELINE_M / 2


def _config(pairs: Path, output: Path, *, max_steps: int = 2, **changes) -> TrainConfig:
    trainer = {'max_steps': max_steps, 'enable_progress_bar': False, 'log_every_n_steps': 1}
    values = {'network': 'small', 'batch_size': 4, 'workers': 0, 'seed': SEED} | SIZE
    values |= {'learning_rate': LEARNING_RATE}
    return TrainConfig((str(pairs),), output, trainer=trainer, **values | changes)


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp('data') / 'first')


@pytest.fixture(scope='module')
def other_pairs(tmp_path_factory):
    path = tmp_path_factory.mktemp('data') / 'second'
    return write_pairs(path, seed=1, rig=OTHER_RIG, baseline_m=OTHER_BASELINE_M)


@pytest.fixture(scope='module')
def source(pairs, tmp_path_factory):
    """A checkpoint of the first rig."""
    output = tmp_path_factory.mktemp('trainings') / 'first'
    return train(_config(pairs, output, data_licence='CC BY 4.0'))


@pytest.fixture(scope='module')
def warm(source, other_pairs, tmp_path_factory):
    """A checkpoint of a training that began from it, on the data of another rig."""
    output = tmp_path_factory.mktemp('trainings') / 'second'
    config = _config(other_pairs, output, init_from=source, data_licence='CC0', max_steps=3)
    return train(config)


def test_the_first_loss_is_that_of_the_weights_on_the_same_batch(source, warm, other_pairs):
    network, spec = load_checkpoint(source)
    views = CanonicalViews(PairFolder(other_pairs), spec.camera)
    names, _ = split_in_time([views.sequence])
    dataset = PairDataset([views], names, baseline_m=spec.baseline_m, seed=SEED)
    (batch,) = DataLoader(dataset, batch_sampler=PairStream(4, batch_size=4, seed=SEED))
    # Half the baseline: half the disparity of the canonical rig at the same depth.
    assert batch.baseline_ratio.tolist() == [0.5] * 4
    augmented = augment(StereoSample(*batch))
    # Batch statistics, as in a training.
    _, terms = forward_and_loss(network.train(), **augmented._asdict())
    assert _scalars(warm, 'loss')[0] == pytest.approx(terms.total.item(), rel=1e-5)


def test_the_error_is_learnt_where_there_are_hints_alone(source, other_pairs, tmp_path):
    data = shutil.copytree(other_pairs, tmp_path / 'pairs')
    with_hints = train(_config(data, tmp_path / 'with', init_from=source, hints='sgbm'))
    without = train(_config(data, tmp_path / 'without', init_from=with_hints))
    again = train(_config(data, tmp_path / 'again', init_from=with_hints, hints='sgbm'))
    learnt = [load_checkpoint(path)[0].error_head for path in (source, with_hints, without, again)]
    assert [head is not None for head in learnt] == [False, True, False, True]


def test_the_schedule_is_new(warm):
    state = torch.load(warm, weights_only=True)
    assert state['global_step'] == 3
    (optimizer,) = state['optimizer_states']
    assert {int(values['step']) for values in optimizer['state'].values()} == {3}
    # 3/5 and 4/5 of three steps are steps 1 and 2.
    rates = [LEARNING_RATE, LEARNING_RATE / 2, LEARNING_RATE / 4]
    assert _scalars(warm, 'learning_rate') == pytest.approx(rates)


def test_the_canonical_rig_is_kept_so_the_metres_of_the_weights_are(source, warm):
    before, after = (load_checkpoint(path)[1] for path in (source, warm))
    assert (after.camera, after.baseline_m) == (RIG, BASELINE_M)
    assert after.depth_range_m == before.depth_range_m
    # What describes the data is of the new data.
    assert after.training_fx_px == (72, 72)
    assert (after.training_data, after.data_licence) == (('second',), 'CC0')


def test_the_history_names_all_trainings_with_their_licences(source, warm, other_pairs, tmp_path):
    first, second = (load_checkpoint(path)[1] for path in (source, warm))
    assert first.history == ()
    stage = TrainingStage('first/last.ckpt', ('first',), 'CC BY 4.0', 2, first.git_commit)
    assert second.history == (stage,)
    third = warm_start(_config(other_pairs, tmp_path, init_from=warm)).spec
    later = TrainingStage('second/last.ckpt', ('second',), 'CC0', 3, second.git_commit)
    assert third.history == (stage, later)


def test_pretrained_weights_are_the_first_stage(pairs, tmp_path):
    config = _config(pairs, tmp_path, network='resnet18', encoder_weights='a/b/resnet18.pth')
    (stage,) = training_spec(config, [PairFolder(pairs)]).history
    assert stage.origin == 'encoder weights of resnet18: resnet18.pth'


def test_a_checkpoint_of_version_2_is_read_with_the_weights_that_its_options_name(
    source, other_pairs, tmp_path
):
    values = torch.load(source, weights_only=True)
    record = values['monodepth_ros']
    spec = json.loads(record['spec_json']) | {'spec_version': 2}
    for name in ('history', 'bits', 'mounting', 'monitor'):
        del spec[name]
    record['spec_json'] = json.dumps(spec)
    record['config'] |= {'encoder_weights': 'imagenet'}
    torch.save(values, tmp_path / 'old.ckpt')
    _, old = load_checkpoint(tmp_path / 'old.ckpt')
    pretrained = TrainingStage('encoder weights of small: imagenet')
    assert old == replace(load_checkpoint(source)[1], history=(pretrained,))
    start = warm_start(_config(other_pairs, tmp_path / 'run', init_from=tmp_path / 'old.ckpt'))
    assert [stage.steps for stage in start.spec.history] == [None, 2]
    assert start.spec.history[0] == pretrained


def test_the_training_names_its_bits_if_all_rigs_have_the_same(pairs, tmp_path):
    folders = []
    for name, bits in (('a', 12), ('b', 12), ('c', 10)):
        path = write_pairs(tmp_path / name, 1)
        values = json.loads((path / 'calib.json').read_text())
        (path / 'calib.json').write_text(json.dumps(values | {'bits': bits}))
        folders.append(PairFolder(path))
    config, of_8_bits = _config(pairs, tmp_path), PairFolder(pairs)
    assert training_spec(config, folders[:2]).bits == 12
    assert training_spec(config, folders).bits is None
    assert training_spec(config, [*folders[:2], of_8_bits]).bits is None


def test_what_is_kept_and_what_that_costs_is_said(source, pairs, other_pairs, tmp_path, capsys):
    train(_config(pairs, tmp_path / 'same', init_from=source, max_steps=1))
    said = capsys.readouterr().out
    assert f'begins with the weights of {source} and keeps its canonical camera (fx 60.0' in said
    assert 'by itself' not in said
    train(_config(other_pairs, tmp_path / 'other', init_from=source, max_steps=1))
    said = capsys.readouterr().out
    # 72 px * 0.25 m / (0.3 * 64 px), and 60 px * 0.5 m / (0.3 * 64 px).
    costs = f'the rig of {other_pairs} by itself would learn depth from 0.94 m, the canonical '
    assert f'{costs}camera of {source} from 1.56 m; if that matters, train without' in said
    assert 'would show' not in said
    wide = write_pairs(tmp_path / 'wide', rig=replace(RIG, fx=30, fy=30))
    train(_config(wide, tmp_path / 'wider', init_from=source, max_steps=1))
    costs = f'the canonical camera of {source} shows 25% of what the rig of {wide} by itself would'
    assert costs in capsys.readouterr().out


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        (
            {'network': 'resnet18'},
            'network is resnet18, and .* trained with small; give --network',
        ),
        ({'width': 96}, 'width is 96, and .* was trained with 64; give --width 64, or train'),
        ({'height': 64}, 'height is 64, and .* was trained with 32; give --height 32, or train'),
        ({'square_pixels': False}, 'square_pixels is False, .* give --square_pixels true, or'),
        ({'max_depth_m': 1.5}, 'nearer than 1.56 m has a .*; raise max_depth_m'),
    ],
)
def test_options_that_do_not_fit_the_checkpoint_are_refused(
    source, pairs, tmp_path, changes, words
):
    with pytest.raises(ValueError, match=words):
        train(_config(pairs, tmp_path / 'run', init_from=source, **changes))
    assert not (tmp_path / 'run').exists()


def test_a_stretched_camera_is_kept_only_by_name(pairs, tmp_path):
    """Without stored options, the camera itself shows that it is stretched."""
    path = write_checkpoint(tmp_path / 'last.ckpt')
    values = torch.load(path, weights_only=True)
    spec = ModelSpec.from_json(values['monodepth_ros']['spec_json'])
    camera = replace(spec.camera, fx=1.5 * spec.camera.fx)
    values['monodepth_ros']['spec_json'] = replace(spec, camera=camera).to_json()
    torch.save(values, path)
    config = _config(pairs, tmp_path / 'run', width=128, height=64, init_from=path)
    with pytest.raises(ValueError, match=r'square_pixels is True, .* give --square_pixels false'):
        warm_start(config)
    assert warm_start(replace(config, square_pixels=False)).spec.camera == camera


def test_the_command_line_and_the_stored_configuration_name_the_checkpoint(warm, tmp_path):
    stored = ['--config', str(warm.parent / 'config.yaml'), '--trainer.max_steps=1']
    for name, options in (('as_stored', []), ('other', [f'--init_from={warm}'])):
        assert main(['train', *stored, f'--output={tmp_path / name}', *options]) == 0
    first, second = (
        load_checkpoint(tmp_path / name / 'last.ckpt')[1].history
        for name in ('as_stored', 'other')
    )
    assert [stage.origin for stage in first] == ['first/last.ckpt']
    assert [stage.origin for stage in second] == ['first/last.ckpt', 'second/last.ckpt']


def test_two_sources_of_weights_are_refused(pairs, tmp_path):
    with pytest.raises(ValueError, match='expected one source of weights; give --encoder_weights'):
        _config(pairs, tmp_path, init_from=Path('a.ckpt'), encoder_weights='imagenet')


def test_a_checkpoint_of_the_output_itself_is_refused(pairs, tmp_path):
    inside = tmp_path / 'run' / 'recent' / '..' / 'best.ckpt'
    with pytest.raises(ValueError, match='whose checkpoints this training replaces; choose'):
        _config(pairs, tmp_path / 'run', init_from=inside)


def test_a_file_that_is_no_checkpoint_is_refused(pairs, tmp_path):
    (tmp_path / 'model.onnx').write_bytes(b'onnx')
    with pytest.raises(ValueError, match=r'model.onnx is no checkpoint of this trainer'):
        train(_config(pairs, tmp_path / 'run', init_from=tmp_path / 'model.onnx'))
    with pytest.raises(FileNotFoundError, match=r'checkpoint .*none.ckpt not found; make one'):
        train(_config(pairs, tmp_path / 'run', init_from=tmp_path / 'none.ckpt'))
    assert not (tmp_path / 'run').exists()


def test_a_rig_that_shows_too_little_of_the_canonical_camera_is_refused(source, tmp_path, capsys):
    narrow = write_pairs(tmp_path / 'narrow', rig=replace(RIG, fx=150, fy=150))
    config = _config(narrow, tmp_path / 'run', init_from=source, max_steps=1)
    words = (
        f'^{narrow}: its images cover 16% of .*; train without init_from, or train with --force'
    )
    with pytest.raises(ValueError, match=words):
        train(config)
    capsys.readouterr()
    train(replace(config, force=True))
    assert 'in spite of faults (force): ' in capsys.readouterr().out
    # Of several rigs, the first one is the canonical one.
    several = replace(config, init_from=None, output=tmp_path / 'several')
    wide = write_pairs(tmp_path / 'wide')
    with pytest.raises(ValueError, match='; give the data with the narrowest view first, or'):
        train(replace(several, data=(str(wide), str(narrow))))
    capsys.readouterr()
    train(replace(several, data=(str(narrow), str(wide))))
    assert 'its images cover' not in capsys.readouterr().out


def test_a_rig_that_shows_a_part_of_the_canonical_camera_is_named(source, tmp_path, capsys):
    narrow = write_pairs(tmp_path / 'narrow', rig=replace(RIG, fx=120, fy=120))
    train(_config(narrow, tmp_path / 'run', init_from=source, max_steps=1))
    words = f'{narrow}: its images cover 25% of the canonical camera, because their view is'
    assert words in capsys.readouterr().out


def test_it_is_resumed_after_its_source_is_gone(source, other_pairs, tmp_path, capsys):
    copy = tmp_path / 'first.ckpt'
    copy.write_bytes(source.read_bytes())
    config = _config(other_pairs, tmp_path / 'run', init_from=copy)
    last = train(config)
    before = load_checkpoint(last)[1]
    # As if it had been stopped after two of four steps.
    state = torch.load(last, weights_only=True)
    state['monodepth_ros']['config']['trainer']['max_steps'] = 4
    torch.save(state, last)
    copy.unlink()
    with pytest.raises(FileExistsError, match=r'was trained with init_from = .*first.ckpt, now'):
        train(replace(config, init_from=None))
    capsys.readouterr()
    assert train(_config(other_pairs, tmp_path / 'run', init_from=copy, max_steps=4)) == last
    said = capsys.readouterr().out
    assert 'going on from last.ckpt' in said
    assert 'begins with' not in said
    assert torch.load(last, weights_only=True)['global_step'] == 4
    after = load_checkpoint(last)[1]
    assert replace(after, git_commit=before.git_commit) == before
    assert [stage.origin for stage in after.history] == [f'{tmp_path.name}/first.ckpt']


def _scalars(checkpoint, name):
    logs = EventAccumulator(str(checkpoint.parent / 'tensorboard'))
    logs.Reload()
    return [event.value for event in logs.Scalars(name)]


def test_a_record_without_options_has_no_history(source):
    values = json.loads(read_record(source).spec_json)
    text = json.dumps({**values, 'history': []})
    assert recorded_spec(TrainingRecord(text, {}, '')).history == ()
