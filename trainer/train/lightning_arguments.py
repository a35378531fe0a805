"""Arguments of Lightning's Trainer that cannot work in our training, with the reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

# Arguments that the training passes to Lightning's Trainer itself.
OURS = (
    'logger', 'callbacks', 'plugins', 'default_root_dir', 'enable_checkpointing',
    'use_distributed_sampler',
)  # fmt: skip
PRECISIONS = (None, '32-true', '32', 32, '16-mixed', '16', 16, 'bf16-mixed', 'bf16')
# Strategies that split a network into parts, and its checkpoints too.
SHARDED = ('fsdp', 'deepspeed')


class Refusal(NamedTuple):
    """A refusal of an argument: test of its values, and reason with remedy."""

    refused: Callable[[Any], bool]
    why: str


REFUSALS = {
    'overfit_batches': Refusal(bool, 'the training distributes the pairs itself: give less data'),
    'fast_dev_run': Refusal(
        bool,
        'it leaves a last.ckpt of a few batches, which no run without it resumes: '
        'give trainer.max_steps',
    ),
    'limit_train_batches': Refusal(
        lambda value: value is not None and not (isinstance(value, float) and value == 1),
        'an epoch is all pairs, wherever a training was stopped: give trainer.max_steps',
    ),
    'limit_val_batches': Refusal(
        lambda value: value is not None and value == 0,
        'it leaves out pairs for a validation that never runs: give --validation none',
    ),
    'reload_dataloaders_every_n_epochs': Refusal(
        bool, 'every epoch would repeat order and augmentation of the first one: omit it'
    ),
    'barebones': Refusal(bool, 'a training without checkpoints has no result: omit it'),
    'precision': Refusal(
        lambda value: value not in PRECISIONS,
        'warps and losses must be float32: give 32-true, 16-mixed or bf16-mixed',
    ),
    'deterministic': Refusal(
        lambda value: value is True,
        'torch has no deterministic gradient of the warp on a GPU, and on a CPU all is '
        'deterministic anyway: give warn, or omit it',
    ),
    'strategy': Refusal(
        lambda value: isinstance(value, str) and value.startswith(SHARDED),
        'checkpoints hold the whole network, which fits on any GPU: give ddp',
    ),
    'max_steps': Refusal(lambda value: value == 0, 'nothing would be trained: give more'),
    'max_epochs': Refusal(lambda value: value == 0, 'nothing would be trained: give more'),
    **dict.fromkeys(
        OURS, Refusal(lambda value: value is not None, 'the training sets it itself: omit it')
    ),
}


def check_lightning_arguments(given: Mapping[str, Any]) -> None:
    """Raise ValueError for the first argument of Lightning's Trainer that cannot work here."""
    for name, refusal in REFUSALS.items():
        if refusal.refused(given.get(name)):
            raise ValueError(f'got trainer.{name} {given[name]}, but {refusal.why}')
