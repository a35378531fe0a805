"""The evaluation as a user types it, on data whose depth and prediction are known."""

from __future__ import annotations

import csv
from dataclasses import replace
import json

import numpy as np
import pytest

from monodepth_ros.core.camera import Intrinsics
from test.helpers.recordings import add_cloud, add_depth, PERIOD_NS, write_stereo_bag
from test.helpers.stereo_folders import SIZE, write_pairs
from test.helpers.tiny_model import CAMERA, spec, write_red_disparity_model
from test.helpers.trees import (
    DATE,
    write_improved_depth,
    write_kitti_raw,
    write_kitti_stereo,
    write_red_pairs,
)
from trainer.__main__ import main
from trainer.evaluate.config import EvaluateConfig
from trainer.evaluate.evaluate import evaluate, PRIOR
from trainer.evaluate.table import protocol_text, table_rows
from trainer.train.config import TrainConfig

# The model predicts fx * B / (red / 1020 * 128) = 255 m / red: 5 m of 51, beyond 100 m of 2.
RED_5_M, RED_BEYOND = 51, 2
NAN = np.nan


def _depth(left_m, right_m, camera=CAMERA):
    """(H, W): one depth in the left half, another one in the right half."""
    depth_m = np.full((camera.height, camera.width), right_m, np.float32)
    depth_m[:, : camera.width // 2] = left_m
    return depth_m


def _evaluate(tmp_path, *arguments):
    """The summary of a run that must succeed."""
    output = tmp_path / 'result'
    assert main(['evaluate', *map(str, arguments), '-o', str(output)]) == 0
    return json.loads((output / 'summary.json').read_text())


@pytest.fixture
def red_pairs(tmp_path):
    """Two frames: truth 4 and 5 m, then 5 m alone; a third one has no truth."""
    frames = {
        'a': (RED_5_M, _depth(4, 5)),
        'b': (RED_5_M, _depth(5, NAN)),
        'c': (RED_5_M, None),
    }
    return write_red_pairs(tmp_path / 'pairs', frames)


def test_every_file_holds_the_metrics_by_hand(tmp_path, red_disparity_model, red_pairs, capsys):
    summary = _evaluate(tmp_path, red_disparity_model, red_pairs)
    assert (summary['frames'], summary['frames_without_truth']) == (2, 1)
    (row,) = summary['rows']
    # Abs Rel of the first image is (1 / 4 + 0) / 2, of the second 0.
    assert row['abs_rel'] == pytest.approx(1 / 16)
    assert row['rmse_m'] == pytest.approx(np.sqrt(1 / 2) / 2)
    assert row['delta_1'] == pytest.approx(3 / 4)  # 5 / 4 is not below 1.25
    assert row['d1_all'] is None
    assert row['valid_share'] == 1
    with (tmp_path / 'result' / 'images.csv').open() as file:
        images = list(csv.DictReader(file))
    assert [(i['model'], i['image']) for i in images] == [
        ('red.onnx', 'pairs/a'),
        ('red.onnx', 'pairs/b'),
    ]
    assert float(images[0]['abs_rel']) == pytest.approx(1 / 8)
    assert images[0]['median_scale'] == ''
    page = (tmp_path / 'result' / 'report.html').read_text()
    assert '<td>0.062</td>' in page
    assert 'metric, no scaling' in page
    assert '1 more left out, without a ground truth' in page
    assert page.count('src="data:image/png;base64,') == page.count('src="') == 5
    assert '<script' not in page
    assert 'http' not in page
    assert '0.062' in capsys.readouterr().out
    # The model has no confidence.
    assert summary['confidence'] == {}
    assert '<h2>Confidence' not in page


def test_errors_by_distance_are_those_of_all_pixels(tmp_path, red_disparity_model, red_pairs):
    (bins,) = _evaluate(tmp_path, red_disparity_model, red_pairs)['by_distance'].values()
    half = CAMERA.width * CAMERA.height // 2
    # Bin edges are 0.5 m times powers of the square root of 2: 4 m and 5 m share one to 5.66 m.
    assert bins == [
        {
            'from_m': pytest.approx(4),
            'to_m': pytest.approx(4 * np.sqrt(2)),
            'pixels': 3 * half,
            'abs_rel': pytest.approx(1 / 12),
            'bias': pytest.approx(1 / 12),
        }
    ]


def test_predictions_beyond_the_cap_count_as_it_and_truth_beyond_it_not_at_all(
    tmp_path, red_disparity_model
):
    frames = {'a': (RED_BEYOND, _depth(40, 60))}
    pairs = write_red_pairs(tmp_path / 'pairs', frames)
    (row,) = _evaluate(tmp_path, red_disparity_model, pairs, '--cap_m=50')['rows']
    assert row['abs_rel'] == pytest.approx(1 / 4)
    assert row['rmse_m'] == pytest.approx(10)


def test_median_scaling_is_labelled_everywhere(tmp_path, red_disparity_model, capsys):
    pairs = write_red_pairs(tmp_path / 'pairs', {'a': (RED_5_M, _depth(10, 10))})
    summary = _evaluate(tmp_path, red_disparity_model, pairs, '--median_scaling=true')
    assert summary['rows'][0]['abs_rel'] == pytest.approx(0, abs=1e-6)
    assert summary['protocol']['median_scaling'] is True
    with (tmp_path / 'result' / 'images.csv').open() as file:
        (image,) = csv.DictReader(file)
    assert float(image['median_scale']) == pytest.approx(2)
    assert 'Median-scaled' in (tmp_path / 'result' / 'report.html').read_text()
    assert 'MEDIAN-SCALED' in capsys.readouterr().out


def test_models_of_any_scale_are_median_scaled_to_one_figure(tmp_path):
    # Red 5 is 5.1 m at a baseline of 5 cm; 3 and 100 times that, 15.3 and 510 m, beyond the cap.
    models = [
        write_red_disparity_model(tmp_path / f'{n}.onnx', replace(spec(), baseline_m=0.05 * n))
        for n in (1, 3, 100)
    ]
    pairs = write_red_pairs(tmp_path / 'pairs', {'a': (5, _depth(10, 40))})
    scores = evaluate(models, str(pairs), EvaluateConfig(median_scaling=True)).scores.values()
    # The median of 10 and 40 m is 25 m: off by 15 m either way.
    by_hand = (15 / 10 + 15 / 40) / 2
    assert [score.metrics.abs_rel for score in scores] == pytest.approx([by_hand] * 3)


def test_what_the_model_does_not_see_is_no_error_but_is_said(tmp_path, red_disparity_model):
    # Half the focal length: the network's input grows to 256 x 64 of the 256 x 128 px it sees.
    wide = Intrinsics(fx=32, fy=32, cx=63.5, cy=31.5, width=128, height=64)
    pairs = write_red_pairs(tmp_path / 'pairs', {'a': (RED_5_M, _depth(5, 5, wide))}, wide)
    (row,) = _evaluate(tmp_path, red_disparity_model, pairs)['rows']
    assert row['abs_rel'] == pytest.approx(0, abs=1e-6)
    assert row['valid_share'] == pytest.approx(1 / 2)


def test_several_models_get_a_mean_and_a_spread(tmp_path, red_disparity_model, red_pairs):
    # Twice the baseline is twice the depth: 10 m.
    other = write_red_disparity_model(tmp_path / 'far.onnx', replace(spec(), baseline_m=1.0))
    rows = _evaluate(tmp_path, red_disparity_model, other, red_pairs)['rows']
    assert [row['name'] for row in rows] == ['red.onnx', 'far.onnx', 'mean ± spread of 2 models']
    near, far = 1 / 16, ((6 / 4 + 1) / 2 + 1) / 2
    assert [row['abs_rel'] for row in rows] == pytest.approx([near, far, (near + far) / 2])
    assert rows[2]['spread']['abs_rel'] == pytest.approx((far - near) / np.sqrt(2))


def test_the_blind_prior_stands_beside_the_model(tmp_path, red_disparity_model):
    training = write_pairs(tmp_path / 'training')  # 60 px * 0.5 m / 4 px = 7.5 m everywhere
    camera = Intrinsics(fx=60, fy=60, cx=31.5, cy=15.5, width=64, height=32)
    pairs = write_red_pairs(tmp_path / 'pairs', {'a': (RED_5_M, _depth(5, 5, camera))}, camera)
    model, prior = _evaluate(tmp_path, red_disparity_model, pairs, '--prior', training)['rows']
    assert (model['kind'], prior['kind'], prior['name']) == ('model', 'prior', PRIOR)
    assert model['abs_rel'] == pytest.approx(0, abs=1e-6)
    assert prior['abs_rel'] == pytest.approx(0.5, abs=0.05)


def test_a_pair_without_a_laser_is_compared_with_its_matching(tmp_path, red_disparity_model):
    pairs = write_pairs(tmp_path / 'pairs')
    summary = _evaluate(tmp_path, red_disparity_model, pairs, '--truth=stereo')
    assert 'semi-global matching' in summary['truth']
    assert summary['frames'] == 4
    assert summary['rows'][0]['abs_rel'] > 0


def _grey_bag(path, extra, **changes):
    """The left view alone; its frame n is grey 10 n, so that frame 5 is predicted at 5.1 m."""
    return write_stereo_bag(path, frames=7, views=('left',), extra=extra, **changes)


@pytest.mark.parametrize('compressed', [True, False])
def test_a_recording_with_a_laser(tmp_path, red_disparity_model, compressed):
    # The scan is stamped 4 ms after frame 5; its points are straight ahead.
    stamp_ns = 5 * PERIOD_NS + 4_000_000
    points = np.array([[0, 0, 5.1], [1, 0, 5.1], [0.3, 0.3, 3.0]])
    bag = _grey_bag(
        tmp_path / 'bag',
        lambda bag: add_cloud(bag, 'left_optical_frame', points, stamp_ns=stamp_ns),
        compressed=compressed,
    )
    summary = _evaluate(tmp_path, red_disparity_model, bag if compressed else bag / 'bag.mcap')
    assert summary['truth'] == '/left_optical_frame/points (laser)'
    assert summary['frames'] == 1
    assert summary['rows'][0]['abs_rel'] == pytest.approx((0 + 0 + 2.1 / 3) / 3)


@pytest.mark.parametrize('dtype', [np.float32, np.uint16])
def test_a_recording_with_a_depth_camera_of_half_the_size(tmp_path, red_disparity_model, dtype):
    metre = 1 if dtype is np.float32 else 1000
    values = np.full((24, 32), 3 * metre, dtype)
    values[:, :16] = 0  # 16UC1: none; as 32FC1 it is no depth either
    bag = _grey_bag(
        tmp_path / 'bag',
        lambda bag: add_depth(bag, '/depth', values, stamp_ns=5 * PERIOD_NS, focal_px=30),
    )
    summary = _evaluate(tmp_path, red_disparity_model, bag)
    assert summary['truth'] == '/depth/image_rect (depth image)'
    assert summary['rows'][0]['abs_rel'] == pytest.approx(2.1 / 3)
    with (tmp_path / 'result' / 'images.csv').open() as file:
        (image,) = csv.DictReader(file)
    assert int(image['pixels']) <= 24 * 16


def test_kitti_raw_has_the_crop_and_the_papers_rows(tmp_path, red_disparity_model, capsys):
    # 5.25 m ahead of the laser is 5 m ahead of the camera. The crop has rows 13 to 30.
    points = np.array([[5.25, 0, -0.5], [5.25, 0, 0.9], [10.25, 2, 0]])
    root = write_kitti_raw(tmp_path / 'raw', points=points, level=RED_5_M)
    summary = _evaluate(tmp_path, red_disparity_model, root)
    ours, paper, *_ = summary['rows']
    # In the crop: the first point, right, and the third one at 10 m, predicted at 5 m.
    assert ours['abs_rel'] == pytest.approx((0 + 1 / 2) / 2)
    assert (paper['name'], paper['abs_rel']) == ('Godard 2017 VGG, K', 0.148)
    assert summary['protocol']['crop'] == 'garg'
    assert 'from memory of the paper' in (tmp_path / 'result' / 'report.html').read_text()
    said = capsys.readouterr().out
    assert 'Velodyne, depth along the optical axis' in said
    assert '2 images (papers: 697)' in ' '.join(said.split())


def test_kitti_raw_has_an_improved_truth_too(tmp_path, red_disparity_model):
    points = np.array([[5.25, 0, -0.5]])
    root = write_kitti_raw(tmp_path / 'raw', points=points, level=RED_5_M)
    depth_m = np.zeros((32, 64))
    depth_m[2, 30], depth_m[20, 30] = 10, 5  # predicted at 5 m; Garg's crop begins at row 13
    annotated = tmp_path / 'data_depth_annotated' / 'train' / f'{DATE}_drive_0001_sync'
    write_improved_depth(annotated, '0000000002', depth_m)
    evaluation = evaluate([red_disparity_model], str(root), EvaluateConfig(truth='improved'))
    (score,) = evaluation.scores.values()
    assert score.metrics.abs_rel == pytest.approx((1 / 2 + 0) / 2)
    said = protocol_text(evaluation)
    assert "truth: KITTI's improved ground truth (annotated depth maps)" in said
    assert 'no crop; metric, no scaling; 1 images; 1 more left out, without a ground truth' in said
    assert [row.kind for row in table_rows(evaluation)] == ['model']  # papers report another one


def test_stereo_2015_goes_through_disparity(tmp_path, red_disparity_model):
    # Predicted 5 m are 60 px * 0.5 m / 5 m = 6 px of the rig that took the pictures.
    disparity_px = np.full((32, 64), 6.0)
    disparity_px[:, :16] = 2.5  # off by 3.5 px: bad
    disparity_px[:, 16:32] = 3.5  # off by 2.5 px: not bad
    root = write_kitti_stereo(tmp_path / 's', disparities={'000000': disparity_px}, level=RED_5_M)
    summary = _evaluate(tmp_path, red_disparity_model, root)
    row = summary['rows'][0]
    # A few pixels at the border are outside the model's camera.
    assert row['d1_all'] == pytest.approx(25, abs=1)
    # Ratios of depth are those of disparity: 1 - 2.5 / 6 and 1 - 3.5 / 6.
    assert row['abs_rel'] == pytest.approx((3.5 / 6 + 2.5 / 6) / 4, abs=0.01)
    assert summary['rows'][1]['d1_all'] == 30.27


def test_the_models_range_does_not_change_disparities(tmp_path, red_disparity_model):
    near = write_red_disparity_model(tmp_path / 'near.onnx', replace(spec(), depth_range_m=(1, 4)))
    # 5 m are beyond the second model's range, and the right answer for both.
    disparity_px = np.full((32, 64), 6.0)
    root = write_kitti_stereo(tmp_path / 's', disparities={'000000': disparity_px}, level=RED_5_M)
    rows = _evaluate(tmp_path, red_disparity_model, near, root)['rows']
    assert [row['d1_all'] for row in rows[:2]] == [0, 0]
    assert rows[1]['abs_rel'] == pytest.approx(0, abs=0.01)


def test_a_checkpoint_and_its_export_agree(tmp_path, red_pairs):
    from trainer.export.export import export
    from trainer.train.train import train

    config = TrainConfig(
        (str(write_pairs(tmp_path / 'training')),),
        tmp_path / 'run',
        network='small',
        batch_size=4,
        workers=0,
        trainer={'max_steps': 1, 'enable_progress_bar': False},
        **SIZE,
    )
    checkpoint = train(config)
    export(checkpoint, tmp_path / 'model.onnx')
    summary = _evaluate(tmp_path, checkpoint, tmp_path / 'model.onnx', red_pairs)
    torch_row, onnx_row, _ = summary['rows']
    assert torch_row['name'] == 'run/last.ckpt'
    for key in ('abs_rel', 'rmse_m', 'rmse_log', 'valid_share'):
        assert torch_row[key] == pytest.approx(onnx_row[key], rel=1e-4)
    of_torch, of_onnx = summary['confidence'].values()
    assert of_torch['ause'] == pytest.approx(of_onnx['ause'], abs=1e-3)
    with (tmp_path / 'result' / 'images.csv').open() as file:
        pixels = [int(line['pixels']) for line in csv.DictReader(file)]
    assert sum(entry['pixels'] for entry in of_onnx['reliability']) == sum(pixels) // 2
    page = (tmp_path / 'result' / 'report.html').read_text()
    assert f'<td>{of_onnx["ause"]:.4f}</td>' in page
    assert page.count('src="data:image/png;base64,') == 7


def test_a_recording_that_cannot_be_read_is_told_from_a_folder_of_pairs(
    tmp_path, red_disparity_model, capsys
):
    bag = _grey_bag(tmp_path / 'bag', None)
    (bag / 'metadata.yaml').unlink()
    assert main(['evaluate', str(red_disparity_model), str(bag), '-o', str(tmp_path / 'r')]) == 1
    assert 'ros2 bag reindex' in capsys.readouterr().err


def test_the_best_and_the_worst_images_are_kept(tmp_path, red_disparity_model):
    frames = {f'{n}': (RED_5_M, _depth(5 + n, 5 + n)) for n in (3, 1, 7, 5, 0, 6, 2, 4)}
    pairs = write_red_pairs(tmp_path / 'pairs', frames)
    _evaluate(tmp_path, red_disparity_model, pairs)
    page = (tmp_path / 'result' / 'report.html').read_text()
    places = [page.index(f'pairs/{n}: Abs Rel') for n in (0, 1, 2, 7, 6, 5)]
    assert places == sorted(places)
    assert 'pairs/3: Abs Rel' not in page


@pytest.mark.parametrize(
    ('frames', 'options', 'words'),
    [
        ({'a': (51, None)}, (), 'holds no ground truth: looked for gt_depth/NAME.png'),
        ({'a': (51, _depth(90, NAN))}, (), 'none of 1 frames with a ground truth'),
        ({'a': (51, _depth(5, 5))}, ('--image=/a',), '--image is for topics'),
        ({'a': (51, _depth(5, 5))}, ('--info=/a',), '--info is for topics'),
        ({'a': (51, _depth(5, 5))}, ('--cap_m=0',), 'expected 0 < min_m < cap_m'),
        ({'a': (51, _depth(5, 5))}, ('--cap_m=.inf',), 'expected 0 < min_m < cap_m < inf'),
        ({'a': (51, _depth(5, 5))}, ('--first_share=1',), '0 <= first_share < last_share <= 1'),
        ({'a': (51, _depth(5, 5)[1:])}, (), 'a.png is uint16 of shape (63, 128), expected'),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(
    tmp_path, red_disparity_model, capsys, frames, options, words
):
    pairs = write_red_pairs(tmp_path / 'pairs', frames)
    output = tmp_path / 'result'
    assert main(['evaluate', str(red_disparity_model), str(pairs), '-o', str(output), *options])
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert words in error
    assert not output.exists()


def test_unknown_options_and_missing_models_are_errors(tmp_path, red_pairs, capsys):
    command = ['evaluate', str(tmp_path / 'none.onnx'), str(red_pairs), '-o', str(tmp_path / 'r')]
    assert main(command) == 1
    assert 'none.onnx' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*command, '--median=true'])
    assert '--median' in capsys.readouterr().err


def test_a_result_is_not_overwritten(tmp_path, red_disparity_model, red_pairs, capsys):
    (tmp_path / 'result').mkdir()
    command = ['evaluate', str(red_disparity_model), str(red_pairs)]
    assert main([*command, '-o', str(tmp_path / 'result')]) == 1
    assert 'exists already' in capsys.readouterr().err
