"""Image files: the kinds that are read, and pairs of 16 bits."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from monodepth_ros.core.bit_depth import BitDepth, FIRST_FRAMES
from monodepth_ros.storage.image_files import decode_file, IMAGE_SUFFIXES
from monodepth_ros.storage.pair_folder import PairFolder

HEIGHT, WIDTH = 8, 16
CALIBRATION = {'fx': 10, 'fy': 10, 'cx': 7.5, 'cy': 3.5, 'width': WIDTH, 'height': HEIGHT}


def _write(folder, levels, *, suffix='.png', dtype=np.uint16, **stated):
    """Pairs of one level each, the right one a tenth brighter; numbered from 000."""
    for number, level in enumerate(levels):
        for view, factor in (('left', 1), ('right', 1.1)):
            (folder / view).mkdir(parents=True, exist_ok=True)
            image = np.full((HEIGHT, WIDTH), level * factor, dtype)
            if suffix == '.ppm':
                image = np.dstack([image] * 3)
            assert cv2.imwrite(str(folder / view / f'{number:03d}{suffix}'), image)
    values = CALIBRATION | {'baseline_m': 0.5} | stated
    (folder / 'calib.json').write_text(json.dumps(values))
    return PairFolder(folder)


def _levels(pairs, name):
    return [int(view[0, 0, 0]) for view in pairs.read_pair(name)]


@pytest.mark.parametrize('suffix', IMAGE_SUFFIXES)
def test_every_kind_is_read(tmp_path, suffix):
    pairs = _write(tmp_path, [100], suffix=suffix, dtype=np.uint8)
    np.testing.assert_allclose(_levels(pairs, '000'), [100, 110], atol=1)
    assert pairs.images.bit_depth.bits is None


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.tiff', '.pgm', '.ppm'])
def test_12_bits_of_16_are_what_8_bits_are(tmp_path, capsys, suffix):
    # 4095 / 255 is no whole number; the right view has 1102.
    pairs = _write(tmp_path, [1002], suffix=suffix)
    assert _levels(pairs, '000') == [62, 69]
    said = capsys.readouterr().err
    assert 'left: 16-bit images: taken as 12 bits (white is 4095), as the first 20 pairs' in said
    assert said.count('\n') == 1


def test_the_first_pairs_say_the_bits_whichever_is_read_first(tmp_path, capsys):
    pairs = _write(tmp_path, [500] * 3 + [3000] + [500] * 3)
    assert _levels(pairs, '006') == [31, 34]  # of 4095
    assert 'taken as 12 bits' in capsys.readouterr().err
    assert PairFolder(tmp_path).images.bit_depth.bits is None  # nothing is read in vain


def test_a_brighter_pair_alone_is_read_as_more_bits_and_said_once(tmp_path, capsys):
    """So that what a pair looks like does not depend on what a worker read before."""
    pairs = _write(tmp_path, [500] * FIRST_FRAMES + [3000, 3500, 500])
    assert _levels(pairs, '000') == [125, 137]  # of 1023
    capsys.readouterr()
    assert _levels(pairs, '020') == [187, 205]  # of 4095
    said = capsys.readouterr().err
    assert '020.png: the pair holds 3300, and the sequence is read as 10 bits' in said
    assert 'state "bits": 12 in calib.json' in said
    _levels(pairs, '021')
    assert capsys.readouterr().err == ''
    assert _levels(pairs, '022') == [125, 137]
    assert (pairs.images.bit_depth.bits, pairs.images.bit_depth.brightest) == (10, 3850)


def test_stated_bits_hold_for_files_of_16_bits_and_scale_no_other(tmp_path, capsys):
    pairs = _write(tmp_path / 'png', [500], bits=12)
    assert _levels(pairs, '000') == [31, 34]
    jpegs = _write(tmp_path / 'jpg', [100], suffix='.jpg', dtype=np.uint8, bits=12)
    np.testing.assert_allclose(_levels(jpegs, '000'), [100, 110], atol=1)
    assert capsys.readouterr().err == ''
    with pytest.raises(ValueError, match=r'calib.json has bits 11, expected one of \(10, 12,'):
        _write(tmp_path / 'odd', [500], bits=11)


def test_pairs_of_8_bits_before_some_of_16_are_no_measure_of_those(tmp_path):
    pairs = _write(tmp_path, [0, 3000])
    for view in ('left', 'right'):
        cv2.imwrite(str(tmp_path / view / '000.png'), np.full((HEIGHT, WIDTH), 200, np.uint8))
    assert _levels(pairs, '001') == [187, 205]
    assert _levels(pairs, '000') == [200, 200]


def test_kinds_that_are_found_and_not_read_are_named(tmp_path):
    _write(tmp_path, [500])
    for name in ('000.png', '000.exr', '001.exr', 'notes'):
        (tmp_path / 'left' / name).touch()
    (tmp_path / 'left' / '000.png').unlink()
    words = r'left holds no images.* not read \(.*2 \.exr'
    with pytest.raises(ValueError, match=words):
        PairFolder(tmp_path)


def test_a_kind_that_this_opencv_was_built_without_is_named(tmp_path):
    path = tmp_path / 'a.heic'
    path.write_bytes(b'a picture of a telephone')
    with pytest.raises(ValueError, match=r'a\.heic: got 24 bytes .*built without \.heic here'):
        decode_file(path, BitDepth())
    path = path.rename(tmp_path / 'a.png')
    with pytest.raises(ValueError, match=r'a\.png: got 24 bytes .* OpenCV reads$'):
        decode_file(path, BitDepth())
