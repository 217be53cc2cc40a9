"""``postroom account session`` and ``postroom account passkey``: who is in the browser, by what."""

import click

from postroom.admin import passkeys, web_sessions
from postroom.cli import output
from postroom.cli.work import run

_SESSIONS = [
    ("ID", lambda one: one.id),
    ("FROM", lambda one: one.peer),
    ("WITH", lambda one: one.method),
    ("SINCE", lambda one: one.since),
    ("LAST USED", lambda one: one.seen),
    ("BROWSER", lambda one: one.agent),
]
_PASSKEYS = [
    ("ID", lambda one: one.id),
    ("LABEL", lambda one: one.label),
    ("HOST", lambda one: one.host),
    ("CREATED", lambda one: one.created),
    ("LAST USED", lambda one: one.last_used or "never"),
]


@click.group()
def session() -> None:
    """Where somebody is logged in to the browser."""


@session.command("list")
@click.argument("address")
@output.json_option
@click.pass_context
def list_sessions(context: click.Context, address: str, *, as_json: bool) -> None:
    """List the sessions of the account ADDRESS."""
    found = run(context, lambda office: web_sessions.of(office, address))
    output.table(
        found, _SESSIONS, as_json=as_json, empty=f"{address} is not logged in to the browser."
    )


@session.command()
@click.argument("address")
@click.argument("ident", metavar="ID", required=False)
@output.json_option
@click.pass_context
def end(context: click.Context, address: str, ident: str | None, *, as_json: bool) -> None:
    """End the session ID of the account ADDRESS, or all of them."""
    if ident is None:
        ended = run(context, lambda office: web_sessions.end_all(office, address))
    else:
        run(context, lambda office: web_sessions.end(office, address, ident))
        ended = 1
    sentence = f"{output.count(ended, 'session')} of {address} ended"
    output.done({"address": address, "ended": ended}, sentence, as_json=as_json)


@click.group()
def passkey() -> None:
    """Passkeys, which people make in the browser."""


@passkey.command("list")
@click.argument("address")
@output.json_option
@click.pass_context
def list_passkeys(context: click.Context, address: str, *, as_json: bool) -> None:
    """List the passkeys of the account ADDRESS."""
    found = run(context, lambda office: passkeys.every(office, address))
    output.table(found, _PASSKEYS, as_json=as_json, empty=f"{address} has no passkeys.")


@passkey.command()
@click.argument("address")
@click.argument("ident", metavar="ID")
@output.json_option
@click.pass_context
def remove(context: click.Context, address: str, ident: str, *, as_json: bool) -> None:
    """Take the passkey ID of the account ADDRESS away; sessions that it began end."""
    run(context, lambda office: passkeys.remove(office, address, ident))
    output.done(
        {"address": address, "id": ident}, f"passkey {ident} of {address} removed", as_json=as_json
    )
