"""Whether there is a GPU, by what its driver leaves in the file system."""

from __future__ import annotations

from ctypes.util import find_library

import pytest

from monodepth_ros.inference.tensorrt.hardware import has_nvidia_gpu


@pytest.mark.parametrize('device', ['nvidia0', 'nvhost-gpu', 'nvgpu'])
def test_a_driver_shows_in_its_devices(tmp_path, device):
    (tmp_path / device).touch()
    assert has_nvidia_gpu(tmp_path)


@pytest.mark.skipif(find_library('cuda') is not None, reason='has a driver')
def test_without_devices_and_library_there_is_no_gpu(tmp_path):
    (tmp_path / 'video0').touch()
    assert not has_nvidia_gpu(tmp_path)
