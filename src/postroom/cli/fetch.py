"""``postroom fetch``: mail from accounts elsewhere."""

from typing import cast

import click

from postroom.admin import fetching as admin
from postroom.admin.fetching import Wanted
from postroom.admin.moving.remote import Protocol
from postroom.cli import output
from postroom.cli.acting import add_act
from postroom.cli.remote import advising, remote, remote_options
from postroom.cli.work import run

_COLUMNS = [
    ("ID", lambda one: one.id),
    ("ACCOUNT", lambda one: one.account),
    ("FROM", lambda one: f"{one.login} at {one.host} ({one.protocol})"),
    ("INTO", lambda one: one.to or "as received"),
    ("THERE", lambda one: "deleted" if one.deletes else "left"),
    ("FETCHED", lambda one: one.fetched),
    ("LAST", lambda one: one.last or "never"),
    ("NEXT", lambda one: one.next),
    ("PROBLEM", lambda one: one.problem),
]


@click.group()
def fetch() -> None:
    """Fetch mail from accounts elsewhere, for as long as people have them."""


@fetch.command()
@click.argument("account")
@click.option("--protocol", type=click.Choice(["imap", "pop3"]), default="imap", show_default=True)
@remote_options
@click.option("--folder", default="INBOX", metavar="FOLDER", help="Of an IMAP server. [INBOX]")
@click.option("--to", default="", metavar="MAILBOX", help="Into MAILBOX. Default: as received.")
@click.option("--delete", "deletes", is_flag=True, help="Delete there what has come.")
@click.option(
    "--every", type=click.IntRange(1, 1440), default=15, show_default=True, metavar="MINUTES"
)
@output.json_option
@click.pass_context
def add(
    context: click.Context,
    /,
    account: str,
    *,
    as_json: bool,
    **options: bool | str | int | None,
) -> None:
    """Fetch mail for ACCOUNT from now on.

    The login is tried at once. Mail is left there unless --delete; it is deleted once it is safe
    here.
    """
    wanted = Wanted(
        there=remote(options, cast("Protocol", options["protocol"])),
        folder=str(options["folder"]),
        to=str(options["to"]),
        deletes=bool(options["deletes"]),
        every=int(options["every"] or 15),
    )
    with advising():
        added = run(context, lambda office: admin.add(office, account, wanted))
    output.done(
        added,
        f"mail of {added.login} at {added.host} is fetched for {added.account} every"
        f" {output.count(added.every, 'minute')}, id {added.id}",
        as_json=as_json,
    )


@fetch.command("list")
@click.argument("account", default="", required=False)
@output.json_option
@click.pass_context
def list_(context: click.Context, account: str, *, as_json: bool) -> None:
    """List where mail is fetched from, for ACCOUNT or for all, and how that went."""
    run(
        context,
        lambda office: output.listing(
            admin.every(office, account),
            _COLUMNS,
            as_json=as_json,
            empty="Mail is fetched from nowhere.",
        ),
    )


add_act(
    fetch,
    "run",
    "ID",
    "Let the server fetch now, not only when it is due.",
    admin.run,
    lambda one: f"mail of {one.login} at {one.host} is fetched now",
)
add_act(
    fetch,
    "remove",
    "ID",
    "Fetch from there no more; what has come stays.",
    admin.remove,
    lambda one: f"mail of {one.login} at {one.host} is fetched no more",
)
