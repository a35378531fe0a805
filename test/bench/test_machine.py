"""What is said of the machine."""

from __future__ import annotations

import os

import pytest

from bench import machine

INTEL = """processor\t: 0
model name\t: A processor
flags\t\t: fpu avx2 avx512f avx512_vnni avx512vl
"""


@pytest.mark.parametrize(
    ('content', 'flags'),
    [
        (INTEL, {'avx2', 'avx512f', 'avx512_vnni'}),
        ('processor\t: 0\nFeatures\t: fp asimd\n', set()),
    ],
)
def test_the_flags_are_those_of_the_processor(content, flags, tmp_path, monkeypatch):
    (tmp_path / 'cpuinfo').write_text(content)
    monkeypatch.setattr(machine, 'CPU_INFO', tmp_path / 'cpuinfo')
    assert machine.cpu_flags() == flags
    assert ('no avx2' in machine.in_words()) == ('avx2' not in flags)


def test_two_threads_of_a_core_count_once(tmp_path, monkeypatch):
    for number, siblings in enumerate(('0,2', '1,3', '0,2', '1,3')):
        topology = tmp_path / f'cpu{number}' / 'topology'
        topology.mkdir(parents=True)
        (topology / 'thread_siblings_list').write_text(siblings)
    monkeypatch.setattr(machine, 'CPUS', tmp_path)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: {0, 1, 2, 3})
    assert machine.cores() == 2
    monkeypatch.setattr(machine, 'CPUS', tmp_path / 'nowhere')
    assert machine.cores() == 4


def test_the_libraries_that_compute_are_named_with_their_versions():
    libraries = machine.description()['libraries']
    assert {'torch', 'onnxruntime', 'numpy'} <= libraries.keys()
    assert 'pytest' not in libraries
