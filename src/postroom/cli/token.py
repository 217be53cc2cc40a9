"""``postroom token``: add, list, remove."""

from datetime import UTC, datetime

import click

from postroom.admin import api_tokens
from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.acting import add_act
from postroom.cli.moment import Moment
from postroom.cli.work import run
from postroom.directory.api_tokens import SCOPES

_COLUMNS = [
    ("NAME", lambda one: one.name),
    ("SCOPES", lambda one: ",".join(one.scopes)),
    ("LIMITED TO", lambda one: one.domain or one.account or "-"),
    ("CREATED", lambda one: one.created),
    ("EXPIRES", lambda one: one.expires or "never"),
    ("LAST USED", lambda one: one.last_used or "never"),
]


@click.group()
def token() -> None:
    """What programs show to use the API.

    A program sends it as "Authorization: Bearer TOKEN"; docs/api.md says what it can do.
    """


@token.command()
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, required=True, metavar="SCOPE",
    help=f"What it may do, more than once or with commas: {', '.join(SCOPES)}.",
)  # fmt: skip
@click.option("--domain", metavar="DOMAIN", help="Only what is of DOMAIN.")
@click.option("--account", metavar="ADDRESS", help="Only what is of this account.")
@click.option(
    "--expires", type=Moment("%Y-%m-%d"), metavar="YYYY-MM-DD",
    help="The day (UTC) on which it ends. Default: never.",
)  # fmt: skip
@output.json_option
@click.pass_context
def add(
    context: click.Context,
    name: str,
    scopes: tuple[str, ...],
    domain: str | None,
    account: str | None,
    expires: datetime | None,
    *,
    as_json: bool,
) -> None:
    """Make a token NAME, and print it: it is not shown again."""
    wanted = [word.strip() for text in scopes for word in text.split(",")]
    until = None if expires is None else expires.replace(tzinfo=UTC)
    made = run(
        context,
        lambda office: api_tokens.add(
            office, name, wanted, domain=domain, account=account, expires=until
        ),
    )
    output.done(made, made.token, as_json=as_json)


@token.command("list")
@output.limit_option
@output.json_option
@click.pass_context
def list_(context: click.Context, limit: int | None, *, as_json: bool) -> None:
    """List the tokens, without what opens doors."""

    async def work(office: Office) -> None:
        await output.listing(
            api_tokens.every(office, limit=limit),
            _COLUMNS,
            as_json=as_json,
            empty="There are no tokens.",
        )

    run(context, work)


add_act(
    token,
    "remove",
    "NAME",
    "Take the token NAME back; it opens nothing from now on.",
    api_tokens.remove,
    lambda gone: f"{gone.name} opens nothing any more",
)
