"""Who may import whom: data flows one way, and the robot never loads torch."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path
import re
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[1]
ROS = {
    'rclpy', 'rcl_interfaces', 'lifecycle_msgs', 'std_msgs', 'stereo_msgs',
    'diagnostic_msgs', 'launch', 'launch_ros', 'bondpy',
}  # fmt: skip
ROS_SIDE = (
    'monodepth_ros/ros', 'monodepth_ros/node.py', 'monodepth_ros/collect_pairs.py', 'demo',
    'bench/transport_ends.py',
)  # fmt: skip
ENGINES = {'tensorrt', 'tensorrt_rtx', 'tensorrt_rtx_bindings', 'onnxruntime', 'openvino'}
TORCH = {'torch', 'lightning', 'timm', 'torchvision'}
DESK = ('trainer', 'demo', 'bench')
# Libraries, and the files and folders that alone may import them.
ONLY_IN = (
    (TORCH, DESK),
    (ENGINES, ('monodepth_ros/inference', *DESK)),
    ({'cuda'}, ('monodepth_ros/inference/tensorrt/cuda.py', 'bench')),
    ({'cv_bridge', 'sensor_msgs'}, ('monodepth_ros/messages/cv_bridge_encodings.py', *ROS_SIDE)),
    (ROS, ROS_SIDE),
    ({'trainer'}, DESK),
    ({'demo'}, ('demo', 'bench')),
    ({'bench'}, ('bench',)),
)
# A room imports those before it. What a user starts or sets stands beside the rooms.
ROOMS = (
    'monodepth_ros.core',
    'monodepth_ros.common',
    'monodepth_ros.messages',
    'monodepth_ros.storage',
    'monodepth_ros.inference',
    'monodepth_ros.pipeline',
    'trainer.model',
    'trainer.datasets',
    'trainer.check',
    'trainer.ingest',
    'trainer.train',
    'trainer.evaluate',
    'trainer.export',
    'trainer.import_model',
    'monodepth_ros.ros',
)
MAX_LOOSE = 9


def _modules(path: Path) -> set[str]:
    """Dotted names of everything a file imports, at any depth of it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: relative import'
            names |= {f'{node.module}.{alias.name}' for alias in node.names}
    return names


def _sources() -> list[Path]:
    folders = ('monodepth_ros', 'trainer', 'demo', 'bench')
    return sorted(path for folder in folders for path in (ROOT / folder).rglob('*.py'))


def _dotted(path: Path) -> str:
    return '.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__')


def _strays(name: str, modules: set[str]) -> set[str]:
    """Libraries that a file, named by its path, imports and may not."""
    tops = {module.split('.')[0] for module in modules}
    return {
        library
        for libraries, places in ONLY_IN
        for library in libraries & tops
        if not name.startswith(places)
    }


def _room(module: str) -> str | None:
    """Of ROOMS; None of what stands beside them."""
    return next((room for room in ROOMS if f'{module}.'.startswith(f'{room}.')), None)


@pytest.mark.parametrize('path', _sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_libraries_and_rooms_are_imported_one_way(path):
    modules = _modules(path)
    assert not _strays(str(path.relative_to(ROOT)), modules)
    room = _room(_dotted(path))
    if room is not None:
        rooms = {used for module in modules if (used := _room(module))}
        assert rooms <= {*ROOMS[: ROOMS.index(room) + 1]}


def test_core_imports_nothing_of_the_package_but_itself():
    for path in (ROOT / 'monodepth_ros' / 'core').glob('*.py'):
        ours = {m for m in _modules(path) if m.startswith('monodepth_ros')}
        assert all(module.startswith('monodepth_ros.core') for module in ours), path


def test_no_module_imports_itself_by_way_of_others():
    """Late imports count: a circle that they hide is one all the same."""
    files = {_dotted(path): path for path in _sources() if path.name != '__init__.py'}
    imports = {
        name: files.keys() & _with_parents(_modules(p)) - {name} for name, p in files.items()
    }
    TopologicalSorter(imports).prepare()  # raises CycleError


def _with_parents(modules: set[str]) -> set[str]:
    """The modules that names may be of: `a.b.c` is c of the package a.b, or a name in a.b."""
    return modules | {module.rpartition('.')[0] for module in modules}


def test_a_newcomer_guesses_the_rooms():
    for package in ('monodepth_ros', 'trainer'):
        loose = [*(ROOT / package).glob('*.py')]
        assert len(loose) <= MAX_LOOSE, package
        folders = {path.parent for path in (ROOT / package).rglob('*.py')} - {ROOT / package}
        assert {_dotted(folder) for folder in folders if _room(_dotted(folder)) is None} == set()
        assert all((folder / '__init__.py').read_text().startswith('"""') for folder in folders)


def test_the_architecture_has_a_sentence_for_every_file():
    text = (ROOT / 'docs' / 'architecture.md').read_text()
    listed = {
        f'{folder}/{file}'
        for folder, section in re.findall(r'^### (\S+)/\n(.*?)(?=^###|\Z)', text, re.M | re.S)
        for file in re.findall(r'^\| `(\S+)` \| .+ \|$', section, re.M)
    }
    files = {str(path.relative_to(ROOT)) for path in _sources() if path.name != '__init__.py'}
    assert listed == {file for file in files if file.startswith(('monodepth_ros/', 'trainer/'))}


def test_a_launch_file_learns_the_parameters_without_numpy_opencv_and_engines():
    heavy = {'numpy', 'cv2', 'yaml', 'rclpy'} | ENGINES
    code = f'import sys, monodepth_ros.parameters; print(*({heavy} & sys.modules.keys()))'
    run = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, '\n')


@pytest.mark.parametrize(
    'path', sorted((ROOT / 'monodepth_ros').rglob('*.py')), ids=lambda path: path.name
)
def test_nothing_on_the_robot_runs_what_a_file_says(path):
    assert not {'pickle', 'marshal', 'shelve', 'runpy'} & _modules(path)
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if hasattr(node, 'func')]
    assert not {'eval', 'exec'} & {call.id for call in calls if isinstance(call, ast.Name)}
    assert 'allow_pickle' not in path.read_text()
    assert 'yaml.load(' not in path.read_text()


def test_the_rules_catch_a_stray_import(tmp_path):
    stray = tmp_path / 'stray.py'
    stray.write_text('def f():\n    from torch import nn\n')
    assert _strays('monodepth_ros/core/stray.py', _modules(stray)) == {'torch'}
    assert _strays('trainer/stray.py', _modules(stray)) == set()
