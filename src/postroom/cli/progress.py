"""Progress of long work: a bar on a terminal, otherwise a line of JSON every second."""

import sys
import time
from types import TracebackType
from typing import Any, Final, Self

import click
import msgspec

from postroom.cli import output

SECONDS: Final = 1.0  # between lines of JSON


class Meter:
    """Shows how far work has come, on standard error for people, else on standard output."""

    def __init__(self, label: str, *, as_json: bool) -> None:
        """``as_json``: no bar, also on a terminal."""
        self.is_bar = not as_json and sys.stderr.isatty() and sys.stdout.isatty()
        self._label = label
        self._bar: Any = None
        self._next = time.monotonic() + SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)

    def show(self, done: int, total: int, told: object) -> None:
        """``done`` of ``total``; ``told`` is what a program learns."""
        if self.is_bar:
            if self._bar is None:
                self._bar = click.progressbar(
                    length=max(total, 1), label=self._label, file=sys.stderr
                )
                self._bar.__enter__()
            self._bar.update(min(done, total) - self._bar.pos)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + SECONDS
            click.echo(output.encode(told))

    def finish(self, result: msgspec.Struct, sentence: str) -> None:
        """Print what was done."""
        if self._bar is not None:
            self._bar.finish()
        click.echo(output.printable(sentence) if self.is_bar else output.encode(result))
