"""The loaders as Lightning asks for them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from monodepth_ros.storage.pair_folder import PairFolder
from test.helpers.stereo_folders import BASELINE_M, RIG, SIZE, write_pairs
from test.helpers.tiny_model import spec
from trainer.train.config import TrainConfig
from trainer.train.data_module import StereoData
from trainer.train.split import split_pairs


@pytest.fixture
def data(tmp_path):
    """20 pairs, of which the last two validate; in three processes of a CPU."""
    config = TrainConfig(('pairs',), tmp_path, workers=0, trainer={'max_steps': 1}, **SIZE)
    pairs = PairFolder(write_pairs(tmp_path / 'pairs', 20))
    split = split_pairs([pairs], config.validation)
    canonical = replace(spec(), camera=RIG, baseline_m=BASELINE_M)
    data = StereoData(config, split, canonical, [None])
    strategy = SimpleNamespace(root_device=SimpleNamespace(type='cpu'))
    data.trainer = SimpleNamespace(global_rank=0, world_size=3, strategy=strategy)
    data.setup('fit')
    return data


def test_a_process_without_validation_pairs_would_hang_the_others(data):
    with pytest.raises(ValueError, match='2 validation pairs for 3 processes'):
        data.val_dataloader()


def test_the_last_tenth_validates(data):
    data.trainer.world_size = 1
    (batch,) = data.val_dataloader()
    assert [name.split()[-1] for name in batch.name] == ['18', '19']
