"""The command ``list`` of a noun: all of them, those with a text, a few, or JSON."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol, TypeVar

import click

from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.work import run

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Every(Protocol[T_co]):
    """How ``admin`` lists such things."""

    def __call__(
        self, office: Office, *, search: str = "", limit: int | None = None
    ) -> AsyncIterator[T_co]:
        """At most ``limit`` of those with ``search``, read in pages."""


def add_list(
    group: click.Group,
    text: str,
    every: Every[T],
    columns: Sequence[tuple[str, Callable[[T], object]]],
    things: str,
) -> None:
    """Give a group the command; ``text`` is its help, ``things`` what there may be none of."""

    @group.command("list", help=text)
    @output.list_options
    @click.pass_context
    def list_(context: click.Context, search: str, limit: int | None, *, as_json: bool) -> None:
        run(
            context,
            lambda office: output.listing(
                every(office, search=search, limit=limit),
                columns,
                as_json=as_json,
                empty=output.nothing(things, search),
            ),
        )
