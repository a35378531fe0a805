"""All contenders compute the same function of the same image."""

from __future__ import annotations

import pytest

from bench.comparison import compare
from bench.contenders import Contender, Network, TORCH_CPU
from monodepth_ros.inference.self_test import TOLERANCES

pytestmark = pytest.mark.slow
RUNTIME = [Contender('onnxruntime', precision) for precision in ('fp32', 'fp16', 'int8')]
REFUSED = Contender('onnxruntime', 'bf16')


@pytest.fixture(scope='module')
def comparison(tmp_path_factory):
    folder = tmp_path_factory.mktemp('bench') / 'small'
    return compare(Network('small', 128, 64), [TORCH_CPU, *RUNTIME, REFUSED], folder)


def test_torch_and_the_exported_files_agree_as_far_as_their_precision_goes(comparison):
    errors = {contender: values.error for contender, values in comparison.measured.items()}
    assert errors.pop(TORCH_CPU) == 0
    assert list(errors) == RUNTIME
    assert all(error <= TOLERANCES[contender.precision] for contender, error in errors.items())
    # What is rounded more differs more.
    assert sorted(errors.values()) == list(errors.values())


def test_what_does_not_run_is_left_out_with_the_reason(comparison):
    assert list(comparison.left_out) == [REFUSED]
    assert 'choose precision `model`' in comparison.left_out[REFUSED]
