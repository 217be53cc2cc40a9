"""``postroom account activity``: what has happened with an account of late."""

from typing import Final

import click
import msgspec

from postroom.admin import activity as admin
from postroom.admin.activity import LoginView, WayView
from postroom.admin.audit import AuditView
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.cli import output
from postroom.cli.work import run

MOST: Final = 10_000


class Activity(msgspec.Struct, frozen=True):
    """All of it; of the lists the newest, and how long they are."""

    ways: tuple[WayView, ...]
    logins: Slice[LoginView]
    changes: Slice[AuditView]


def _means(one: WayView | LoginView) -> str:
    return f"{one.means} {one.label}".strip()


_WAYS = [
    ("WITH", _means),
    ("OPENS", lambda one: ", ".join(one.opens) or "all"),
    ("MADE", lambda one: one.made),
    ("LAST USED", lambda one: one.last_used or "never"),
    ("FROM", lambda one: one.address),
]
_LOGINS = [
    ("TIME", lambda one: one.at),
    ("TIMES", lambda one: one.times),
    ("PROTOCOL", lambda one: one.protocol),
    ("FROM", lambda one: one.address or "many addresses"),
    ("WITH", _means),
    ("OUTCOME", lambda one: one.outcome),
]
_CHANGES = [
    ("TIME", lambda one: one.at),
    ("WHO", lambda one: f"{one.actor_kind} {one.actor}".strip()),
    ("FROM", lambda one: one.origin),
    ("WHAT", lambda one: one.action),
    ("OF", lambda one: one.object),
]


@click.command()
@click.argument("address")
@click.option(
    "--limit", type=click.IntRange(1, MOST), default=20, show_default=True, metavar="N",
    help="The newest N logins and the newest N changes.",
)  # fmt: skip
@output.json_option
@click.pass_context
def activity(context: click.Context, address: str, limit: int, *, as_json: bool) -> None:
    """Show who logged in to ADDRESS, who tried to, and what was changed of it.

    A row of logins is a day of the same. What was sent tells postroom trace.
    """

    async def work(office: Office) -> Activity:
        return Activity(
            await admin.ways(office, address),
            await admin.logins(office, address, size=limit),
            await admin.changes(office, address, size=limit),
        )

    found = run(context, work)
    if as_json:
        click.echo(output.encode(found))
        return
    click.echo("Passwords and passkeys:")
    output.table(found.ways, _WAYS)
    click.echo(f"\nLogins ({len(found.logins.items)} of {found.logins.total} shown):")
    output.table(found.logins.items, _LOGINS)
    click.echo(f"\nChanges ({len(found.changes.items)} of {found.changes.total} shown):")
    output.table(found.changes.items, _CHANGES)
