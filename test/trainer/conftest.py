"""Settings of the trainer's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True, scope='module')
def one_thread() -> Iterator[None]:
    """
    Tiny networks: threads that wait for one another cost more than they bring.

    Of the module's scope, so that it holds for trainings shared by tests: how many threads add
    up a gradient shows in its last bit.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('OMP_NUM_THREADS', '1')  # of processes that a test starts
        yield
    torch.set_num_threads(before)
