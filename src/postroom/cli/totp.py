"""``postroom account totp``: second factors, which people set up in the browser."""

import click

from postroom.admin import second_factor
from postroom.cli import output
from postroom.cli.work import run


@click.group()
def totp() -> None:
    """Codes of an app beside the password; set up in the browser."""


@totp.command()
@click.argument("address")
@output.json_option
@click.pass_context
def show(context: click.Context, address: str, *, as_json: bool) -> None:
    """Tell whether the account ADDRESS has a second factor."""
    found = run(context, lambda office: second_factor.show(office, address))
    output.thing(
        found,
        [
            ("second factor", found.state),
            ("since", found.since),
            ("recovery codes left", found.recovery_codes if found.since else None),
            (
                "mail programs",
                ("the password" if found.opens_mail else "app passwords") if found.since else None,
            ),
        ],
        as_json=as_json,
    )


@totp.command()
@click.argument("address")
@output.json_option
@click.pass_context
def reset(context: click.Context, address: str, *, as_json: bool) -> None:
    """Take the second factor of the account ADDRESS away: its password alone counts again."""
    run(context, lambda office: second_factor.reset(office, address))
    output.done({"address": address}, f"{address} has no second factor", as_json=as_json)
