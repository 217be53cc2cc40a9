"""``postroom audit``: list."""

from datetime import UTC, datetime

import click

from postroom.admin import audit as entries
from postroom.admin.audit import AuditView
from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.moment import Moment
from postroom.cli.work import run


def _who(one: AuditView) -> str:
    words = f"{one.actor_kind} {one.actor}".strip()
    return f"{words} from {one.origin}" if one.origin else words


_COLUMNS = [
    ("TIME", lambda one: one.at),
    ("WHO", _who),
    ("WHAT", lambda one: one.action),
    ("OF", lambda one: one.object),
    ("WITH", lambda one: output.encode(one.detail) if one.detail else ""),
]


@click.group()
def audit() -> None:
    """Who changed what, when and from where.

    Each operation of a command, of a page and of the API has an entry, written in the
    transaction of the change. Passwords never stand in it.
    """


@audit.command("list")
@click.option(
    "--actor", default="", metavar="NAME", help="Only what this user, person or token did."
)
@click.option("--object", "of", default="", metavar="NAME", help="Only what was done to this.")
@click.option(
    "--since", type=Moment("%Y-%m-%d", "%Y-%m-%dT%H:%M"), metavar="DAY",
    help="Only from then on (UTC).",
)  # fmt: skip
@output.limit_option
@output.json_option
@click.pass_context
def list_(
    context: click.Context,
    actor: str,
    of: str,
    since: datetime | None,
    limit: int | None,
    *,
    as_json: bool,
) -> None:
    """List what was changed, the newest first."""
    begin = None if since is None else since.replace(tzinfo=UTC)

    async def work(office: Office) -> None:
        found = entries.every(office, actor=actor, of=of, since=begin, limit=limit)
        await output.listing(
            found, _COLUMNS, as_json=as_json, empty="Nothing like that was changed."
        )

    run(context, work)
