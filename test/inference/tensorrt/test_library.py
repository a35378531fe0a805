"""Which TensorRT is here."""

from __future__ import annotations

import pytest

from monodepth_ros.inference.tensorrt import library as library_module
from monodepth_ros.inference.tensorrt.library import library, TENSORRT, TENSORRT_RTX


@pytest.fixture
def flavours(tmp_path, monkeypatch):
    """Modules of their own text by name, the only ones that TensorRT is looked for in."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(**modules):
        for name, text in modules.items():
            (tmp_path / f'{name}.py').write_text(text)
        monkeypatch.setattr(library_module, 'FLAVOURS', dict.fromkeys(modules, TENSORRT))

    return write


def test_the_wheels_of_rtx_are_found():
    pytest.importorskip('tensorrt_rtx_bindings', reason='there are no wheels for this machine')
    installed = library()
    assert installed.flavour in (TENSORRT, TENSORRT_RTX)
    assert installed.version == installed.trt.__version__
    assert installed.log.take() == 'it gave no reason'


def test_the_first_error_is_kept_as_one_line():
    pytest.importorskip('tensorrt_rtx_bindings', reason='there are no wheels for this machine')
    log, severity = library().log, library().trt.ILogger.Severity
    for level, text in (
        (severity.WARNING, 'never mind'),
        (severity.ERROR, 'no\n  memory'),
        (severity.ERROR, 'nothing works'),
    ):
        log.log(level, text)
    assert log.take() == 'no memory'
    assert log.take() == 'it gave no reason'


def test_a_broken_library_is_as_good_as_none(flavours):
    flavours(
        trt_without_files="raise ImportError('libnvinfer.so.10: cannot open')",
        trt_without_driver="raise TypeError('factory function returned nullptr')",
        trt_of_another_kind='pass',
    )
    with pytest.raises(
        ValueError, match=r'libnvinfer.*nullptr.*__version__.*pip install'
    ) as error:
        library.__wrapped__()
    assert '\n' not in str(error.value)


def test_the_next_one_is_taken_when_one_is_broken(flavours):
    whole = "__version__ = '10.3.0'\nclass ILogger:\n    pass\n"
    flavours(trt_broken="raise TypeError('factory function returned nullptr')", trt_whole=whole)
    assert library.__wrapped__().title == 'tensorrt 10.3.0'
