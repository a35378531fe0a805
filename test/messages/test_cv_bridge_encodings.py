"""What cv_bridge reads for us, and whether it and our own table agree."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from monodepth_ros.core.bit_depth import BitDepth
from monodepth_ros.core.image_encodings import decode_image, ENCODINGS
from monodepth_ros.messages import cv_bridge_encodings
from monodepth_ros.messages.cv_bridge_encodings import cv_bridge_problem, decode_with_cv_bridge

# Bytes a pixel of what both convert to RGB.
SHARED = {
    'rgb8': 3,
    'bgr8': 3,
    'rgba8': 4,
    'bgra8': 4,
    'mono8': 1,
    'mono16': 2,
    'rgb16': 6,
    'bgr16': 6,
    'rgba16': 8,
    'bgra16': 8,
    'yuv422': 2,
    'yuv422_yuy2': 2,
    **{name: 1 + name.endswith('16') for name in ENCODINGS if name.startswith('bayer')},
}
# What cv_bridge gives no colour, or does not know yet, and what we read it as.
READ_AS = {
    '8UC1': 'mono8',
    '8UC3': 'bgr8',
    '8UC4': 'bgra8',
    '16UC1': 'mono16',
    '16UC3': 'bgr16',
    '16UC4': 'bgra16',
    'uyvy': 'yuv422',
    'yuyv': 'yuv422_yuy2',
}
# vision_opencv#535: it calls ndarray.newbyteorder.
NEEDS_NUMPY_1 = pytest.mark.skipif(
    int(np.__version__.split('.')[0]) > 1, reason='cv_bridge swaps bytes with NumPy 1 only'
)
WORKING = """
import numpy as np
class CvBridge:
    def encoding_to_dtype_with_channels(self, encoding):
        return 'uint16', 3
    def imgmsg_to_cv2(self, msg, encoding):
        if msg.encoding == 'secret':
            raise RuntimeError('a secret')
        return np.full((msg.height, msg.width, 3), 7, np.uint8)
"""


def _message(encoding, *, pixel_bytes, padding=0, is_bigendian=0, width=62, height=33):
    step = width * pixel_bytes + padding
    data = np.random.default_rng(7).integers(0, 256, step * height, dtype=np.uint8)
    fields = {'encoding': encoding, 'width': width, 'height': height, 'step': step}
    return SimpleNamespace(**fields, is_bigendian=is_bigendian, data=data)


@pytest.fixture
def cv_bridge():
    """The real one; skips where it is absent or was built for another NumPy."""
    if cv_bridge_problem():
        pytest.skip(cv_bridge_problem())
    return pytest.importorskip('cv_bridge').CvBridge()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs a cv_bridge of a given source; gone after the test."""

    def install(source):
        (tmp_path / 'cv_bridge.py').write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv('PYTHONPATH', str(tmp_path))
        monkeypatch.delitem(sys.modules, 'cv_bridge', raising=False)
        cv_bridge_problem.cache_clear()

    yield install
    sys.modules.pop('cv_bridge', None)
    cv_bridge_problem.cache_clear()


@pytest.mark.parametrize('encoding', [*SHARED, *READ_AS])
@pytest.mark.parametrize('is_bigendian', [0, pytest.param(1, marks=NEEDS_NUMPY_1)])
@pytest.mark.parametrize('padding_pixels', [0, 2])
def test_cv_bridge_and_our_table_agree_byte_for_byte(
    cv_bridge, encoding, is_bigendian, padding_pixels
):
    meaning = READ_AS.get(encoding, encoding)
    size = SHARED[meaning]
    msg = _message(
        encoding, pixel_bytes=size, padding=padding_pixels * size, is_bigendian=is_bigendian
    )
    ours = decode_image(**vars(msg), bit_depth=BitDepth(16))
    msg.encoding = meaning
    np.testing.assert_array_equal(ours, cv_bridge.imgmsg_to_cv2(msg, 'rgb8'))


def test_cv_bridge_reads_what_it_is_given(cv_bridge):
    values = np.array([[[0, 257, 65535]]], '<u2')
    fields = {'width': 1, 'height': 1, 'step': 6, 'is_bigendian': 0, 'data': values.tobytes()}
    rgb = decode_with_cv_bridge(SimpleNamespace(encoding='rgb16', **fields))
    assert rgb.tolist() == [[[0, 1, 255]]]


def test_without_cv_bridge_an_unknown_encoding_is_told_what_there_is(monkeypatch):
    monkeypatch.setitem(sys.modules, 'cv_bridge', None)
    cv_bridge_problem.cache_clear()
    with pytest.raises(ValueError, match=r"'rgb12', expected one of .*'bgr8'.* not installed"):
        decode_with_cv_bridge(_message('rgb12', pixel_bytes=6))
    cv_bridge_problem.cache_clear()


def test_a_cv_bridge_that_crashes_takes_no_one_along(installed):
    installed('import os, signal; os.kill(os.getpid(), signal.SIGKILL)')
    with pytest.raises(ValueError, match='ends with signal 9; was it built for another NumPy'):
        decode_with_cv_bridge(_message('rgb12', pixel_bytes=6))


def test_a_cv_bridge_that_never_answers_is_given_up_and_not_asked_again(installed, monkeypatch):
    monkeypatch.setattr(cv_bridge_encodings, 'TRIAL_LIMIT_S', 0.3)
    # Deaf to what may be asked politely.
    installed('import signal, time; signal.signal(signal.SIGTERM, print); time.sleep(1000)')
    for _ in range(2):
        with pytest.raises(ValueError, match=r'did not convert an image within 0\.3 s; start'):
            decode_with_cv_bridge(_message('rgb12', pixel_bytes=6))
    assert cv_bridge_problem.cache_info().misses == 1


def test_a_cv_bridge_that_does_not_import_is_quoted(installed):
    installed('import a_message_package')
    with pytest.raises(ValueError, match=r"fails: .*No module named 'a_message_package'"):
        decode_with_cv_bridge(_message('rgb12', pixel_bytes=6))


def test_what_cv_bridge_refuses_is_a_value_error(installed):
    installed(WORKING)
    assert decode_with_cv_bridge(_message('rgb12', pixel_bytes=6))[0, 0].tolist() == [7, 7, 7]
    with pytest.raises(ValueError, match='does not convert it: a secret'):
        decode_with_cv_bridge(_message('secret', pixel_bytes=6))
    for wrong in ({'padding': 4}, {'padding': -6}, {'width': 0}, {'height': 0}):
        with pytest.raises(ValueError, match='pixels of 6 bytes with step'):
            decode_with_cv_bridge(_message('rgb12', pixel_bytes=6, **wrong))
