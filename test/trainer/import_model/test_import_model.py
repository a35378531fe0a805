"""
Third-party networks as model files: `python -m trainer import`.

The proof of the metric scale is a network that sees as a lens does: the grey levels of a ramp on a
wall climb more slowly, from pixel to pixel, the longer the focal length and the nearer the wall.
"""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import TensorProto
import onnxruntime
import pytest

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.model_spec import self_test_image
from monodepth_ros.inference.load import load_backend
from monodepth_ros.inference.model_file import ModelFile
from monodepth_ros.pipeline.predictor import Predictor
from test.helpers.third_party_networks import (
    ANY_SIZE,
    command,
    config,
    FIXED,
    HEIGHT,
    imported,
    NAMES,
    RED,
    WIDTH,
    write_convolution,
    write_depth_anything,
)
from trainer.__main__ import main
from trainer.import_model.import_model import import_model

# Grey levels a metre of the wall, its distance, and the focal length that the network knows.
LEVELS_PER_M, WALL_M, TRAINED_PX = 30.0, 5.0, 100.0
REACH = 7
LIVE = (
    Intrinsics(fx=150, fy=150, cx=99.5, cy=69.5, width=200, height=140),
    Intrinsics(fx=300, fy=300, cx=140.2, cy=90.8, width=280, height=180),
)


def _ramp_network(path, **options):
    """Depth is how fast red climbs to the right, in levels a pixel."""
    kernel = np.zeros((3, 1, 2 * REACH + 1))
    kernel[0, 0, 0], kernel[0, 0, -1] = -1 / (2 * REACH), 1 / (2 * REACH)
    return write_convolution(path, kernel, **options)


def _wall(camera):
    """(H, W, 3) uint8 of the wall with the ramp."""
    x_m = (np.arange(camera.width) - camera.cx) / camera.fx * WALL_M
    image = np.zeros((camera.height, camera.width, 3), np.uint8)
    image[..., 0] = np.rint(128 + LEVELS_PER_M * x_m)
    return image


def _middle(array):
    rows, columns = (slice(size // 3, size - size // 3) for size in array.shape)
    return float(np.mean(array[rows, columns]))


@pytest.mark.parametrize('live', LIVE, ids=lambda camera: f'{camera.fx:.0f} px')
@pytest.mark.parametrize(
    ('size', 'options'),
    [
        (('height', 'width'), ANY_SIZE),
        # The network sees 1.2 times the focal length that it knows.
        (('height', 'width'), {**ANY_SIZE, 'hfov_deg': 60.5}),
        (FIXED, {}),
        # Resized to half the size inside.
        (FIXED, {'width': 2 * WIDTH, 'height': 2 * HEIGHT}),
    ],
    ids=['free', 'narrower', 'fixed', 'resized'],
)
def test_depth_is_output_times_focal_over_training_focal(tmp_path, live, size, options):
    # A wall at Z shows g Z / f levels a pixel: with F / g for scale, that says Z F / f.
    scale = TRAINED_PX / LEVELS_PER_M
    image = _wall(live)
    third_party = _ramp_network(tmp_path / 'free.onnx')
    planes = image.transpose(2, 0, 1)[None].astype(np.float32)
    (output,) = onnxruntime.InferenceSession(third_party).run(None, {NAMES[0]: planes})
    by_hand_m = scale * _middle(output[0]) * live.fx / TRAINED_PX
    assert by_hand_m == pytest.approx(WALL_M, rel=0.01)

    third_party = _ramp_network(tmp_path / 'third_party.onnx', size=size)
    path = imported(third_party, scale=scale, focal_px=TRAINED_PX, **options)
    prediction = Predictor(load_backend(path)).predict(image, Camera.pinhole(live))
    assert _middle(prediction.depth_m) == pytest.approx(by_hand_m, rel=0.01)


def test_the_canonical_camera_shows_the_network_its_own_focal_length(tmp_path):
    third_party = write_depth_anything(tmp_path / 'third_party.onnx', size=FIXED)
    spec = ModelFile(imported(third_party)).spec
    assert spec.camera == Intrinsics(fx=300, fy=300, cx=69.5, cy=48.5, width=140, height=98)
    # Twice as wide: resized by 1/2 across and 1 down, 3/4 in the mean.
    spec = ModelFile(imported(third_party, width=280)).spec
    assert (spec.camera.width, spec.camera.height, spec.camera.fx) == (280, 98, 400)
    spec = ModelFile(imported(third_party, hfov_deg=90)).spec
    assert spec.camera.fx == pytest.approx(70)


@pytest.mark.parametrize(
    ('options', 'per_level_m'),
    [
        # 10 levels of red: 10 * 0.5 m, 1 / (10 * 0.005 / m), 300 px * 0.2 m / (10 * 2 px).
        ({'output': 'depth', 'scale': 0.5}, 5.0),
        ({'output': 'inverse_depth', 'scale': 0.005}, 20.0),
        ({'output': 'disparity', 'scale': 2, 'baseline_m': 0.2}, 3.0),
    ],
    ids=['depth', 'inverse_depth', 'disparity'],
)
def test_what_the_output_means(tmp_path, options, per_level_m):
    path = imported(write_convolution(tmp_path / 'red.onnx', RED), **ANY_SIZE, **options)
    with load_backend(path) as backend:
        image = np.full((HEIGHT, WIDTH, 3), 10, np.uint8)
        disparity_frac = backend.infer(image).disparity_frac
        assert not backend.has_confidence
        # Z = B fx / (output W) with 300 px and the file's own baseline.
        depth_m = backend.spec.baseline_m * 300 / (disparity_frac * WIDTH)
    np.testing.assert_allclose(depth_m, per_level_m, rtol=1e-5)


def test_twice_the_width_before_a_fixed_network_is_three_quarters_of_the_focal_length(tmp_path):
    path = imported(write_convolution(tmp_path / 'red.onnx', RED, size=FIXED))
    with load_backend(path) as backend:
        backend.resize(width=2 * WIDTH, height=HEIGHT)
        output = backend.infer(np.full((HEIGHT, 2 * WIDTH, 3), 10, np.uint8))
        depth_m = backend.spec.baseline_m * 300 / (output.disparity_frac * WIDTH)
    np.testing.assert_allclose(depth_m, 10 * 0.75, rtol=1e-5)


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({'normalise': 'none'}, 153 + 10 * 102 + 100 * 204),
        ({'normalise': 'unit'}, 0.6 + 10 * 0.4 + 100 * 0.8),
        (
            {'normalise': 'imagenet'},
            (0.6 - 0.485) / 0.229 + 10 * (0.4 - 0.456) / 0.224 + 100 * (0.8 - 0.406) / 0.225,
        ),
        # Every channel less 0.1, over 0.5.
        ({'normalise': '0.1,0.5'}, (0.5 + 10 * 0.3 + 100 * 0.7) / 0.5),
        ({'normalise': '0.1, 0.2, 0.3, 1, 0.5, 0.2'}, 0.5 + 10 * 0.2 / 0.5 + 100 * 0.5 / 0.2),
        # Blue comes first, with its own mean; numbers are in the network's order.
        (
            {'normalise': 'imagenet', 'channels': 'bgr'},
            (0.8 - 0.406) / 0.225 + 10 * (0.4 - 0.456) / 0.224 + 100 * (0.6 - 0.485) / 0.229,
        ),
        (
            {'normalise': '0.3,0.2,0.1,0.2,0.5,1', 'channels': 'bgr'},
            0.5 / 0.2 + 10 * 0.2 / 0.5 + 100 * 0.5,
        ),
    ],
)
def test_the_network_gets_its_colours_in_its_order_normalised(tmp_path, options, expected):
    kernel = np.array([1, 10, 100]).reshape(3, 1, 1)
    third_party = write_convolution(tmp_path / 'colours.onnx', kernel)
    path = imported(third_party, max_depth_m=1e5, **options, **ANY_SIZE)
    with load_backend(path) as backend:
        image = np.broadcast_to(np.uint8([153, 102, 204]), (HEIGHT, WIDTH, 3))
        disparity_frac = backend.infer(image).disparity_frac
        depth_m = backend.spec.baseline_m * 300 / (disparity_frac * WIDTH)
    np.testing.assert_allclose(depth_m, expected, rtol=1e-4)


def test_no_inverse_depth_is_beyond_range(tmp_path):
    third_party = write_convolution(tmp_path / 'red.onnx', RED)
    path = imported(third_party, output='inverse_depth', scale=0.01, focal_px=100, **ANY_SIZE)
    live = LIVE[0]
    image = np.zeros((live.height, live.width, 3), np.uint8)
    depth_m = Predictor(load_backend(path)).predict(image, Camera.pinhole(live)).depth_m
    assert np.isposinf(_middle(depth_m))


KINDS = {
    'fixed': ({'size': (518, 518)}, {}),
    'free': ({}, ANY_SIZE),
    'with a channel': ({'size': FIXED, 'picture_before': (1, 1)}, {}),
    'several views': ({'size': FIXED, 'image_before': (1, 1, 3), 'picture_before': (1, 1)}, {}),
    'nothing stated': ({'image_before': ('batch', 'channels')}, ANY_SIZE),
    'half': ({'size': FIXED, 'kind': TensorProto.FLOAT16}, {}),
    'old': ({'size': FIXED, 'opset': 11}, {}),
    'new': ({'size': FIXED, 'opset': 20}, {}),
    'weights elsewhere': ({'size': FIXED, 'weights_elsewhere': True}, {}),
    'stretched, blue first': ({'size': FIXED}, {'width': 280, 'channels': 'bgr'}),
}


@pytest.mark.parametrize('kind', KINDS)
def test_depth_anything_runs_on_every_engine(tmp_path, kind):
    network, options = KINDS[kind]
    path = imported(write_depth_anything(tmp_path / 'third_party.onnx', **network), **options)
    for name in ('onnxruntime', 'openvino'):
        pytest.importorskip(name)
        load_backend(path, name).close()  # runs the self-test
    _build_in_tensorrt(path)


def _build_in_tensorrt(path):
    tensorrt = pytest.importorskip('tensorrt_rtx_bindings')
    logger = tensorrt.Logger(tensorrt.Logger.ERROR)
    builder = tensorrt.Builder(logger)
    network = builder.create_network()
    parser = tensorrt.OnnxParser(network, logger)
    assert parser.parse(path.read_bytes()), parser.get_error(0).desc()
    camera = ModelFile(path).spec.camera
    network.get_input(0).shape = (1, camera.height, camera.width, 3)
    assert builder.build_serialized_network(network, builder.create_builder_config()) is not None


def test_half_precision_is_said_and_agrees_with_float(tmp_path):
    both = []
    for kind in (TensorProto.FLOAT, TensorProto.FLOAT16):
        third_party = write_depth_anything(tmp_path / 'third_party.onnx', size=FIXED, kind=kind)
        with load_backend(imported(third_party, normalise='unit')) as backend:
            both.append(backend.infer(self_test_image(width=WIDTH, height=HEIGHT)).disparity_frac)
    assert backend.spec.precision == 'fp16'
    np.testing.assert_allclose(both[1], both[0], rtol=1e-2)


def test_the_command_writes_one_file_that_says_what_it_is(tmp_path, capsys):
    third_party = write_depth_anything(tmp_path / 'da3.onnx', size=FIXED, weights_elsewhere=True)
    assert command(third_party, '--max-depth-m', '80') == 0
    assert '140 x 98, fx 300.0 px, 0.1 to 80 m' in capsys.readouterr().out
    third_party.with_name('da3.onnx_data').unlink()
    with load_backend(tmp_path / 'model.onnx', 'onnxruntime') as backend:
        spec = backend.spec
    assert (spec.encoder, spec.data_licence, spec.stride) == ('da3', 'Apache-2.0', 14)
    assert spec.depth_range_m == (0.1, 80)
    assert 'imported from da3.onnx, sha256' in spec.training_data[0]
    assert {path.name for path in tmp_path.iterdir()} == {'da3.onnx', 'model.onnx'}


def test_only_cast_reads_the_uint8_input(tmp_path):
    path = imported(write_depth_anything(tmp_path / 'third_party.onnx', size=FIXED))
    nodes = onnx.load(path).graph.node
    assert [node.op_type for node in nodes if 'image' in node.input] == ['Cast']
    assert nodes[0].op_type == 'Cast'


def test_a_free_size_that_is_not_is_found_out(tmp_path):
    third_party = write_depth_anything(tmp_path / 'third_party.onnx')
    with pytest.raises(ValueError, match=r'does not run .* check multiple'):
        imported(third_party, **ANY_SIZE | {'multiple': 7})  # at 98 x 140, but not at 105 x 147


def test_millimetres_taken_for_kilometres_are_found_out(tmp_path):
    third_party = write_depth_anything(tmp_path / 'third_party.onnx', size=FIXED)
    with pytest.raises(ValueError, match='no pixel of the self-test image between'):
        imported(third_party, normalise='unit', scale=1e6)


def test_the_network_itself_is_not_replaced(tmp_path):
    third_party = write_depth_anything(tmp_path / 'third_party.onnx', size=FIXED)
    with pytest.raises(ValueError, match='choose another name'):
        import_model(third_party, third_party, config())


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'scale': 0}, 'scale is 0'),
        ({'focal_px': math.nan}, 'focal_px is nan'),
        ({'hfov_deg': 180}, 'hfov_deg is 180'),
        ({'max_depth_m': 0.05}, 'min_depth_m < max_depth_m'),
        ({'output': 'disparity'}, 'needs the baseline'),
        ({'baseline_m': 0.1}, 'and only with it'),
        ({'normalise': 'image_net'}, r"expected one of \('imagenet', .* or MEAN,STD such as"),
        ({'normalise': '0.5'}, 'MEAN,STD'),
        ({'normalise': '0.5,0.5,0.5,0.5'}, 'MEAN,STD'),
        ({'normalise': '123.7,116.3,103.5,58.4,57.1,57.4'}, 'divide numbers .* by 255'),
        ({'normalise': '0.5,0'}, 'standard deviations above 0'),
        ({'normalise': '0.5,nan'}, 'standard deviations above 0'),
    ],
)
def test_numbers_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        config(**changes)


def test_relative_depth_is_refused_with_the_reason(tmp_path, capsys):
    third_party = write_depth_anything(tmp_path / 'third_party.onnx', size=FIXED)
    assert command(third_party, '--output', 'relative') == 1
    assert 'its scale and shift are unknown' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(['import', '--help'])
    assert 'scale and shift are unknown' in ' '.join(capsys.readouterr().out.split())
