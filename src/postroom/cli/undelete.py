"""``postroom undelete``: list, restore, purge deleted messages."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

import click

from postroom.admin.mailboxes import undelete as admin
from postroom.admin.mailboxes.undelete import Filter
from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.moment import Moment
from postroom.cli.work import run

_TIME: Final = Moment("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%SZ")

_COLUMNS = [
    ("ID", lambda one: one.id),
    ("DELETED", lambda one: one.expunged),
    ("KEPT UNTIL", lambda one: one.until),
    ("MAILBOX", lambda one: one.mailbox),
    ("DATE", lambda one: one.received),
    ("SIZE", lambda one: output.size(one.size)),
    ("FROM", lambda one: one.sender),
    ("SUBJECT", lambda one: one.subject),
]

CommandT = TypeVar("CommandT", bound=Callable[..., object])


def _filtering(command: CommandT) -> CommandT:
    """Give a command options that say which messages."""
    for option in (
        click.option("--subject", default="", metavar="TEXT", help="Those with TEXT in Subject."),
        click.option(
            "--from", "sender", default="", metavar="TEXT", help="Those with TEXT in From."
        ),
        click.option(
            "--since",
            type=_TIME,
            metavar="TIME",
            help="Those deleted then (2026-07-31, 2026-07-31 18:30, in UTC) or later.",
        ),
        click.option(
            "--mailbox", default="", metavar="MAILBOX", help="Those that were in MAILBOX."
        ),
    ):
        command = option(command)
    return command


def _choosing(command: CommandT) -> CommandT:
    """Give a command an account and ids, or options that say which messages instead."""
    command = click.option("--all", "all_", is_flag=True, help="Every message, or those chosen.")(
        _filtering(command)
    )
    command = click.argument("ids", nargs=-1, metavar="[ID]...")(command)
    return click.argument("account")(command)


@click.group()
def undelete() -> None:
    """Deleted messages that can be had back."""


@undelete.command("list")
@click.argument("account")
@_filtering
@output.limit_option
@output.json_option
@click.pass_context
def list_(
    context: click.Context,
    /,
    account: str,
    limit: int | None,
    *,
    as_json: bool,
    **options: object,
) -> None:
    """List the deleted messages of ACCOUNT, the latest first.

    They count to no quota.
    """
    chosen = _filter(options)

    async def work(office: Office) -> None:
        items = admin.every(office, account, chosen, limit=limit)
        await output.listing(items, _COLUMNS, as_json=as_json, empty="")
        if not as_json:
            found = await admin.weight(office, account, chosen)
            output.note(
                f"{output.count(found.messages, 'message')} in all, {output.size(found.octets)}"
            )

    run(context, work)


@undelete.command()
@_choosing
@click.option("--to", "target", default="", metavar="MAILBOX", help="Put all into MAILBOX.")
@click.option("--over-quota", is_flag=True, help="Even if that is more than the quota.")
@output.json_option
@click.pass_context
def restore(
    context: click.Context,
    /,
    account: str,
    ids: tuple[str, ...],
    target: str,
    *,
    over_quota: bool,
    as_json: bool,
    **options: object,
) -> None:
    """Put the deleted messages ID of ACCOUNT back where they were.

    A mailbox that is gone is made anew. Messages keep their flags and their date.
    """
    chosen = _chosen(ids, options)
    restored = run(
        context,
        lambda office: admin.restore(office, account, chosen, to=target, over_quota=over_quota),
    )
    where = ", ".join(f"{count} to {name}" for name, count in restored.mailboxes.items())
    sentence = f"{output.count(restored.messages, 'message')} restored" + (
        f": {where}" if where else ""
    )
    output.done(restored, sentence, as_json=as_json)
    _tell(account, restored.messages)


@undelete.command()
@_choosing
@output.json_option
@click.pass_context
def purge(
    context: click.Context,
    /,
    account: str,
    ids: tuple[str, ...],
    *,
    as_json: bool,
    **options: object,
) -> None:
    """Delete the deleted messages ID of ACCOUNT for good, now."""
    chosen = _chosen(ids, options)
    purged = run(context, lambda office: admin.purge(office, account, chosen))
    output.done(
        purged, f"{output.count(purged.messages, 'message')} deleted for good", as_json=as_json
    )
    _tell(account, purged.messages)


def _tell(account: str, messages: int) -> None:
    if not messages:
        output.note(f"nothing deleted is like that; see: postroom undelete list {account}")


def _chosen(ids: tuple[str, ...], options: dict[str, object]) -> Sequence[str] | Filter:
    is_named = bool(options.pop("all_")) or any(options.values())
    if bool(ids) == is_named:
        raise click.UsageError(
            "name IDs, or choose by --mailbox, --since, --from, --subject or --all"
        )
    return ids or _filter(options)


def _filter(options: dict[str, object]) -> Filter:
    since = options.pop("since")
    if isinstance(since, datetime):
        since = since.replace(tzinfo=UTC)
    return Filter(since=since, **options)  # type: ignore[arg-type]
