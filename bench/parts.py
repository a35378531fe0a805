"""Parts of a benchmark in processes of their own, so that a crash or a hang stops only one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
import multiprocessing
from multiprocessing.connection import Connection
import time
from typing import Any, NamedTuple

from bench.report import Target
from monodepth_ros.common.errors import one_line
from monodepth_ros.inference.load import UnavailableError

# Names of a finding: something is missing or takes too long, or something is wrong.
NOT_RUN, FAILED = 'not run', 'failed'
WHY = 'why'


class PartResult(NamedTuple):
    """A finding of a part: values by their names with unit."""

    part: str
    name: str
    values: Mapping[str, float | str]

    @property
    def text(self) -> str:
        """Return the values in one line."""
        shown = {
            name: value if isinstance(value, str) else f'{value:.4g}'
            for name, value in self.values.items()
        }
        return ', '.join(f'{name}: {value}' for name, value in shown.items())


def run_part(
    title: str,
    work: Callable[..., Iterable[PartResult | Target]],
    *arguments: Any,
    limit_s: float,
) -> Iterator[PartResult | Target]:
    """
    Yield the results of work(*arguments) in a fresh process, for limit_s at most.

    If the work does not finish, the last result is a Finding called NOT_RUN or FAILED.

    title: name of the part.
    work: function of a module, which a fresh process can import.
    arguments: its arguments.
    limit_s: time limit, after which the process is killed.
    """
    context = multiprocessing.get_context('spawn')
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, title, work, arguments))
    process.start()
    sender.close()
    end_s = time.monotonic() + limit_s
    try:
        while receiver.poll(max(0.0, end_s - time.monotonic())):
            result = receiver.recv()
            if result is None:
                return
            yield result
        yield _ended(title, NOT_RUN, f'stopped after {limit_s:.0f} s')
    except EOFError:
        process.join()
        yield _ended(title, FAILED, f'its process died with status {process.exitcode}')
    finally:
        process.kill()
        process.join()


def _send(
    sender: Connection,
    title: str,
    work: Callable[..., Iterable[PartResult | Target]],
    arguments: tuple[Any, ...],
) -> None:
    try:
        for result in work(*arguments):
            sender.send(result)
    except UnavailableError as error:
        sender.send(_ended(title, NOT_RUN, one_line(error)))
    # Catch the errors of any library, so that the other parts still run.
    except Exception as error:
        sender.send(_ended(title, FAILED, f'{type(error).__name__}: {one_line(error)}'))
    sender.send(None)


def _ended(title: str, how: str, why: str) -> PartResult:
    return PartResult(title, how, {WHY: why})
