"""``postroom mask``: add, list, on, off, label, remove."""

import click

from postroom.admin import masks
from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.work import run

_COLUMNS = [
    ("ADDRESS", lambda one: one.address),
    ("LABEL", lambda one: one.label),
    ("STATE", lambda one: "on" if one.is_on else "off"),
    ("CREATED", lambda one: one.created),
    ("MESSAGES", lambda one: one.uses),
    ("LAST", lambda one: one.last_used),
]


@click.group()
def mask() -> None:
    """Addresses that hide the one behind them.

    One for each shop or list: whoever passes it on is known by it, and it can be switched off.
    """


@mask.command()
@click.argument("account")
@click.option("--label", default="", metavar="TEXT", help="Whom it is for.")
@output.json_option
@click.pass_context
def add(context: click.Context, account: str, label: str, *, as_json: bool) -> None:
    """Make a masked address of ACCOUNT, and print it."""
    made = run(context, lambda office: masks.add(office, account, label=label))
    output.done(made, made.address, as_json=as_json)


@mask.command("list")
@click.argument("account")
@output.limit_option
@output.json_option
@click.pass_context
def list_(context: click.Context, account: str, limit: int | None, *, as_json: bool) -> None:
    """List the masked addresses of ACCOUNT, the newest first."""

    async def work(office: Office) -> None:
        found = masks.every(office, account, limit=limit)
        await output.listing(
            found, _COLUMNS, as_json=as_json, empty=f"{account} has no masked addresses."
        )

    run(context, work)


@mask.command()
@click.argument("address")
@output.json_option
@click.pass_context
def off(context: click.Context, address: str, *, as_json: bool) -> None:
    """Refuse mail to ADDRESS from now on."""
    found = run(context, lambda office: masks.change(office, address, is_on=False))
    output.done(found, f"{found.address} is off: mail to it is refused", as_json=as_json)


@mask.command()
@click.argument("address")
@output.json_option
@click.pass_context
def on(context: click.Context, address: str, *, as_json: bool) -> None:
    """Take mail to ADDRESS again."""
    found = run(context, lambda office: masks.change(office, address, is_on=True))
    output.done(found, f"{found.address} is on", as_json=as_json)


@mask.command()
@click.argument("address")
@click.argument("text")
@output.json_option
@click.pass_context
def label(context: click.Context, address: str, text: str, *, as_json: bool) -> None:
    """Say with TEXT whom ADDRESS is for."""
    found = run(context, lambda office: masks.change(office, address, label=text))
    output.done(found, f"{found.address} is for {found.label or 'nobody'}", as_json=as_json)


@mask.command()
@click.argument("address")
@output.json_option
@click.pass_context
def remove(context: click.Context, address: str, *, as_json: bool) -> None:
    """End ADDRESS for good; to switch it off keeps it from others."""
    found = run(context, lambda office: masks.remove(office, address))
    output.done(found, f"{found.address} is gone", as_json=as_json)
