"""``postroom dkim``: show, rotate, list."""

from collections.abc import Sequence

import click

from postroom.admin import dkim as admin
from postroom.admin.dkim import KeyView
from postroom.cli import output
from postroom.cli.listed import add_list
from postroom.cli.work import run

_COLUMNS = [
    ("DOMAIN", lambda one: one.domain),
    ("SELECTOR", lambda one: one.selector),
    ("ALGORITHM", lambda one: one.algorithm),
    ("STATE", lambda one: one.state),
    ("MADE", lambda one: one.created),
]
_RECORDS = [
    ("STATE", lambda one: one.state),
    ("NAME", lambda one: one.name),
    ("TYPE", lambda one: one.type),
    ("VALUE", lambda one: one.value),
]


@click.group()
def dkim() -> None:
    """Keys that sign outgoing mail, and their DNS records."""


@dkim.command()
@click.argument("domain")
@output.json_option
@click.pass_context
def show(context: click.Context, domain: str, *, as_json: bool) -> None:
    """Show the DNS records that publish the keys of DOMAIN."""
    keys = run(context, lambda office: admin.show(office, domain))
    _print(keys, as_json=as_json)


@dkim.command()
@click.argument("domain")
@click.option("--now", "at_once", is_flag=True, help="Sign with it now, seen in DNS or not.")
@output.json_option
@click.pass_context
def rotate(context: click.Context, domain: str, *, at_once: bool, as_json: bool) -> None:
    """Make new keys for DOMAIN; they sign once their records are seen in DNS."""
    keys = run(context, lambda office: admin.rotate(office, domain, at_once=at_once))
    _print(keys, as_json=as_json)
    if any(key.state == "waiting" for key in keys):
        output.note("publish the waiting records; until they are seen the old keys sign")


add_list(dkim, "List the keys of all domains.", admin.every, _COLUMNS, "keys")


def _print(keys: Sequence[KeyView], *, as_json: bool) -> None:
    if as_json:
        click.echo(output.encode(keys))
        return
    output.table(keys, _RECORDS)
    for key in keys:
        if key.published_until is not None:
            output.note(f"leave {key.name} in DNS until {output.text(key.published_until)}")
