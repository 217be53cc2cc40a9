"""A command that does one thing to the one that is named, and tells what it was in a sentence."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.work import run

T = TypeVar("T")


def add_act(
    group: click.Group,
    name: str,
    argument: str,
    text: str,
    act: Callable[[Office, str], Awaitable[T]],
    said: Callable[[T], str],
) -> None:
    """Give a group the command ``name`` with one ``argument``; ``text`` is its help.

    ``act`` does it, and ``said`` is the sentence for people; programs get what ``act`` returns.
    """

    @group.command(name, help=text)
    @click.argument("which", metavar=argument)
    @output.json_option
    @click.pass_context
    def act_(context: click.Context, which: str, *, as_json: bool) -> None:
        done = run(context, lambda office: act(office, which))
        output.done(done, said(done), as_json=as_json)
