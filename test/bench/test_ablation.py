"""What the ablation measures, repeats and reports."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bench import ablation, ablation_data
from bench.ablation import Plan, Row, train_command, training_config
from bench.ablation_data import AblationData, JudgedSet, prepare, write_matched, write_part
from bench.ablation_scores import disagreement, NearErrors, score
from bench.ablation_tables import markdown, mean_and_spread, score_rows, targets
from monodepth_ros.core.camera import StereoCalibration
from monodepth_ros.storage.pair_folder import PairFolder, PairFolderWriter
from test.helpers.stereo_folders import BASELINE_M, RIG, SHIFT_PX, write_pairs
from trainer.__main__ import main as trainer_main

PLAN = Plan('tiny', steps=20, seeds=(1,), every=1)
ROW = Row('+ an encoder', {'network': 'small', 'learning_rate': 1e-3})


def _with_depth(folder: Path, depth_m: np.ndarray) -> Path:
    """One pair with a ground truth."""
    write_pairs(folder, 1)
    PairFolderWriter(folder, StereoCalibration(RIG, BASELINE_M)).add_gt_depth('0', depth_m)
    return folder


def _halves(left, right) -> np.ndarray:
    values = np.full((RIG.height, RIG.width), right, np.float32)
    values[:, : RIG.width // 2] = left
    return values


def _predictor(depth_m, confidence):
    """Sees the same in every image."""
    seen = SimpleNamespace(depth_m=depth_m, confidence=confidence, camera=RIG)
    return SimpleNamespace(predict=lambda image, camera: seen)


@pytest.fixture
def data(tmp_path):
    street = write_pairs(tmp_path / 'street')
    folder = _with_depth(tmp_path / 'judged', _halves(4, 10))
    return AblationData((str(street),), str(street), (JudgedSet('street', folder, 'none'),))


def test_near_pixels_that_are_too_far_and_sure():
    near = NearErrors()
    near.add(
        # Far away; right; 1 m too near; 25 % too far, which is allowed; 50 % too far three times.
        np.array([20, 4, 3, 5, 6, 6, 6]),
        confidence=np.array([1, 1, 1, 1, 0.9, 0.5, 0.4]),
        true_m=np.array([10, 4, 4, 4, 4, 4, 4]),
    )
    assert (near.pixels, near.too_far, near.sure) == (6, 3, 2)
    assert near.error == pytest.approx(0 - 0.25 + 0.25 + 3 * 0.5)


@pytest.mark.parametrize(('true_m', 'pixels'), [(2.82, 0), (2.83, 1), (5.65, 1), (5.66, 0)])
def test_near_is_two_bins_by_distance(true_m, pixels):
    near = NearErrors()
    near.add(np.array([true_m]), confidence=np.array([1.0]), true_m=np.array([true_m]))
    assert near.pixels == pixels


def test_the_score_is_the_mean_of_the_checkpoints(data):
    predictors = {
        # Both see the right half as it is; one sees the left half half as far again, and is sure
        # of a quarter of the image.
        'step_1': _predictor(_halves(4, 10), _halves(1, 1)),
        'step_2': _predictor(_halves(6, 10), _halves(0, 0)),
    }
    predictors['step_2'].predict(None, None).confidence[: RIG.height // 2] = 1
    found = score(predictors, data.judged[0])
    assert found['abs_rel'] == pytest.approx((0 + 0.25) / 2)
    assert found['rmse_m'] == pytest.approx((0 + np.sqrt(0.5 * 2**2)) / 2)
    assert found['delta_1'] == pytest.approx((1 + 0.5) / 2)
    assert found['near_bias'] == pytest.approx((0 + 0.5) / 2)
    assert (found['near_too_far'], found['near_sure']) == (0.5, 0.5)
    # Of the first, all errors are 0. The second's confidence says nothing: 0.25 whatever is left
    # out, where the best order has (f - 0.5) / f * 0.5 of the fraction f, or 0.
    left = 1 - np.arange(50) / 50
    best = np.maximum(0, (left - 0.5) / left * 0.5)
    assert found['ause'] == pytest.approx(np.mean(0.25 - best) / 2, abs=1e-3)
    near, far = found['by_distance']
    half = RIG.height * RIG.width // 2
    assert (near['pixels'], far['pixels']) == (half, half)
    assert (near['bias'], far['bias']) == pytest.approx((0.25, 0))


def test_no_near_pixel_is_no_fraction(tmp_path):
    judged = JudgedSet('far', _with_depth(tmp_path / 'far', _halves(9, 10)), 'none')
    found = score({'step': _predictor(_halves(9, 10), _halves(1, 1))}, judged)
    assert (found['near_bias'], found['near_too_far'], found['near_sure']) == (None, None, None)


def test_garg_counts_the_lower_part_only(tmp_path):
    judged = JudgedSet('street', _with_depth(tmp_path / 'street', _halves(4, 4)), 'garg')
    depth_m = _halves(4, 4)
    depth_m[:10] = 40  # the crop of 32 rows begins at row 13
    assert score({'step': _predictor(depth_m, _halves(1, 1))}, judged)['abs_rel'] == 0


def test_a_set_without_ground_truth_in_range_is_an_error(tmp_path):
    judged = JudgedSet('sky', _with_depth(tmp_path / 'sky', _halves(90, 90)), 'none')
    with pytest.raises(ValueError, match='no pixel to compare, expected ground truth'):
        score({'step': _predictor(_halves(4, 4), _halves(1, 1))}, judged)


def test_matching_against_the_lidar(tmp_path):
    lidar = JudgedSet('lidar', _with_depth(tmp_path / 'lidar', _halves(4, 10)), 'none')
    # Unknown in the upper half of the near side, and a fifth too far in the lower one.
    matched_m = _halves(4.8, 10.5)
    matched_m[: RIG.height // 2, : RIG.width // 2] = np.nan
    matched = JudgedSet('matched', _with_depth(tmp_path / 'matched', matched_m), 'none')
    near, far = disagreement(lidar, matched)
    half = RIG.height * RIG.width // 2
    assert (near['pixels'], far['pixels']) == (half // 2, half)
    assert (near['outliers'], far['outliers']) == (1, 0)
    assert (near['abs_rel'], far['bias']) == pytest.approx((0.2, 0.05), abs=1e-3)


@pytest.fixture
def trained(monkeypatch):
    """Configurations that would have been trained."""
    configs = []
    monkeypatch.setattr(ablation, 'train', lambda config, _: configs.append(config))
    monkeypatch.setattr(ablation, 'judge', lambda *_: {'commit': 'c', 'scores': len(configs)})
    return configs


def test_a_result_is_used_again_with_the_same_options_only(data, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = training_config(ROW, 1, PLAN, data)
    assert ablation.result(config, data)['scores'] == 1
    assert ablation.result(config, data)['scores'] == 1
    other = training_config(Row(ROW.name, {**ROW.options, 'learning_rate': 2e-3}), 1, PLAN, data)
    assert ablation.result(other, data)['scores'] == 2
    assert trained == [config, other]


def test_a_result_of_another_ground_truth_is_not_used(data, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = training_config(ROW, 1, PLAN, data)
    ablation.result(config, data)
    writer = PairFolderWriter(data.judged[0].folder, StereoCalibration(RIG, BASELINE_M))
    writer.add_gt_depth('0', _halves(4, 11))
    assert ablation.result(config, data)['scores'] == 2


def test_an_option_that_is_newer_than_a_result_had_its_default(data):
    config = training_config(ROW, 1, PLAN, data)
    stored = config.plain()
    del stored['force']
    assert ablation.is_same(stored, config)
    assert not ablation.is_same({**stored, 'force': True}, config)
    assert ablation.is_same({**stored, 'data': ['elsewhere']}, config)
    assert ablation.is_same({**stored, 'an_option_of_the_past': False}, config)
    assert not ablation.is_same({**stored, 'an_option_of_the_past': 1}, config)


def test_the_command_means_the_configuration(data, monkeypatch):
    config = training_config(ROW, 1, PLAN, data)
    asked = []
    monkeypatch.setattr('trainer.train.train.train', asked.append)
    assert trainer_main(train_command(config)[3:]) == 0
    (found,) = asked
    assert found.plain() | {'trainer': {}} == config.plain() | {'trainer': {}}
    assert found.trainer.items() >= config.trainer.items()  # the others are Lightning's defaults


def test_a_training_with_other_options_or_data_is_removed(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = training_config(ROW, 1, PLAN, data)

    def run(*_, **__):
        config.output.mkdir(exist_ok=True)
        (config.output / f'run_{len([*config.output.iterdir()])}').touch()
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(ablation.subprocess, 'run', run)
    ablation.train(config, 'data')
    ablation.train(config, 'data')
    assert len([*config.output.iterdir()]) == 2
    other = training_config(Row(ROW.name, {**ROW.options, 'learning_rate': 2e-3}), 1, PLAN, data)
    ablation.train(other, 'data')
    assert len([*config.output.iterdir()]) == 1
    ablation.train(other, 'data')
    ablation.train(other, 'other data')
    assert len([*config.output.iterdir()]) == 1


def test_a_failed_training_ends_the_ablation(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failed = SimpleNamespace(returncode=1)
    monkeypatch.setattr(ablation.subprocess, 'run', lambda *_, **__: failed)
    with pytest.raises(ValueError, match='ended with status 1'):
        ablation.train(training_config(ROW, 1, PLAN, data), 'data')


def test_the_last_five_checkpoints_are_of_the_last_fifth(data):
    assert training_config(ROW, 1, ablation.FULL, data).checkpoint_every == 40


def _scores(abs_rel):
    figures = {'abs_rel': abs_rel, 'rmse_m': 3, 'delta_1': 0.8, 'ause': 0.1, 'near_bias': 0.5}
    bins = [{'from_m': 4.0, 'to_m': 5.66, 'pixels': 1234, 'abs_rel': 0.1, 'bias': abs_rel}]
    figures |= {'near_too_far': 0.25, 'near_sure': None, 'by_distance': bins}
    return {'karlsruhe': figures, 'kitti_odo_seq2': {**figures, 'abs_rel': 2 * abs_rel}}


def test_mean_and_spread():
    assert mean_and_spread([0.1, 0.3], '.3f') == '0.200 ± 0.100'
    assert mean_and_spread([0.1, 0.3], '+.1f') == '+0.2 ± 0.1'
    assert mean_and_spread([0.5], '.0%') == '50%'
    assert mean_and_spread([None, None], '.0%') == '-'


def test_the_table_has_a_line_for_each_set_and_row():
    rows = {'first': [_scores(0.1), _scores(0.3)], 'final': [_scores(0.1), _scores(0.1)]}
    lines = score_rows(rows)
    assert [line[:3] for line in lines] == [
        ['karlsruhe', 'first', '0.200 ± 0.100'],
        ['karlsruhe', 'final', '0.100 ± 0.000'],
        ['kitti_odo_seq2', 'first', '0.400 ± 0.200'],
        ['kitti_odo_seq2', 'final', '0.200 ± 0.000'],
    ]
    floor = [{'from_m': 2.83, 'pixels': 9, 'outliers': 0.5, 'abs_rel': 0.1, 'bias': -0.1}]
    text = markdown(rows, floor)
    assert '| 4 m | 1,234 | +0.20 ± 0.10 | +0.10 ± 0.00 |' in text
    assert '| 2.8 m | 9 | 50% | 0.100 | -0.100 |' in text


@pytest.mark.parametrize(('final', 'ok'), [(0.14, True), (0.16, False)])
def test_targets_compare_the_final_row_with_the_first(final, ok):
    rows = {'first': [_scores(0.1), _scores(0.3)], 'final': [_scores(final)], 'in': [_scores(9)]}
    for target in targets(rows, first='first', final='final'):
        assert target.measured == pytest.approx(final / 0.2)
        assert target.ok == ok


def test_a_part_is_links_without_a_ground_truth(tmp_path):
    whole = PairFolder(_with_depth(tmp_path / 'whole', _halves(4, 4)))
    write_part(tmp_path / 'part', whole, ['0'])
    part = PairFolder(tmp_path / 'part')
    assert part.calibration == whole.calibration
    assert [path.resolve() for path in part.paths('0')] == [*whole.paths('0')]
    assert part.read_gt_depth('0') is None


def test_matched_depth_becomes_a_ground_truth(tmp_path):
    pairs = PairFolder(write_pairs(tmp_path / 'pairs', 3))
    write_matched(tmp_path / 'matched', pairs, ['0', '2'])
    matched = PairFolder(tmp_path / 'matched')
    assert matched.names == ['0', '2']
    for name in matched.names:
        true_m = RIG.fx * BASELINE_M / SHIFT_PX
        assert np.nanmedian(matched.read_gt_depth(name)) == pytest.approx(true_m, rel=0.05)


def test_missing_data_is_named(tmp_path):
    (tmp_path / 'bags' / 'kitti_0926_drive').mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r'lacks pairs/euroc_v1_micro, .* --data'):
        prepare(tmp_path, tmp_path / 'work', every=1)


def test_other_recordings_have_other_folders(tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'x.jpg').write_bytes(b'12')
    first = ablation_data._key(tmp_path, ['a'], 2)
    assert ablation_data._key(tmp_path, ['a'], 2) == first
    assert ablation_data._key(tmp_path, ['a'], 4) != first
    (tmp_path / 'a' / 'x.jpg').write_bytes(b'123')
    assert ablation_data._key(tmp_path, ['a'], 2) != first
