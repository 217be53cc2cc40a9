"""Questions on a terminal, each asked until its answer is understood."""

from collections.abc import Callable
from typing import TypeVar

import click

from postroom.errors import Invalid, NotFound

_T = TypeVar("_T")


class Questions:
    """``inputs``: how many questions were answered; what is asked again counts once."""

    def __init__(self) -> None:
        self.inputs = 0

    def ask(
        self, question: str, default: str, read: Callable[[str], _T], *, is_hidden: bool = False
    ) -> _T:
        """What is typed, or ``default``, as ``read`` understands it.

        What it does not (Invalid, NotFound) is asked again, with why. Raises click.Abort when
        somebody leaves.
        """
        while True:
            typed = click.prompt(
                question,
                default,
                hide_input=is_hidden,
                show_default=bool(default) and not is_hidden,
                err=True,
            )
            try:
                found = read(typed)
            except (Invalid, NotFound) as error:
                click.echo(f"{error}", err=True)
            else:
                self.inputs += 1
                return found
