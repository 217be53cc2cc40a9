"""Tests that are coroutines: each on an event loop of its own.

Many tests let a deadline of a tenth of a second pass, and in the same test want an answer
before another one like it. On a machine that is busy that is luck, for the process may be
kept from running for so long. So the clock of a ``patient`` loop leaves out what the machine
does meanwhile: time passes while the loop waits for octets and timers, and what one turn of it
takes counts a little at most. Both sides of a connection are on that loop, so nobody is late
because nobody ran.
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_TURN: Final = 0.001  # seconds; as much of the time between two waits is counted


class _Selector(selectors.DefaultSelector):
    """Counts the seconds that are waited."""

    def __init__(self) -> None:
        super().__init__()
        self._looked = monotonic()
        self.passed = self._looked

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        began = monotonic()
        self.passed += min(began - self._looked, _TURN)
        found = super().select(timeout)
        self._looked = monotonic()
        waited = self._looked - began
        if timeout is not None:
            waited = min(waited, max(timeout, 0)) if found else max(timeout, 0)
        self.passed += waited
        return found


class _Patient(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._waits = _Selector()
        super().__init__(self._waits)

    def time(self) -> float:
        """Seconds of a clock that stands still while nobody lets us run."""
        return self._waits.passed


def patient() -> asyncio.AbstractEventLoop:
    """A new loop of the standard library, with a clock that a busy machine does not move."""
    return _Patient()


def patiently(main: Coroutine[Any, Any, T]) -> T:
    """Run it on a patient loop of its own."""
    with asyncio.Runner(loop_factory=patient) as runner:
        return runner.run(main)


def on_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run the test on a loop of its own."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        patiently(test(*args, **kwargs))

    return run
