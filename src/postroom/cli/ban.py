"""``postroom ban``: add, list, remove."""

import click

from postroom.admin import bans
from postroom.cli import output
from postroom.cli.listed import add_list
from postroom.cli.work import run
from postroom.policy.bans import Doors

_COLUMNS = [
    ("NETWORK", lambda one: one.network),
    ("DOORS", lambda one: one.doors),
    ("SINCE", lambda one: one.since),
    ("UNTIL", lambda one: one.until or "for good"),
    ("REASON", lambda one: one.reason),
]


@click.group()
def ban() -> None:
    """Networks that get no service."""


@ban.command()
@click.argument("network")
@click.option("--reason", default="", metavar="TEXT", help="Why, for the list and the log.")
@click.option(
    "--hours",
    type=click.IntRange(min=1, max=100_000),
    metavar="N",
    help="For so long. Default: for good.",
)
@click.option(
    "--doors",
    type=click.Choice(["all", "login", "smtp"]),
    default="all",
    show_default=True,
    help="login: where people log in. smtp: where mail of other servers comes in.",
)
@output.json_option
@click.pass_context
def add(
    context: click.Context,
    network: str,
    reason: str,
    hours: int | None,
    doors: Doors,
    *,
    as_json: bool,
) -> None:
    """Turn NETWORK away: an address, or a network as in 192.0.2.0/24.

    Unlike a ban that was earned by wrong passwords, this one holds for known devices too.
    """
    added = run(
        context,
        lambda office: bans.add(office, network, reason=reason, hours=hours or 0, doors=doors),
    )
    until = f"until {output.text(added.until)} UTC" if added.until else "for good"
    output.done(added, f"{added.network} is banned {until}", as_json=as_json)


add_list(ban, "List the bans in force, those that were earned too.", bans.every, _COLUMNS, "bans")


@ban.command()
@click.argument("network")
@click.option(
    "--doors",
    type=click.Choice(["all", "login", "smtp"]),
    help="Only the ban for these doors. Default: every ban of NETWORK.",
)
@output.json_option
@click.pass_context
def remove(context: click.Context, network: str, doors: Doors | None, *, as_json: bool) -> None:
    """Let NETWORK in again."""
    removed = run(context, lambda office: bans.remove(office, network, doors=doors))
    output.done(removed, f"{removed[0].network} is let in again", as_json=as_json)
