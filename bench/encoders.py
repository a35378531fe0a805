"""
`python -m bench.encoders`: multiplications and latency of the light encoders beside ResNet-18's.

Each network is complete as bench.inference measures it: exported, with flip and confidence, random
weights, in OpenVINO. All networks and precisions take turns in one process.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from functools import partial
from pathlib import Path
import sys
from tempfile import TemporaryDirectory

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.contenders import Contender, Network, OPENVINO, OPENVINO_INT8
from bench.machine import description, in_words
from bench.networks import unseen_images, write_network
from bench.report import report, Target
from bench.turns import by_turns, EngineLatency, speed_up
from trainer.model.network import build_network

REFERENCE, *LIGHT = (
    Network(name, 640, 192) for name in ('resnet18', 'mobilenet_v2', 'efficientnet_lite0')
)
CONTENDERS = (OPENVINO, Contender('openvino', 'bf16'), OPENVINO_INT8)
MIN_SPEED_UP = 1.5


def main() -> int:
    """Measure, print, write out/bench/encoders.json; 1 when a target is missed."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(in_words())
    with TemporaryDirectory() as folder:
        latency = _latencies(Path(folder))
    return report(
        'encoders',
        columns=('', 'parameters', 'GMAC', *(f'{c.precision}, ms' for c in CONTENDERS)),
        rows=[_row(network, latency) for network in (REFERENCE, *LIGHT)],
        targets=[
            Target(
                f'{network.name}: {OPENVINO.title}, speed-up over {REFERENCE.name}',
                speed_up(latency[REFERENCE, OPENVINO], latency[network, OPENVINO]),
                MIN_SPEED_UP,
            )
            for network in LIGHT
        ],
        details={'machine': description()},
    )


def giga_multiplications(network: Network) -> float:
    """Return the multiplications of one pass in 1e9, each with its addition (GMAC)."""
    built = build_network(network.name).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        built(torch.zeros(1, 3, network.height, network.width))
    # The counter counts multiplications and additions.
    return float(counter.get_total_flops()) / 2e9


def _latencies(folder: Path) -> dict[tuple[Network, Contender], EngineLatency]:
    runs = {}
    with ExitStack() as opened:
        for network in (REFERENCE, *LIGHT):
            write_network(network, folder / network.name, ('fp32', 'int8'))
            image = unseen_images(network.camera)[0]
            for contender in CONTENDERS:
                backend = opened.enter_context(contender.open(folder / network.name))
                runs[network, contender] = partial(backend.infer, image, backend.empty_output())
        return by_turns(runs)


def _row(network: Network, latency: dict[tuple[Network, Contender], EngineLatency]) -> list[str]:
    return [
        network.title,
        f'{sum(p.numel() for p in build_network(network.name).parameters()):,}',
        f'{giga_multiplications(network):.2f}',
        *(f'{latency[network, contender].p50_ms:.1f}' for contender in CONTENDERS),
    ]


if __name__ == '__main__':
    sys.exit(main())
