"""``postroom share``: add, list, remove."""

from collections.abc import AsyncIterator, Iterable

import click

from postroom.admin import shares
from postroom.admin.office import Office
from postroom.admin.shares import ShareView
from postroom.cli import output
from postroom.cli.work import run

_COLUMNS = [
    ("SHARED", lambda one: one.what),
    ("WITH", lambda one: one.grantee),
    ("ACCESS", lambda one: one.access),
    ("RIGHTS", lambda one: one.rights),
]


@click.group()
def share() -> None:
    """Mailboxes that people share.

    They are seen as "Other Users/OWNER/MAILBOX" in every mail program that knows IMAP.
    """


@share.command()
@click.argument("what", metavar="OWNER[/MAILBOX]")
@click.argument("grantee")
@click.option(
    "--rights",
    default="read",
    show_default=True,
    metavar="RIGHTS",
    help="read, write, send (in the owner's name, too), full, or letters of RFC 4314.",
)
@output.json_option
@click.pass_context
def add(context: click.Context, what: str, grantee: str, rights: str, *, as_json: bool) -> None:
    """Let GRANTEE use a mailbox of OWNER, or all of them.

    GRANTEE is an account; an alias, for its members; @DOMAIN, for all who have an address
    there; or anyone, for all accounts. What it could do before is replaced.
    """
    added = run(context, lambda office: shares.add(office, what, grantee, rights))
    sentence = f"{added.what} is shared with {added.grantee}: {added.access} ({added.rights})"
    output.done(added, sentence, as_json=as_json)


@share.command("list")
@click.argument("address", required=False)
@output.limit_option
@output.json_option
@click.pass_context
def list_(context: click.Context, address: str | None, limit: int | None, *, as_json: bool) -> None:
    """List what is shared, or what ADDRESS shares and what is shared with it."""

    async def work(office: Office) -> None:
        if address is None:
            found = shares.every(office, limit=limit)
        else:
            found = _each((await shares.of(office, address))[:limit])
        await output.listing(found, _COLUMNS, as_json=as_json, empty="Nothing is shared.")

    run(context, work)


@share.command()
@click.argument("what", metavar="OWNER[/MAILBOX]")
@click.argument("grantee")
@output.json_option
@click.pass_context
def remove(context: click.Context, what: str, grantee: str, *, as_json: bool) -> None:
    """End what GRANTEE may do; open sessions notice at their next command."""
    removed = run(context, lambda office: shares.remove(office, what, grantee))
    sentence = f"{removed.what} is not shared with {removed.grantee} any more"
    output.done(removed, sentence, as_json=as_json)


async def _each(items: Iterable[ShareView]) -> AsyncIterator[ShareView]:
    for item in items:
        yield item
