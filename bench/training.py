"""
`python -m bench.training`: speed of a training step, and the time that it waits for data.

Ours is the step of `python -m trainer train` with ResNet-18; the baseline is bench/plain.py. Both
run in turns in the same process, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from itertools import chain, repeat
import os
from pathlib import Path
import platform
from statistics import median
import sys
import time

import torch
from torch import Tensor

from bench.memory import in_child, resident_peak_mb
from bench.plain import plain_loss, plain_network
from bench.report import report, Target
from monodepth_ros.core.canonical import fit_canonical
from trainer.datasets.sources import open_sequences
from trainer.model.network import build_network, DepthNetwork
from trainer.train.forward_and_loss import (
    adam,
    compiled_forward_and_loss,
    forward_and_loss,
    memory_format,
)
from trainer.train.pairs import CanonicalViews, PairDataset, split_in_time
from trainer.train.stream import PairStream, TrainingLoader, worker_options

NETWORK, BATCH, LEARNING_RATE = 'resnet18', 8, 1e-4
SIZES = ((192, 640), (256, 512))  # height, width
RUNS, WARM_UP = 5, 2
MAX_LOSS_DIFFERENCE = 1e-3
SPEED_UP = {'cpu': 1.3, 'cuda': 3.0}
PAIRS = Path(__file__).parents[1] / '../shared/data/pairs'
MIN_DATA_STEPS = 8
MAX_WAIT_PERCENT = 5.0

Step = Callable[[Tensor, Tensor], Tensor]


def main() -> int:
    """Measure, print, write out/bench/training.json; 1 when a target is missed."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    rows, targets = [], []
    for height, width in SIZES:
        size = f'{width}x{height}'
        seconds = alternating_seconds(height, width, device)
        ratios = [plain / ours for ours, plain in zip(*seconds.values(), strict=True)]
        print(f'{size}: {", ".join(f"{ratio:.2f}" for ratio in ratios)} times the plain speed')
        memory_mb = {k: in_child(_peak_mb, k, height, width, device) for k in STEPS}
        for kind, values in seconds.items():
            rows.append((f'{kind} {size}', BATCH / median(values), memory_mb[kind]))
        targets.append(Target(f'speed-up {size}', median(ratios), SPEED_UP[device.type]))
    targets += _data_targets(device)
    return report(
        'training',
        columns=['step', 'images/s', 'peak MB'],
        rows=[[name, f'{speed:.3g}', f'{peak:.0f}'] for name, speed, peak in rows],
        targets=targets,
        details={
            'device': _device_name(device),
            'torch': torch.__version__,
            'threads': torch.get_num_threads(),
            'batch': BATCH,
            'steps': [
                dict(zip(('step', 'images_per_s', 'peak_mb'), row, strict=True)) for row in rows
            ],
        },
    )


def our_step(network: DepthNetwork, device: torch.device) -> Step:
    """Return the step of the trainer, on a GPU compiled and in bfloat16."""
    # torch declares no such overload of its own.
    network.to(device, memory_format=memory_format(device))  # type: ignore[call-overload]
    optimizer = adam(network.parameters(), learning_rate=LEARNING_RATE, fused=True)
    compute = compiled_forward_and_loss(device)
    ratio = torch.ones(BATCH, device=device)

    def step(left: Tensor, right: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == 'cuda'):
            _, terms = compute(network, left, right, baseline_ratio=ratio)
        optimizer.zero_grad()
        terms.total.backward()
        optimizer.step()
        return terms.total

    return step


def plain_step(network: DepthNetwork, device: torch.device) -> Step:
    """Return the step of bench/plain.py."""
    network = plain_network(network).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)

    def step(left: Tensor, right: Tensor) -> Tensor:
        loss = plain_loss(left, right, network(left))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


STEPS = {'ours': our_step, 'plain': plain_step}


def alternating_seconds(height: int, width: int, device: torch.device) -> dict[str, list[float]]:
    """Return the seconds of each step, ours and plain in turns, after a check of equal losses."""
    network, pair = _start(height, width, device)
    _assert_same_loss(network, pair)
    steps = {kind: make(_clone(network), device) for kind, make in STEPS.items()}
    seconds: dict[str, list[float]] = {kind: [] for kind in steps}
    for _ in range(WARM_UP + RUNS):
        for kind, step in steps.items():
            seconds[kind].append(_seconds(partial(step, *pair), device))
    return {kind: values[WARM_UP:] for kind, values in seconds.items()}


def _start(
    height: int, width: int, device: torch.device
) -> tuple[DepthNetwork, tuple[Tensor, Tensor]]:
    torch.manual_seed(0)
    pair = torch.rand(2, BATCH, 3, height, width).to(device)
    return build_network(NETWORK).to(device), (pair[0], pair[1])


def _clone(network: DepthNetwork) -> DepthNetwork:
    clone = build_network(NETWORK)
    clone.load_state_dict(network.state_dict())
    return clone


def _assert_same_loss(network: DepthNetwork, pair: tuple[Tensor, Tensor]) -> None:
    left, right = pair
    with torch.no_grad():
        _, terms = forward_and_loss(network, left, right, baseline_ratio=left.new_ones(BATCH))
        ours, plain = terms.total.item(), plain_loss(*pair, plain_network(network)(left)).item()
    if not abs(ours - plain) <= MAX_LOSS_DIFFERENCE * plain:
        raise ValueError(f'our loss is {ours}, the plain one {plain}, expected the same')


def _seconds(run: Callable[[], object], device: torch.device) -> float:
    start = time.perf_counter()
    run()
    if device.type == 'cuda':
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _peak_mb(kind: str, height: int, width: int, device: torch.device) -> float:
    """
    Return the peak memory in MB of a process that only takes steps of one kind.

    kind: key of STEPS.
    height, width: size of the images in px.
    device: device to train on.
    """
    network, pair = _start(height, width, device)
    step = STEPS[kind](network, device)
    for _ in range(WARM_UP):
        step(*pair)
    if device.type == 'cuda':
        return torch.cuda.max_memory_allocated() / 2**20
    return resident_peak_mb()


def _data_targets(device: torch.device) -> list[Target]:
    """Return the target for the time that a training at the first size waits for data."""
    folders = sorted(path.parent for path in PAIRS.glob('*/calib.json'))
    if not folders:
        print(f'no pair folders in {PAIRS}: not measuring the wait for data', file=sys.stderr)
        return []
    height, width = SIZES[0]
    loader = _loader(folders, height, width)
    assert loader.prefetch_factor is not None  # it has workers
    # First use up the batches that were prepared while the step was compiled.
    ready = WARM_UP + loader.num_workers * loader.prefetch_factor
    batches = chain.from_iterable(repeat(loader))
    step = our_step(build_network(NETWORK), device)
    waited = worked = 0.0
    for number in range(ready + max(MIN_DATA_STEPS, ready)):
        start = time.perf_counter()
        batch = next(batches)
        arrived = time.perf_counter()
        views = [view.to(device).float() / 255 for view in (batch.left, batch.right)]
        _seconds(partial(step, *views), device)
        if number >= ready:
            waited += arrived - start
            worked += time.perf_counter() - arrived
    percent = 100 * waited / (waited + worked)
    return [Target('wait for data, %', percent, MAX_WAIT_PERCENT, at_most=True)]


def _loader(folders: list[Path], height: int, width: int) -> TrainingLoader:
    sequences = [sequence for folder in folders for sequence in open_sequences(str(folder))]
    rig = sequences[0].calibration
    camera = fit_canonical(rig.intrinsics, width=width, height=height)
    names, _ = split_in_time(sequences)
    readers = [CanonicalViews(sequence, camera) for sequence in sequences]
    dataset = PairDataset(readers, names, baseline_m=rig.baseline_m, seed=0)
    stream = PairStream(len(dataset), batch_size=BATCH, seed=0)
    options = worker_options(min(8, os.cpu_count() or 1), pin_memory=torch.cuda.is_available())
    return TrainingLoader(dataset, stream, **options)


def _device_name(device: torch.device) -> str:
    if device.type == 'cuda':
        return torch.cuda.get_device_name()
    return f'{platform.processor() or platform.machine()}, {os.cpu_count()} cores'


if __name__ == '__main__':
    sys.exit(main())
