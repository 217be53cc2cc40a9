"""A command that does one thing to the one that is named."""

import json

import click
import click.testing
import msgspec

from postroom.admin.office import Office
from postroom.cli.acting import add_act
from postroom.errors import NotFound
from tests.cli.conftest import Shell


class Thing(msgspec.Struct):
    name: str


async def end(office: Office, name: str) -> Thing:
    assert office.config.hostname == "mx.demo.test"
    if name != "moon":
        raise NotFound(f"there is no {name}")
    return Thing(name)


@click.group()
def things() -> None:
    """Things."""


add_act(things, "end", "NAME", "End NAME for good.", end, lambda one: f"{one.name}\x1b is over")


def ask(shell: Shell, *words: str) -> click.testing.Result:
    return click.testing.CliRunner().invoke(things, words, obj=str(shell.config))


def test_it_is_done_and_told(shell: Shell) -> None:
    assert ask(shell, "end", "moon").stdout == "moon\\x1b is over\n"
    assert json.loads(ask(shell, "end", "moon", "--json").stdout) == {"name": "moon"}
    assert isinstance(ask(shell, "end", "sun").exception, NotFound)
    assert ask(shell, "end").exit_code == 2


def test_its_help_names_what_it_is_done_to(shell: Shell) -> None:
    told = ask(shell, "end", "--help").stdout
    assert "end [OPTIONS] NAME" in told
    assert "End NAME for good." in told
