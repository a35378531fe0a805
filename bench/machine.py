"""The machine that a result depends on: processor, instruction sets and libraries."""

from __future__ import annotations

from importlib.metadata import distributions
import os
from pathlib import Path
import platform
import re
from typing import Any

CPU_INFO = Path('/proc/cpuinfo')
CPUS = Path('/sys/devices/system/cpu')
FLAGS = (
    'avx2', 'avx512f', 'avx512_bf16', 'avx512_vnni', 'avx_vnni', 'amx_bf16', 'amx_int8',
)  # fmt: skip
BFLOAT16, VNNI = {'avx512_bf16', 'amx_bf16'}, {'avx512_vnni', 'avx_vnni', 'amx_int8'}
LIBRARIES = r'torch|onnxruntime|openvino|tensorrt([_-](cu|rtx).*)?|cuda-bindings|numpy'


def cpu_flags() -> set[str]:
    """Return those of FLAGS that the processor has."""
    found = re.search(r'^flags\s*: (.*)', _cpu_info(), re.MULTILINE)
    return set(FLAGS) & set(found[1].split() if found else ())


def cores() -> int:
    """Return the number of cores for this process; two threads of a core count once."""
    numbers = os.sched_getaffinity(0)
    siblings = [CPUS / f'cpu{number}/topology/thread_siblings_list' for number in numbers]
    known = {file.read_text() for file in siblings if file.is_file()}
    return len(known) or len(numbers)


def description() -> dict[str, Any]:
    """Return the description for JSON."""
    found = re.search(r'^model name\s*: (.*)', _cpu_info(), re.MULTILINE)
    return {
        'cpu': found[1] if found else platform.machine(),
        'cores': cores(),
        'flags': sorted(cpu_flags()),
        'libraries': _versions(),
    }


def in_words() -> str:
    """Return the description as three lines of text."""
    machine, has = description(), cpu_flags()
    flags = ', '.join(flag if flag in has else f'no {flag}' for flag in FLAGS)
    libraries = ', '.join(f'{name} {version}' for name, version in machine['libraries'].items())
    return f'{machine["cpu"]}, {machine["cores"]} cores\n{flags}\n{libraries}'


def _cpu_info() -> str:
    return CPU_INFO.read_text() if CPU_INFO.is_file() else ''


def _versions() -> dict[str, str]:
    installed = {found.metadata['Name']: found.version for found in distributions()}
    return {name: installed[name] for name in sorted(installed) if re.fullmatch(LIBRARIES, name)}
