"""The targets of bench.inference."""

from __future__ import annotations

import pytest

from bench.comparison import EngineComparison, Measured
from bench.contenders import (
    Contender,
    Network,
    OPENVINO,
    OPENVINO_INT8,
    TENSORRT_FP16,
    TORCH_CPU,
    TORCH_GPU,
)
from bench.inference import inference_targets
from bench.turns import summary

NETWORK = Network('small', 256, 96)
BFLOAT16 = Contender('openvino', 'bf16')


def _targets(seconds, *flags):
    measured = {c: Measured(1.0, 0.0, summary(([s],), (s,))) for c, s in seconds.items()}
    targets = inference_targets(NETWORK, EngineComparison(measured, {}), set(flags))
    return {target.name: target for target in targets}


def test_bfloat16_counts_only_where_the_processor_has_it():
    seconds = {TORCH_CPU: 0.6, OPENVINO: 0.4, BFLOAT16: 0.2}
    (target,) = _targets(seconds).values()
    assert (target.measured, target.ok) == (pytest.approx(1.5), False)
    (target,) = _targets(seconds, 'avx512_bf16').values()
    assert (target.measured, target.ok) == (pytest.approx(3), True)


def test_int8_and_torch_are_no_best_engine():
    seconds = {
        TORCH_CPU: 0.6,
        Contender('torch.compile', 'fp32'): 0.1,
        OPENVINO: 0.4,
        OPENVINO_INT8: 0.1,
    }
    (target,) = _targets(seconds).values()
    assert target.name == 'small 256x96: openvino fp32 / torch fp32'


def test_int8_is_judged_where_the_processor_has_vnni():
    seconds = {TORCH_CPU: 0.6, OPENVINO: 0.4, OPENVINO_INT8: 0.2}
    assert len(_targets(seconds)) == 1
    target = _targets(seconds, 'avx_vnni')['small 256x96: openvino int8 / openvino fp32']
    assert (target.measured, target.ok) == (pytest.approx(2), True)


def test_an_engine_that_was_refused_misses_its_target():
    targets = _targets({TORCH_CPU: 0.6, OPENVINO: 0.1}, 'avx512_vnni')
    assert [target.ok for target in targets.values()] == [True, False]


def test_on_a_gpu_tensorrt_is_judged_by_torch_in_the_same_precision():
    (target,) = _targets({TORCH_GPU: 0.006, TENSORRT_FP16: 0.001}).values()
    assert (target.measured, target.target, target.ok) == (pytest.approx(6), 3, True)
    # Without torch on the GPU there is nothing to compare with.
    assert _targets({TENSORRT_FP16: 0.001}) == {}
