"""TensorRT plans of model files, by the builder of TensorRT-RTX, which needs no GPU."""

from __future__ import annotations

import signal
import threading

import onnx
import pytest

pytest.importorskip('tensorrt_rtx_bindings', reason='there are no wheels for this machine')

from monodepth_ros.inference.model_file import ModelFile
from monodepth_ros.inference.tensorrt.build_options import BuildOptions
from monodepth_ros.inference.tensorrt.builder import build_plan, configure
from monodepth_ros.inference.tensorrt.engine_cache import BuildCancelled
from monodepth_ros.inference.tensorrt.library import library
from test.helpers.tiny_model import write_red_disparity_model

SIZE = {'width': 128, 'height': 64}


@pytest.fixture
def model(red_disparity_model):
    return ModelFile(red_disparity_model)


def test_a_plan_is_made_for_one_size(model):
    plans = {
        build_plan(model, **size, options=BuildOptions())
        for size in (SIZE, {'width': 192, 'height': 96})
    }
    assert len(plans) == 2
    assert all(plans)


def test_a_model_with_confidence_builds(tmp_path):
    model = ModelFile(write_red_disparity_model(tmp_path / 'red.onnx', confidence=True))
    assert build_plan(model, **SIZE, options=BuildOptions(workspace_mb=64, optimisation_level=0))


def test_an_operator_that_tensorrt_has_not_is_named(model, red_disparity_model):
    graph = onnx.load(red_disparity_model)
    graph.graph.node[-1].op_type = 'Unheard'
    onnx.save(graph, red_disparity_model)
    with pytest.raises(ValueError, match=r'red\.onnx for 128x64: .*operator: Unheard') as error:
        build_plan(ModelFile(red_disparity_model), **SIZE, options=BuildOptions())
    assert '\n' not in str(error.value)


def test_what_only_the_builder_sees_is_told_with_its_reason(model, red_disparity_model):
    graph = onnx.load(red_disparity_model)
    # 63 rows are added to whatever comes: 64, as one knows when the size is known.
    rows = onnx.helper.make_tensor('rows', onnx.TensorProto.FLOAT, [1, 63, 1, 1], [0.0] * 63)
    graph.graph.initializer.append(rows)
    (gather,) = (node for node in graph.graph.node if node.op_type == 'Gather')
    gather.input[0] = 'sum'
    graph.graph.node.insert(1, onnx.helper.make_node('Add', ['real', 'rows'], ['sum']))
    onnx.save(graph, red_disparity_model)
    with pytest.raises(ValueError, match=r'red\.onnx for 128x64: \S') as error:
        build_plan(ModelFile(red_disparity_model), **SIZE, options=BuildOptions())
    assert 'gave no reason' not in str(error.value)


def test_progress_never_falls_and_ends_at_one(model):
    told = []
    build_plan(model, **SIZE, options=BuildOptions(), progress=lambda *state: told.append(state))
    names, fractions = zip(*told, strict=True)
    assert all(names)
    assert list(fractions) == sorted(fractions)
    assert fractions[-1] == 1


def test_a_cancelled_build_leaves_nothing(model, tmp_path):
    threads = threading.active_count()
    files = set(tmp_path.iterdir())
    with pytest.raises(BuildCancelled, match=r'red\.onnx was stopped'):
        build_plan(
            model,
            **SIZE,
            options=BuildOptions(timing_cache=tmp_path / 'timings'),
            cancelled=lambda: True,
        )
    assert threading.active_count() == threads
    assert set(tmp_path.iterdir()) == files


def test_a_signal_stops_the_build(model):
    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        build_plan(
            model,
            **SIZE,
            options=BuildOptions(),
            progress=lambda *_: signal.raise_signal(signal.SIGINT),
        )
    assert threading.active_count() == threads


@pytest.mark.parametrize(('precision', 'tf32'), [('fp32', False), ('fp16', True)])
def test_float32_is_float32_in_a_model_that_says_so(precision, tf32):
    installed = library()
    config = installed.trt.Builder(installed.log).create_builder_config()
    configure(config, installed, BuildOptions(workspace_mb=3), precision=precision)
    assert config.get_flag(installed.trt.BuilderFlag.TF32) == tf32
    workspace = config.get_memory_pool_limit(installed.trt.MemoryPoolType.WORKSPACE)
    assert workspace == 3 * 2**20


@pytest.mark.parametrize(
    ('options', 'error'),
    [
        ({'workspace_mb': 0}, 'workspace_mb is 0, expected a positive'),
        ({'optimisation_level': 6}, 'optimisation_level is 6, expected 0 to 5'),
    ],
)
def test_options_that_make_no_sense_are_refused(options, error):
    with pytest.raises(ValueError, match=error):
        BuildOptions(**options)


def test_the_timing_cache_is_no_part_of_the_plan(tmp_path):
    assert BuildOptions(timing_cache=tmp_path).of_the_plan == BuildOptions().of_the_plan
    assert BuildOptions(workspace_mb=1).of_the_plan != BuildOptions().of_the_plan
