"""
Image + camera -> metric depth, disparity, confidence, colours.

Through a model file whose disparity is its red: red 51 is 1/20 of 128 px, 64 px * 0.5 m / 6.4 px =
5 m. That the geometry is right for any camera is proven in test_six_cameras.py.
"""

from __future__ import annotations

from collections import Counter
import gc
import time
from unittest.mock import Mock
import weakref

import numpy as np
import pytest

from monodepth_ros.core.camera import Camera, Intrinsics, StereoCalibration
from monodepth_ros.core.canonical import ImageWarp, PredictionWarp
from monodepth_ros.core.flying_pixels import FlyingPixels
from monodepth_ros.core.network_view import CameraMaps
from monodepth_ros.inference.load import load_backend
from monodepth_ros.inference.onnxruntime import OnnxRuntimeEngine
from monodepth_ros.inference.tensorrt.engine_cache import BuildCancelled
from monodepth_ros.pipeline import predictor as predictor_module
from monodepth_ros.pipeline.predictor import LOG_PERIOD_S, Predictor, RETRY_S, RETRY_TRIES
from monodepth_ros.storage.pair_folder import PairFolder, PairFolderWriter
from test.helpers.scene import Oracle, picture
from test.helpers.tiny_model import BASELINE_M, CAMERA, red_image, write_red_disparity_model
from trainer.train.pairs import CanonicalViews

TRAINED = Camera.pinhole(CAMERA)
# Its view is 4 times as wide as the model's.
WIDE = Camera.pinhole(Intrinsics(fx=16, fy=64, cx=63.5, cy=31.5, width=128, height=64))
ODD = Camera.pinhole(Intrinsics(fx=200, fy=190, cx=190.2, cy=140.7, width=401, height=303))


@pytest.fixture
def predictor(red_disparity_model):
    return Predictor(load_backend(red_disparity_model))


@pytest.fixture
def confident(tmp_path):
    """A predictor of a model whose confidence is its green / 255."""
    path = write_red_disparity_model(tmp_path / 'confident.onnx', confidence=True)
    return Predictor(load_backend(path))


@pytest.fixture
def calls(monkeypatch):
    """How often each map was used or made, and the model loaded, from now on."""
    counted = Counter()

    def count(owner, name):
        original = getattr(owner, name)

        def counting(*args, **options):
            counted[f'{owner.__name__}.{name}'] += 1
            return original(*args, **options)

        monkeypatch.setattr(owner, name, counting)

    count(ImageWarp, 'warp')
    count(PredictionWarp, 'warp_disparity')
    count(PredictionWarp, 'warp_confidence')
    count(predictor_module, 'depth_from_disparity')
    count(CameraMaps, '__init__')
    count(OnnxRuntimeEngine, '__init__')
    return counted


class Clock:
    """Stands for time where the predictor looks at it."""

    perf_counter = staticmethod(time.perf_counter)

    def __init__(self):
        self.now_s = 1000.0

    def monotonic(self):
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(predictor_module, 'time', made)
    return made


def _red(camera, red=51):
    return red_image(red, width=camera.width, height=camera.height)


def test_red_51_is_5_metres_in_any_camera(predictor):
    for camera in (TRAINED, WIDE, ODD):
        prediction = predictor.predict(_red(camera), camera)
        seen = np.isfinite(prediction.depth_m)
        assert seen.any()
        np.testing.assert_allclose(prediction.depth_m[seen], 5, rtol=1e-5)
        expected_px = camera.rectified.fx * BASELINE_M / 5
        np.testing.assert_allclose(prediction.disparity_px[seen], expected_px, rtol=1e-5)
        assert np.isnan(prediction.disparity_px[~seen]).all()
        assert prediction.baseline_m == BASELINE_M


def test_the_network_grows_to_twice_its_area_and_what_it_does_not_see_is_nan(predictor):
    # Twice the area is twice the width here: half of WIDE's view, in the middle.
    depth_m = predictor.predict(_red(WIDE), WIDE).depth_m
    expected = np.zeros((64, 128), bool)
    expected[:, 32:96] = True
    np.testing.assert_array_equal(np.isfinite(depth_m), expected)


def test_beyond_the_range_is_infinite_and_no_disparity_is_invalid(predictor, red_disparity_model):
    def depth_of(red, predictor):
        return predictor.predict(_red(TRAINED, red), TRAINED).depth_m[0, 0]

    assert depth_of(2, predictor) == np.inf  # 0.251 px: 127.5 m, the range is 100 m
    assert np.isnan(depth_of(0, predictor))
    near = Predictor(load_backend(red_disparity_model), max_depth_m=4.9)
    assert depth_of(51, near) == np.inf
    assert depth_of(53, near) == pytest.approx(5 * 51 / 53)


@pytest.mark.parametrize(
    ('output_size', 'expected'),
    [
        ('full', ODD.rectified),
        ('half', ODD.rectified.scaled_to(width=200, height=151)),
        ('quarter', ODD.rectified.scaled_to(width=100, height=75)),
    ],
)
def test_every_array_is_of_the_camera_that_the_prediction_names(tmp_path, output_size, expected):
    path = write_red_disparity_model(tmp_path / 'confident.onnx', confidence=True)
    p = (180.0, 0, 199.0, 0, 0, 175.0, 150.0, 0, 0, 0, 1.0, 0)
    for camera in (ODD, Camera(401, 303, ODD.k, p=p)):
        prediction = Predictor(load_backend(path), output_size=output_size).predict(
            _red(camera), camera
        )
        rectified = camera.rectified
        size = {'width': expected.width, 'height': expected.height}
        assert prediction.camera == rectified.scaled_to(**size)
        shape = (expected.height, expected.width)
        for array in (prediction.depth_m, prediction.disparity_px, prediction.confidence):
            assert array.shape == shape
            assert array.dtype == np.float32
        assert prediction.color.shape == (*shape, 3)


def test_at_network_size_nothing_is_resampled(red_disparity_model):
    predictor = Predictor(load_backend(red_disparity_model), output_size='network')
    image = np.random.default_rng(0).integers(1, 256, (64, 128, 3), np.uint8)
    prediction = predictor.predict(image, TRAINED)
    assert prediction.camera == CAMERA
    disparity_px = image[..., 0] / 1020 * 128
    np.testing.assert_allclose(prediction.disparity_px, disparity_px, rtol=1e-6)
    np.testing.assert_array_equal(prediction.color, image)


def test_a_grey_image_stays_grey_and_is_read_as_colour(predictor):
    grey = np.tile(np.arange(100, 228, dtype=np.uint8), (64, 1))
    prediction = predictor.predict(grey, TRAINED)
    np.testing.assert_array_equal(prediction.color, grey)
    depth_m = prediction.depth_m.copy()
    in_color = predictor.predict(np.stack([grey] * 3, axis=-1), TRAINED)
    np.testing.assert_array_equal(in_color.depth_m, depth_m)


def test_where_the_raw_image_has_no_pixel_colours_are_black(predictor):
    # P sees twice as far to every side as the raw image does: its middle half is coloured.
    wide_p = (32.0, 0, 63.5, 0, 0, 32.0, 31.5, 0, 0, 0, 1.0, 0)
    camera = Camera(128, 64, TRAINED.k, p=wide_p)
    for image in (_red(TRAINED), _red(TRAINED)[..., 0].copy()):
        prediction = predictor.predict(image, camera)
        colored = np.zeros((64, 128), bool)
        colored[16:48, 32:96] = True
        red = prediction.color if image.ndim == 2 else prediction.color[..., 0]
        np.testing.assert_array_equal(red, np.where(colored, 51, 0))
        np.testing.assert_array_equal(np.isfinite(prediction.depth_m), colored)


def test_a_model_without_confidence_has_none(predictor):
    assert predictor.predict(_red(TRAINED), TRAINED).confidence is None


def test_confidence_comes_back_with_the_depth_and_is_0_where_there_is_none(confident):
    image = _red(WIDE)
    image[..., 1] = 204
    prediction = confident.predict(image, WIDE)
    expected = np.where(np.isfinite(prediction.depth_m), np.float32(0.8), np.float32(0))
    np.testing.assert_allclose(prediction.confidence, expected, rtol=1e-6)


def test_the_mean_confidence_is_of_what_the_camera_sees(confident):
    # The left half of the model's view, where green is 51 of 255. What the network is shown beside
    # it fades towards that, so a camera with another green at its border tells them apart.
    half = Camera.pinhole(CAMERA.cropped(left=0, top=0, width=64, height=64))
    image = _red(half)
    image[..., 1] = 51
    image[:, -8:, 1] = 255
    prediction = confident.predict(image, half)
    assert prediction.mean_confidence == pytest.approx((56 * 0.2 + 8 * 1.0) / 64, rel=1e-3)


def test_what_is_not_asked_for_is_not_computed_and_nothing_is_computed_twice(confident, calls):
    confident.predict(_red(TRAINED), TRAINED)
    calls.clear()
    prediction = confident.predict(_red(TRAINED), TRAINED)
    assert calls == {'ImageWarp.warp': 1}  # the way into the network
    for _ in range(2):
        assert prediction.depth_m is prediction.depth_m
        assert prediction.disparity_px is prediction.disparity_px
    depth = {
        'PredictionWarp.warp_disparity': 1,
        'monodepth_ros.pipeline.predictor.depth_from_disparity': 1,
    }
    assert calls == {'ImageWarp.warp': 1} | depth
    assert prediction.color is prediction.color
    assert prediction.confidence is prediction.confidence
    assert calls == {'ImageWarp.warp': 2, 'PredictionWarp.warp_confidence': 1} | depth


def test_the_next_frame_is_written_into_the_same_memory(confident):
    predictions = [confident.predict(_red(ODD), ODD) for _ in range(2)]
    arrays = [(made.depth_m, made.disparity_px, made.confidence) for made in predictions]
    for first, second in zip(*arrays, strict=True):
        assert first is second
    assert len({id(array) for array in arrays[0]}) == 3


def test_the_maps_follow_the_camera_and_those_of_the_last_two_are_kept(red_disparity_model, calls):
    predictor = Predictor(load_backend(red_disparity_model))
    for camera, made in ((TRAINED, 1), (WIDE, 2), (TRAINED, 2), (ODD, 3), (TRAINED, 3), (WIDE, 4)):
        for _ in range(3):
            depth_m = predictor.predict(_red(camera), camera).depth_m
            assert depth_m.shape == (camera.height, camera.width)
        assert calls['CameraMaps.__init__'] == made


def test_a_camera_that_takes_turns_with_one_that_cannot_be_served_is_served(predictor, calls):
    aside = Camera(128, 64, TRAINED.k, p=(64.0, 0, -400, 0, 0, 64.0, 31.5, 0, 0, 0, 1.0, 0))
    for _ in range(3):
        predictor.predict(_red(TRAINED), TRAINED)
        with pytest.raises(ValueError, match='no pixel of this camera'):
            predictor.predict(_red(aside), aside)
    assert calls['CameraMaps.__init__'] == 2


def test_changes_are_told_now_and_then_with_what_the_user_should_know(red_disparity_model, clock):
    said = []
    predictor = Predictor(load_backend(red_disparity_model), log=said.append)

    def told(camera):
        said.clear()
        predictor.predict(_red(camera), camera)
        return [line.split(' ')[0] for line in said]

    assert told(TRAINED) == []
    # That it sees more, in pixels that are wider, and oddly shaped.
    assert told(WIDE) == ['camera_info', 'the', 'fx', 'the']
    assert 'changed: 128 x 64 px, fx 16 px' in said[0]
    assert told(ODD) == []
    assert told(TRAINED) == []
    clock.now_s += LOG_PERIOD_S
    assert told(TRAINED) == []
    assert told(WIDE) == ['camera_info', 'the', 'fx', 'the']


def test_the_model_is_loaded_anew_only_for_another_input_size(red_disparity_model, calls):
    predictor = Predictor(load_backend(red_disparity_model, 'onnxruntime'))
    calls.clear()
    finer = Camera.pinhole(CAMERA.scaled_to(width=256, height=128))
    for camera, resized in ((TRAINED, 0), (finer, 0), (WIDE, 1), (WIDE, 1), (TRAINED, 1)):
        predictor.predict(_red(camera), camera)
        assert calls['OnnxRuntimeEngine.__init__'] == resized


def test_the_engine_writes_every_frame_into_the_same_memory(red_disparity_model):
    backend = load_backend(red_disparity_model)
    predictor = Predictor(backend)
    given = []
    infer = backend.infer
    backend.infer = lambda image, out: given.append(out) or infer(image, out)
    for _ in range(2):
        predictor.predict(_red(TRAINED), TRAINED)
    assert given[0].disparity_frac is given[1].disparity_frac


def _remarks(model, focal_px, width=128):
    said = []
    camera = Camera.pinhole(Intrinsics(focal_px, focal_px, (width - 1) / 2, 31.5, width, 64))
    Predictor(load_backend(model), log=said.append).predict(_red(camera), camera)
    return said


def test_pixels_more_than_twice_as_fine_or_coarse_as_in_training_are_told(red_disparity_model):
    assert _remarks(red_disparity_model, 128.0) == []
    (finer,) = _remarks(red_disparity_model, 192.0)
    assert finer.startswith('the pixels of this camera are 3.0 times finer than those the model')
    assert '(fx 192 px, trained with 64 px)' in finer
    _, coarser = _remarks(red_disparity_model, 25.6)
    assert 'are 2.5 times coarser than' in coarser


def test_a_wider_view_is_told_with_what_it_costs(red_disparity_model):
    (remark,) = _remarks(red_disparity_model, 64.0, width=192)
    assert 'the network runs at 192 x 64 instead of 128 x 64, 1.50 times the work' in remark


def test_an_image_of_another_size_is_refused_and_the_next_one_is_not(predictor):
    with pytest.raises(ValueError, match='got an image of 401 x 303, expected 128 x 64'):
        predictor.predict(_red(ODD), TRAINED)
    predictor.predict(_red(TRAINED), TRAINED)


def test_a_camera_that_sees_nothing_of_what_the_model_looks_at_is_refused(predictor, calls, clock):
    predictor.predict(_red(TRAINED), TRAINED)
    # P shows what is 80 degrees and more to the right of the optical axis.
    aside = Camera(128, 64, TRAINED.k, p=(64.0, 0, -400, 0, 0, 64.0, 31.5, 0, 0, 0, 1.0, 0))
    for _ in range(2):
        with pytest.raises(ValueError, match=r'no pixel of this camera .*; check K, R and P'):
            predictor.predict(_red(aside), aside)
    assert calls['CameraMaps.__init__'] == 2  # not at each frame
    clock.now_s += RETRY_S
    with pytest.raises(ValueError, match='no pixel of this camera'):
        predictor.predict(_red(aside), aside)
    assert calls['CameraMaps.__init__'] == 3
    predictor.predict(_red(TRAINED), TRAINED)


def test_an_engine_that_could_not_be_made_is_tried_again(red_disparity_model, monkeypatch, clock):
    backend = load_backend(red_disparity_model)
    predictor = Predictor(backend)
    with monkeypatch.context() as short_of_memory:
        short_of_memory.setattr(backend, '_make_engine', Mock(side_effect=MemoryError))
        with pytest.raises(ValueError, match='MemoryError'):
            predictor.predict(_red(WIDE), WIDE)
    with pytest.raises(ValueError, match='MemoryError'):
        predictor.predict(_red(WIDE), WIDE)  # not at once
    clock.now_s += RETRY_S
    assert np.isfinite(predictor.predict(_red(WIDE), WIDE).disparity_px).any()


def test_what_takes_long_to_fail_is_tried_so_much_later(red_disparity_model, monkeypatch, clock):
    backend = load_backend(red_disparity_model)
    predictor = Predictor(backend)

    def fail_after_3_minutes(**_):
        clock.now_s += 180.0
        raise MemoryError

    failing = Mock(side_effect=fail_after_3_minutes)
    monkeypatch.setattr(backend, '_make_engine', failing)
    for later_s, tries in ((0, 1), (RETRY_S, 1), (180 * RETRY_TRIES, 2)):
        clock.now_s += later_s
        with pytest.raises(ValueError, match='MemoryError'):
            predictor.predict(_red(WIDE), WIDE)
        assert failing.call_count == tries


def test_a_build_that_was_given_up_is_begun_anew(red_disparity_model, monkeypatch):
    backend = load_backend(red_disparity_model)
    predictor = Predictor(backend)
    with monkeypatch.context() as given_up:
        given_up.setattr(backend, '_make_engine', Mock(side_effect=BuildCancelled))
        with pytest.raises(BuildCancelled):
            predictor.predict(_red(WIDE), WIDE)
    predictor.predict(_red(WIDE), WIDE)


def test_what_flies_is_found_in_pixels_as_large_as_the_networks(predictor):
    image = _red(ODD)
    image[:, 200:] = 204, 0, 0
    prediction = predictor.predict(image, ODD)
    finder = FlyingPixels(prediction.depth_m.shape, magnification=ODD.rectified.fx / CAMERA.fx)
    np.testing.assert_array_equal(prediction.flying, finder.find(prediction.depth_m))
    assert prediction.flying.any()


def test_a_frame_that_fails_is_not_kept(predictor):
    aside = Camera(128, 64, TRAINED.k, p=(64.0, 0, -400, 0, 0, 64.0, 31.5, 0, 0, 0, 1.0, 0))
    images = [_red(aside) for _ in range(3)]
    kept = [weakref.ref(image) for image in images]
    while images:
        with pytest.raises(ValueError, match='no pixel of this camera'):
            predictor.predict(images.pop(), aside)
    gc.collect()
    assert not any(image() is not None for image in kept)


def test_an_engine_that_cannot_be_made_for_a_camera_is_told_and_maps_of_another_are_not_used(
    predictor, monkeypatch
):
    pytest.importorskip('openvino')
    from monodepth_ros.inference.openvino import OpenVinoEngine

    def no_memory(engine, *_, **size):
        raise RuntimeError(f'no memory for {size["width"]}')

    predictor.predict(_red(TRAINED), TRAINED)
    wide = Camera(128, 64, WIDE.k)  # an image of the same size
    for module in (OpenVinoEngine, OnnxRuntimeEngine):
        monkeypatch.setattr(module, '__init__', no_memory)
    for _ in range(2):
        with pytest.raises(ValueError, match='no memory for 256'):
            predictor.predict(_red(wide), wide)
    predictor.predict(_red(TRAINED), TRAINED)


def test_the_robot_shows_the_network_what_training_showed_it(tmp_path):
    canonical = Intrinsics(fx=60, fy=60, cx=70.5, cy=30.0, width=128, height=64)
    rig = Intrinsics(fx=90, fy=92, cx=101.3, cy=52.2, width=192, height=112)
    view = picture(Camera.pinhole(rig))
    writer = PairFolderWriter(tmp_path / 'pairs', StereoCalibration(rig, BASELINE_M))
    writer.add('0', left_rgb=view, right_rgb=view, stamp_ns=0)
    folder = PairFolder(tmp_path / 'pairs')
    trained_on = CanonicalViews(folder, canonical).read('0')[0].transpose(1, 2, 0)
    oracle = Oracle(canonical)
    Predictor(oracle.backend()).predict(folder.read_pair('0')[0], Camera.pinhole(rig))
    np.testing.assert_array_equal(oracle.image, trained_on)


def test_preparing_and_inferring_have_their_own_times(red_disparity_model, clock):
    clock.perf_counter = clock.monotonic
    backend = load_backend(red_disparity_model)

    def taking(seconds, function):
        def slow(*arguments, **options):
            clock.now_s += seconds
            return function(*arguments, **options)

        return slow

    predictor = Predictor(backend)
    predictor.predict(_red(TRAINED), TRAINED)
    backend.resize, backend.infer = taking(1.0, backend.resize), taking(5.0, backend.infer)
    prediction = predictor.predict(_red(TRAINED), TRAINED)
    assert (prediction.preprocess_s, prediction.inference_s) == (1, 5)
