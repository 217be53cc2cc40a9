"""``postroom search``: status, update, rebuild."""

import click

from postroom.admin.mailboxes import search as admin
from postroom.admin.mailboxes.search import Updated
from postroom.cli import output
from postroom.cli.work import run


@click.group()
def search() -> None:
    """The index that makes searching mail quick.

    The server keeps it up to date by itself. Mail that is not in it yet is found all the same.
    """


@search.command()
@output.json_option
@click.pass_context
def status(context: click.Context, *, as_json: bool) -> None:
    """Show how far the index is."""
    found = run(context, admin.status)
    output.thing(
        found,
        [
            ("index", "on" if found.enabled else "off"),
            ("indexed", f"{found.indexed} of {found.messages} messages"),
            ("waiting", found.waiting),
            ("size", output.size(found.octets)),
        ],
        as_json=as_json,
    )


@search.command()
@click.argument("address", default="", required=False)
@output.json_option
@click.pass_context
def update(context: click.Context, address: str, *, as_json: bool) -> None:
    """Put into the index what waits, of the account ADDRESS or of all."""
    done = run(context, lambda office: admin.update(office, address))
    output.done(done, _sentence(done), as_json=as_json)


@search.command()
@click.argument("address", default="", required=False)
@output.json_option
@click.pass_context
def rebuild(context: click.Context, address: str, *, as_json: bool) -> None:
    """Make the index anew, of the account ADDRESS or of all."""
    done = run(context, lambda office: admin.rebuild(office, address))
    output.done(done, _sentence(done), as_json=as_json)


def _sentence(done: Updated) -> str:
    whose = f" of {done.address}" if done.address else ""
    return f"{output.count(done.messages, 'message')}{whose} indexed"
