"""``postroom queue``: list, show, stats, hold, release, retry, reroute, remove."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import click

from postroom.admin import queue as admin
from postroom.admin.office import Office
from postroom.admin.queue import DeliveryView, Outcome, QueuedDetails, QueuedView
from postroom.cli import output
from postroom.cli.work import run
from postroom.delivery.router import DIRECT
from postroom.queue.listing import Filter

_SHOWN = 3  # recipients in a list; all stand in `show` and in JSON


def _state(one: QueuedView) -> str:
    if one.held:
        return "held"
    states = {recipient.status for recipient in one.recipients}
    return next((s for s in ("quarantined", "claimed") if s in states), "waiting")


def _recipients(one: QueuedView) -> str:
    more = len(one.recipients) - _SHOWN
    return ", ".join(recipient.recipient for recipient in one.recipients[:_SHOWN]) + (
        f" and {more} more" if more > 0 else ""
    )


def _way(one: DeliveryView) -> str:
    return admin.way_in_words(one.route) if one.route else ""


_COLUMNS = [
    ("ID", lambda one: one.id),
    ("ACCEPTED", lambda one: one.accepted),
    ("SIZE", lambda one: output.size(one.size)),
    ("STATE", _state),
    ("SENDER", lambda one: one.sender or "<>"),
    ("RECIPIENTS", _recipients),
]
_DELIVERIES = [
    ("RECIPIENT", lambda one: one.recipient),
    ("STATE", lambda one: one.status),
    ("ATTEMPTS", lambda one: one.attempts),
    ("NEXT", lambda one: one.next_attempt),
    ("WAY", _way),
    ("WHY", lambda one: one.failure),
    ("LAST REPLY", lambda one: one.last_reply),
]
_DEPTHS = [
    ("DESTINATION", lambda one: one.destination),
    ("RECIPIENTS", lambda one: one.deliveries),
    ("IN FLIGHT", lambda one: one.in_flight),
    ("FAILURES", lambda one: one.failures),
    ("PAUSED UNTIL", lambda one: one.paused_until),
    ("LAST REPLY", lambda one: one.last_reply),
]
_ORIGINS = {
    "ours": "ours: it is signed, and its sender is told when it fails",
    "verified": "verified: its sender is told when it fails",
    "stranger": "a stranger: the postmaster is told when it fails",
}

CommandT = TypeVar("CommandT", bound=Callable[..., object])


def _filtering(command: CommandT) -> CommandT:
    """Give a command options that say which messages."""
    for option in (
        click.option("--recipient", default="", metavar="ADDRESS", help="Those for ADDRESS."),
        click.option("--sender", metavar="ADDRESS", help="Those from ADDRESS; <> for notices."),
        click.option("--to", "destination", default="", metavar="DOMAIN", help="Those to DOMAIN."),
    ):
        command = option(command)
    return command


def _choosing(command: CommandT) -> CommandT:
    """Give a command queue ids, or options that say which messages instead."""
    command = click.argument("ids", nargs=-1, metavar="[ID]...")(_filtering(command))
    return click.option("--all", "all_", is_flag=True, help="Every message.")(command)


@click.group()
def queue() -> None:
    """Mail that waits to be delivered to other servers."""


@queue.command("list")
@_filtering
@click.option("--held/--not-held", "held", default=None, help="Only what is held, or is not.")
@output.limit_option
@output.json_option
@click.pass_context
def list_(
    context: click.Context,
    destination: str,
    sender: str | None,
    recipient: str,
    limit: int | None,
    *,
    held: bool | None,
    as_json: bool,
) -> None:
    """List the messages, oldest first."""

    async def work(office: Office) -> None:
        chosen = admin.choose(
            destination=destination, sender=sender, recipient=recipient, all_=True
        )
        chosen = Filter(chosen.destination, chosen.sender, chosen.recipient, held)
        is_all = chosen == Filter()
        await output.listing(
            admin.every(office, chosen, limit=limit), _COLUMNS, as_json=as_json,
            empty="The queue is empty." if is_all else "No message like that is in the queue.",
        )  # fmt: skip

    run(context, work)


@queue.command()
@click.argument("ident", metavar="ID")
@output.json_option
@click.pass_context
def show(context: click.Context, ident: str, *, as_json: bool) -> None:
    """Show the message ID and each of its recipients."""
    found = run(context, lambda office: admin.show(office, ident))
    if as_json:
        click.echo(output.encode(found))
        return
    output.details(
        [
            ("id", found.id),
            ("accepted", found.accepted),
            ("state", _state(found)),
            ("sender", found.sender or "<>"),
            ("account", found.account),
            ("message-id", found.message_id),
            ("subject", found.subject),
            ("size", output.size(found.size)),
            ("envid", found.envid),
            ("ret", found.ret),
            ("needs", _needs(found)),
            ("priority", found.priority),
            ("origin", _ORIGINS[found.origin]),
            ("not before", found.due if found.due > found.accepted else None),
        ]
    )
    click.echo()
    output.table(found.recipients, _DELIVERIES)
    if found.destinations:
        click.echo()
        output.table(found.destinations, _DEPTHS)


@queue.command()
@output.json_option
@click.pass_context
def stats(context: click.Context, *, as_json: bool) -> None:
    """Show how much waits, and for whom most."""
    found = run(context, admin.stats)
    if as_json:
        click.echo(output.encode(found))
        return
    output.details(
        [
            ("recipients", found.deliveries),
            ("held", found.held),
            ("quarantined", found.quarantined),
            ("in flight", found.in_flight),
            ("destinations", found.destinations),
            ("oldest", found.oldest),
        ]
    )
    if found.deepest:
        click.echo()
        output.table(found.deepest, _DEPTHS)


@queue.command()
@_choosing
@output.json_option
@click.pass_context
def hold(context: click.Context, /, ids: tuple[str, ...], **options: object) -> None:
    """Don't try to deliver the messages ID until they are released."""
    _act(context, admin.hold, ids, options)


@queue.command()
@_choosing
@output.json_option
@click.pass_context
def release(context: click.Context, /, ids: tuple[str, ...], **options: object) -> None:
    """Go on with messages that are held or quarantined."""
    _act(context, admin.release, ids, options)


@queue.command()
@_choosing
@output.json_option
@click.pass_context
def retry(context: click.Context, /, ids: tuple[str, ...], **options: object) -> None:
    """Try at once what waits for its next attempt."""
    _act(context, admin.retry, ids, options)


@queue.command()
@_choosing
@click.option("--as-configured", is_flag=True, help="The way that mail like it goes.")
@click.option("--direct", is_flag=True, help="Straight to the servers of its domains.")
@click.option("--relay", default="", metavar="NAME", help="Through the relay NAME.")
@output.json_option
@click.pass_context
def reroute(
    context: click.Context,
    /,
    ids: tuple[str, ...],
    relay: str,
    *,
    direct: bool,
    as_configured: bool,
    **options: object,
) -> None:
    """Send messages another way than they would go, at once.

    Messages that are held go that way once they are released.
    """
    if [bool(relay), direct, as_configured].count(True) != 1:
        raise click.UsageError("say which way: --relay NAME, --direct or --as-configured")

    async def action(office: Office, chosen: Sequence[str] | Filter) -> Outcome:
        route = await admin.relay_route(office, relay) if relay else None
        return await admin.reroute(office, chosen, DIRECT if direct else route)

    _act(context, action, ids, options)


@queue.command()
@_choosing
@output.json_option
@click.pass_context
def remove(context: click.Context, /, ids: tuple[str, ...], **options: object) -> None:
    """Delete messages from the queue. Their senders get no notice."""
    _act(context, admin.remove, ids, options)


def _needs(found: QueuedDetails) -> str:
    needs = [
        ("8BITMIME", found.eightbit),
        ("SMTPUTF8", found.smtputf8),
        ("REQUIRETLS", found.requiretls),
    ]
    return ", ".join(name for name, is_needed in needs if is_needed)


def _act(
    context: click.Context,
    action: Callable[[Office, Sequence[str] | Filter], Awaitable[Outcome]],
    ids: tuple[str, ...],
    options: dict[str, object],
) -> None:
    as_json = bool(options.pop("as_json"))
    named = {name: value for name, value in options.items() if value not in ("", None, False)}
    if bool(ids) == bool(named):
        raise click.UsageError("name IDs, or choose by --to, --sender, --recipient or --all")
    chosen: Sequence[str] | Filter = ids or admin.choose(**options)  # type: ignore[arg-type]
    outcome = run(context, lambda office: action(office, chosen))
    sentence = (
        f"{output.count(outcome.messages, 'message')} {outcome.action},"
        f" {output.count(outcome.recipients, 'recipient')}"
    )
    output.done(outcome, sentence, as_json=as_json)
