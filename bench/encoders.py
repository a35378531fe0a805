"""
`python -m bench.encoders`: multiplications and latency of the light encoders beside ResNet-18's.

Each network is complete as bench.inference measures it: exported, with flip and confidence, random
weights, in OpenVINO. Its precisions take turns, the networks follow one another.
"""

from __future__ import annotations

import argparse
from pathlib import Path
import sys
from tempfile import TemporaryDirectory

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.comparison import compare, EngineComparison
from bench.contenders import Contender, Network, OPENVINO, OPENVINO_INT8
from bench.machine import description, in_words
from bench.report import report, Target
from bench.turns import EngineLatency, speed_up
from trainer.model.network import build_network

REFERENCE = 'resnet18'
LIGHT = ('mobilenet_v2', 'efficientnet_lite0')
WIDTH, HEIGHT = 640, 192
CONTENDERS = (OPENVINO, Contender('openvino', 'bf16'), OPENVINO_INT8)
MIN_SPEED_UP = 1.5


def main() -> int:
    """Measure, print, write out/bench/encoders.json; 1 when a target is missed."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(in_words())
    networks = [Network(name, WIDTH, HEIGHT) for name in (REFERENCE, *LIGHT)]
    with TemporaryDirectory() as folder:
        measured = {n: compare(n, CONTENDERS, Path(folder) / n.name) for n in networks}
    return report(
        'encoders',
        columns=('', 'parameters', 'GMAC', *(f'{c.precision}, ms' for c in CONTENDERS)),
        rows=[_row(network, comparison) for network, comparison in measured.items()],
        targets=[
            Target(
                f'{network.name}: {OPENVINO.title}, speed-up over {REFERENCE}',
                speed_up(_latency(measured[networks[0]]), _latency(measured[network])),
                MIN_SPEED_UP,
            )
            for network in networks[1:]
        ],
        details={'machine': description()},
    )


def giga_multiplications(name: str, *, width: int, height: int) -> float:
    """Return the multiplications of one pass in 1e9, each with its addition (GMAC)."""
    network = build_network(name).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, height, width))
    # The counter counts multiplications and additions.
    return float(counter.get_total_flops()) / 2e9


def _latency(comparison: EngineComparison) -> EngineLatency:
    return comparison.measured[OPENVINO].latency


def _row(network: Network, comparison: EngineComparison) -> list[str]:
    parameters = sum(p.numel() for p in build_network(network.name).parameters())
    latencies = [comparison.measured.get(contender) for contender in CONTENDERS]
    return [
        network.title,
        f'{parameters:,}',
        f'{giga_multiplications(network.name, width=WIDTH, height=HEIGHT):.2f}',
        *('-' if m is None else f'{m.latency.p50_ms:.1f}' for m in latencies),
    ]


if __name__ == '__main__':
    sys.exit(main())
