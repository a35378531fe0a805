"""
`python -m demo`: stereo bag -> pair folder -> trained model -> ONNX -> live depth -> results.

Without --bag it first writes two recordings of a procedural world. With --bag it trains on the
first 60 % of that stereo recording, and measures on the left camera of its last third.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
import json
from pathlib import Path
import shutil
import subprocess
import sys
import time

from rich.console import Console
from rich.table import Table

from demo.ground_truth import lidar_depth, matched_depth, rendered_depth
from demo.live import LiveResult, OUTPUT_BAG, run_live, StageError
from demo.score import DepthScore, near_bottom_fractions, published_depth, score
from demo.world import TRAINING_DRIVE, UNSEEN_DRIVE, write_live_recording, write_rig_recording
from monodepth_ros.common.atomic import atomic_file
from monodepth_ros.common.paths import resolve_paths
from monodepth_ros.core.bit_depth import BitDepth
from monodepth_ros.core.canonical import ImageWarp
from monodepth_ros.inference.load import load_backend
from monodepth_ros.messages.decode import image_rgb, stamp_ns
from monodepth_ros.storage.bag import Bag
from monodepth_ros.storage.bag_cameras import camera_bits, CameraTopic, find_camera, find_stereo
from monodepth_ros.storage.pair_folder import PairFolder
from trainer.datasets.depth_map import DepthMap, resample
from trainer.evaluate.figures import DepthPanels, strip
from trainer.evaluate.prior import training_prior
from trainer.page import save_png

OUT = Path('out')
PRESETS = Path(__file__).parents[1] / 'config' / 'train'
TRAIN_FRACTION, HELD_OUT_FRACTION = 0.6, 2 / 3
PICTURE_ROWS = 4
NO_SCORE = {
    'abs_rel': None, 'abs_rel_prior': None, 'rmse_m': None, 'rmse_m_prior': None,
    'delta_1': None, 'delta_1_prior': None, 'valid_share': None,
}  # fmt: skip

console = Console()


def procedural_demo(output: Path, train_options: list[str]) -> None:
    """Run the chain on two recordings of the procedural world; measure against exact depth."""
    rig_bag, live_bag = output / 'rig_bag', output / 'camera_bag'
    _stage('two recordings of a procedural world')
    prior = DepthMap(*write_rig_recording(rig_bag, TRAINING_DRIVE))
    write_live_recording(live_bag, UNSEEN_DRIVE)
    pairs = output / 'pairs'
    _ingest(rig_bag, pairs)
    model, train_seconds = _train_and_export(pairs, output, 'demo.yaml', train_options)
    with Bag(live_bag) as bag:
        camera = find_camera(bag)
    live = _run_live(live_bag, camera, model, output)
    _stage('measuring against exact depth')
    ground_truth = rendered_depth(live_bag)
    result = score(output / OUTPUT_BAG, ground_truth.get, prior)
    _finish(output, model, train_seconds, live, {'exact': result})
    _picture(output, live_bag, camera, ground_truth)


def recording_demo(
    bag_path: Path, output: Path, left: str | None, right: str | None, train_options: list[str]
) -> None:
    """
    Run the chain on a stereo recording, whose left camera is the robot's single camera.

    bag_path: the recording.
    output: folder for all results.
    left, right: image topics of the stereo pair; None if the recording holds only one pair.
    train_options: further options of `trainer train`.
    """
    pairs, held_out = output / 'pairs', output / 'held_out'
    with Bag(bag_path) as bag:
        camera, partner = find_stereo(bag, left, right)
    topics = ('--left', camera.image, '--right', partner.image)
    _ingest(bag_path, pairs, *topics, '--last_share', TRAIN_FRACTION)
    _ingest(bag_path, held_out, *topics, '--first_share', HELD_OUT_FRACTION)
    model, train_seconds = _train_and_export(pairs, output, 'recording.yaml', train_options)
    live = _run_live(bag_path, camera, model, output, first_share=HELD_OUT_FRACTION)
    _stage('measuring against lidar and checked semi-global matching')
    prior = training_prior(PairFolder(pairs))
    lidar = lidar_depth(PairFolder(held_out))
    matched = matched_depth(PairFolder(held_out), 'matching held-out pairs')
    scores = {
        'lidar': score(output / OUTPUT_BAG, lidar.get, prior),
        'sgm': score(output / OUTPUT_BAG, matched.get, prior),
    }
    _finish(output, model, train_seconds, live, scores)
    _picture(output, bag_path, camera, lidar or matched)


def _ingest(bag: Path, pairs: Path, *options: object) -> None:
    _stage(f'ingest: {bag} -> {pairs}')
    _trainer('ingest', bag, '-o', pairs, *options)


def _train_and_export(
    pairs: Path, output: Path, preset: str, options: list[str]
) -> tuple[Path, float]:
    """
    Train and export; return the model file and the seconds that the training took.

    pairs: pair folder to train on.
    output: folder for all results.
    preset: file of config/train/.
    options: further options of `trainer train`.
    """
    _stage('train')
    training, model = output / 'training', output / 'model.onnx'
    start = time.monotonic()
    config = ('--config', PRESETS / preset, '--data', pairs, '--output', training)
    _trainer('train', *config, *options)
    seconds = time.monotonic() - start
    _stage('export')
    _trainer('export', training / 'last.ckpt', '-o', model)
    return model, seconds


def _run_live(
    bag: Path, camera: CameraTopic, model: Path, output: Path, first_share: float = 0.0
) -> LiveResult:
    _stage(f'live: {camera.image} through the node, recorded from its topics')
    return run_live(bag, camera, model=model, output=output, first_share=first_share)


def _trainer(*arguments: object) -> None:
    command = [sys.executable, '-m', 'trainer', *map(str, arguments)]
    status = subprocess.run(command, check=False).returncode
    if status:
        raise StageError(f'`python -m trainer {arguments[0]}` ended with status {status}')


def _finish(
    output: Path,
    model: Path,
    train_seconds: float,
    live: LiveResult,
    scores: dict[str, DepthScore | None],
) -> None:
    """
    Write summary.json, whose top level holds the first score, and print the table.

    output: folder for all results.
    model: the model file.
    train_seconds: duration of the training.
    live: the result of the live part.
    scores: score against each ground truth by its name; None without that ground truth.
    """
    first = next(iter(scores.values()))
    backend = load_backend(model)
    summary = {
        **(first.as_dict() if first else NO_SCORE),
        **asdict(live),
        'backend': backend.name,
        'train_seconds': round(train_seconds, 1),
        'model': str(model),
        **near_bottom_fractions(output / OUTPUT_BAG),
        'truth': {name: value and value.as_dict() for name, value in scores.items()},
    }
    backend.close()
    with atomic_file(output / 'summary.json') as partial:
        partial.write_text(json.dumps(summary, indent=1) + '\n')
    _print_scores(scores)
    _print_live(live, train_seconds, output)


def _print_scores(scores: dict[str, DepthScore | None]) -> None:
    table = Table('ground truth', 'depth of', 'Abs Rel', 'RMSE (m)', 'd < 1.25', 'valid', 'frames')
    for name, value in scores.items():
        if value is None:
            table.add_row(name, 'none in this recording')
            continue
        fraction, frames = f'{value.valid_share:.1%}', str(value.frames)
        for label, metrics in (('the node', value.predicted), ('prior (blind)', value.prior)):
            shown = (metrics.abs_rel, metrics.rmse_m, metrics.delta_1)
            figures = (f'{figure:.3f}' for figure in shown)
            table.add_row(name, label, *figures, fraction, frames)
    console.print(table)


def _print_live(live: LiveResult, train_seconds: float, output: Path) -> None:
    p50, p95 = live.latency_ms_p50, live.latency_ms_p95
    latency = (
        'no depth was published' if p50 is None else f'latency p50 {p50:.0f} ms, p95 {p95:.0f} ms'
    )
    console.print(
        f'{live.frames_in} frames in, {live.frames_out} out, {latency}, '
        f'training {train_seconds:.0f} s\nwritten to {output}/: model.onnx, summary.json, '
        f'depth.png, {OUTPUT_BAG}/'
    )


def _picture(
    output: Path, bag_path: Path, camera: CameraTopic, ground_truth: dict[int, DepthMap]
) -> None:
    published = {s: d for s, _, d in published_depth(output / OUTPUT_BAG) if s in ground_truth}
    step = max(1, len(published) // PICTURE_ROWS)
    chosen = list(published)[step // 2 :: step][:PICTURE_ROWS]
    rows = []
    with Bag(bag_path) as bag:
        bit_depth = BitDepth(camera_bits(bag, camera.image))
        for message in bag.messages(camera.image):
            stamp = stamp_ns(message.content.header)
            if stamp in chosen:
                target = ground_truth[stamp].camera
                image = image_rgb(message.content, bit_depth)
                rgb = ImageWarp(camera.camera, target).warp(image)
                rows.append(
                    DepthPanels(
                        rgb, resample(published[stamp], target), ground_truth[stamp].depth_m
                    )
                )
    if rows:
        with atomic_file(output / 'depth.png') as partial:
            save_png(strip(rows), str(partial))


def _stage(title: str) -> None:
    console.rule(title, align='left')


def _fresh_output(bag: Path | None) -> Path:
    """Empty and return out/demo or out/<bag name>; raise ValueError before it deletes the bag."""
    if bag is None:
        output = OUT / 'demo'
    else:
        Bag(bag)
        output = OUT / bag.resolve().name
        if output.name == 'demo' or bag.resolve().is_relative_to(output.resolve()):
            raise ValueError(f'{bag} would be replaced by the results in {output}; move it')
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    return output


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog='python -m demo', description=__doc__)
    parser.add_argument('--bag', type=Path, help='a rosbag2 with a stereo pair')
    parser.add_argument('--left', help="the left camera's image topic, if --bag has several")
    parser.add_argument('--right', help="the right camera's image topic, if --bag has several")
    parser.add_argument('--steps', type=int, help='training steps instead of those of the preset')
    options = parser.parse_args()
    train_options = ['--trainer.max_steps', str(options.steps)] if options.steps else []
    try:
        resolve_paths(options)
        output = _fresh_output(options.bag)
        if options.bag:
            recording_demo(options.bag, output, options.left, options.right, train_options)
        else:
            procedural_demo(output, train_options)
    except (StageError, ValueError, OSError) as error:
        print(f'demo: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
