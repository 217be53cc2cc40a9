"""``postroom mask``: add, list, on, off, label, remove."""

import click

from postroom.admin import masks
from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.acting import add_act
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


add_act(
    mask,
    "off",
    "ADDRESS",
    "Refuse mail to ADDRESS from now on.",
    lambda office, address: masks.change(office, address, is_on=False),
    lambda one: f"{one.address} is off: mail to it is refused",
)
add_act(
    mask,
    "on",
    "ADDRESS",
    "Take mail to ADDRESS again.",
    lambda office, address: masks.change(office, address, is_on=True),
    lambda one: f"{one.address} is on",
)


@mask.command()
@click.argument("address")
@click.argument("text")
@output.json_option
@click.pass_context
def label(context: click.Context, address: str, text: str, *, as_json: bool) -> None:
    """Say with TEXT whom ADDRESS is for."""
    found = run(context, lambda office: masks.change(office, address, label=text))
    output.done(found, f"{found.address} is for {found.label or 'nobody'}", as_json=as_json)


add_act(
    mask,
    "remove",
    "ADDRESS",
    "End ADDRESS for good; to switch it off keeps it from others.",
    masks.remove,
    lambda gone: f"{gone.address} is gone",
)
