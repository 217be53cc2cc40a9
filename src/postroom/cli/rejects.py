"""``postroom rejects``: list, show, release, remove refused messages; letters about them."""

import click

from postroom.admin.mailboxes import digest as digests, rejects as admin
from postroom.admin.mailboxes.digest import CHOICES, Choice
from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.work import run

_COLUMNS = [
    ("ID", lambda one: one.id),
    ("REFUSED", lambda one: one.at),
    ("FROM", lambda one: one.author or one.sender),
    ("SUBJECT", lambda one: one.subject),
    ("SIZE", lambda one: output.size(one.size)),
    ("REASON", lambda one: one.reason),
]


@click.group()
def rejects() -> None:
    """Messages that were refused.

    They are kept for two weeks, at most 1000 of an account, and count to no quota.
    """


@rejects.command("list")
@click.argument("account")
@output.limit_option
@output.json_option
@click.pass_context
def list_(context: click.Context, account: str, limit: int | None, *, as_json: bool) -> None:
    """List what was refused for ACCOUNT, the latest first."""

    async def work(office: Office) -> None:
        items = admin.every(office, account, limit=limit)
        await output.listing(
            items, _COLUMNS, as_json=as_json, empty=f"Nothing was refused for {account}."
        )

    run(context, work)


@rejects.command()
@click.argument("account")
@click.argument("ident", metavar="ID")
@output.json_option
@click.pass_context
def show(context: click.Context, account: str, ident: str, *, as_json: bool) -> None:
    """Print why the message ID was refused, and its header."""
    found = run(context, lambda office: admin.show(office, account, ident))
    one = found.message
    output.thing(
        found,
        [
            ("Refused", one.at),
            ("For", one.recipient),
            ("Reason", one.reason),
            ("Kept until", one.until),
            ("Header", tuple(found.header.expandtabs().splitlines())),
        ],
        as_json=as_json,
    )


@rejects.command()
@click.argument("account")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--anyway", is_flag=True, help="Also what was refused because it holds malware.")
@output.json_option
@click.pass_context
def release(
    context: click.Context, account: str, ids: tuple[str, ...], *, anyway: bool, as_json: bool
) -> None:
    """Put the messages ID into the INBOX of ACCOUNT.

    The spam filter learns that what was refused as spam is none.
    """
    found = run(context, lambda office: admin.release(office, account, ids, anyway=anyway))
    output.done(
        found,
        f"{output.count(found.messages, 'message')} released to {found.account}",
        as_json=as_json,
    )


@rejects.command()
@click.argument("account")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@output.json_option
@click.pass_context
def remove(context: click.Context, account: str, ids: tuple[str, ...], *, as_json: bool) -> None:
    """Delete the refused messages ID of ACCOUNT for good."""
    found = run(context, lambda office: admin.remove(office, account, ids))
    output.done(found, f"{output.count(found.messages, 'message')} deleted", as_json=as_json)


@rejects.command()
@click.argument("account")
@click.argument("often", type=click.Choice(CHOICES), required=False)
@output.json_option
@click.pass_context
def digest(context: click.Context, account: str, often: Choice | None, *, as_json: bool) -> None:
    """Write ACCOUNT a letter of what was refused and what came into Junk, or tell how often.

    None is written where there is nothing to tell. usual is what [digest] says in the settings.
    """
    if often is None:
        found = run(context, lambda office: digests.show(office, account))
    else:
        found = run(context, lambda office: digests.choose(office, account, often))
    output.done(found, f"{found.account} is told {found.often}", as_json=as_json)
