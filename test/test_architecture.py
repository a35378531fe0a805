"""Who may import whom: data flows one way, and the robot never loads torch."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROS = {
    'rclpy', 'rcl_interfaces', 'lifecycle_msgs', 'sensor_msgs', 'std_msgs', 'stereo_msgs',
    'diagnostic_msgs', 'launch', 'launch_ros', 'cv_bridge',
}  # fmt: skip
ENGINES = {
    'tensorrt', 'tensorrt_rtx', 'tensorrt_rtx_bindings', 'cuda', 'onnxruntime', 'openvino',
}  # fmt: skip
TORCH = {'torch', 'lightning', 'timm', 'torchvision'}
# folder or file: what it may not import. The longest matching path counts.
FORBIDDEN = {
    'monodepth_ros': TORCH | ROS | ENGINES | {'trainer', 'demo', 'bench'},
    'monodepth_ros/inference': TORCH | ROS | {'cuda', 'trainer', 'demo', 'bench'},
    'monodepth_ros/inference/tensorrt/cuda.py': TORCH | ROS | {'trainer', 'demo', 'bench'},
    'monodepth_ros/node.py': TORCH | ENGINES | {'trainer', 'demo', 'bench'},
    'monodepth_ros/collect_pairs.py': TORCH | ENGINES | {'trainer', 'demo', 'bench'},
    'monodepth_ros/ros/': TORCH | ENGINES | {'trainer', 'demo', 'bench'},
    'monodepth_ros/messages/cv_bridge_encodings.py': TORCH
    | ENGINES
    | {'rclpy', 'trainer', 'demo', 'bench'},
    'trainer': ROS | {'demo', 'bench'},
    'demo': {'bench'},
    'bench': ROS | {'demo'},
    'bench/canonical.py': ROS,  # it looks around in the demo's world
    # They run nodes as the demo does.
    'bench/processes.py': ROS,
    'bench/transport.py': ROS,
    'bench/soak.py': ROS,
    'bench/transport_ends.py': {'demo'},  # a camera and a listener over DDS
}
TRAINER_MAY_USE = {
    'core',
    'inference',
    'predictor',
    'bag',
    'bag_cameras',
    'camera_remarks',
    'camera_yaml',
    'image_files',
    'pair_folder',
    'messages',
    'sync',
    'atomic',
    'errors',
}


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


@pytest.mark.parametrize('path', _sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_import_direction(path):
    name = str(path.relative_to(ROOT))
    rule = max((rule for rule in FORBIDDEN if name.startswith(rule)), key=len)
    tops = {module.split('.')[0] for module in _modules(path)}
    assert not tops & FORBIDDEN[rule]


def test_core_imports_nothing_of_the_package_but_itself():
    for path in (ROOT / 'monodepth_ros' / 'core').glob('*.py'):
        ours = {m for m in _modules(path) if m.startswith('monodepth_ros')}
        assert all(module.startswith('monodepth_ros.core') for module in ours), path


def test_trainer_uses_the_shared_parts_only():
    for path in (ROOT / 'trainer').rglob('*.py'):
        ours = {m.split('.')[1] for m in _modules(path) if m.startswith('monodepth_ros.')}
        assert ours <= TRAINER_MAY_USE, path


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
    assert {m.split('.')[0] for m in _modules(stray)} & FORBIDDEN['monodepth_ros']
