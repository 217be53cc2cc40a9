"""``postroom dns``: the records of a domain, printed or checked."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import click

from postroom.admin import dns as admin, dns_zone
from postroom.admin.dns import Row
from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.work import run
from postroom.net.dns import Resolver

_RECORDS: Final = [
    ("FOR", lambda one: one.use),
    ("NEED", lambda one: one.need),
    ("NAME", lambda one: one.name),
    ("TYPE", lambda one: one.type),
    ("VALUE", lambda one: one.value or "?"),
]
_CHECKED: Final = [
    ("STATE", lambda one: one.state),
    ("FOR", lambda one: one.use),
    ("NEED", lambda one: one.need),
    ("NAME", lambda one: one.name),
    ("TYPE", lambda one: one.type),
]


@click.command()
@click.argument("domain")
@click.option("--check", is_flag=True, help="Ask the domain's own name servers what is there.")
@click.option("--zone", is_flag=True, help="Print the text of a zone file.")
@output.json_option
@click.pass_context
def dns(context: click.Context, domain: str, *, check: bool, zone: bool, as_json: bool) -> None:
    """Print the DNS records that DOMAIN needs.

    With --check each is compared with what is in DNS, and what is wrong comes with its remedy;
    the exit status is 1 while a required record is not right.
    """
    if zone and (check or as_json):
        raise click.UsageError("--zone goes without --check and --json")
    rows = run(context, lambda office: _rows(office, domain, check=check))
    if as_json:
        click.echo(output.encode(rows))
    elif zone:
        click.echo(dns_zone.zone_file(_origin(rows), rows), nl=False)
    elif check:
        _print_check(rows)
    else:
        output.table(rows, _RECORDS)
        _notes(rows)
    if any(row.need == "required" and row.state not in {None, "ok"} for row in rows):
        context.exit(1)


async def _rows(office: Office, domain: str, *, check: bool) -> list[Row]:
    """Ask with a resolver that lives as long as the question."""
    resolver = Resolver(office.config.dns.servers)
    ask: Callable[..., Awaitable[list[Row]]] = admin.check if check else admin.records
    try:
        return await ask(office, domain, resolver=resolver)
    finally:
        await resolver.close()


def _origin(rows: Sequence[Row]) -> str:
    """The domain itself: the name of its MX record."""
    return next(row.name for row in rows if row.type == "MX")


def _print_check(rows: Sequence[Row]) -> None:
    output.table(rows, _CHECKED)
    for row in rows:
        if row.state != "ok":
            click.echo(f"\n{row.name} {row.type} ({row.use}, {row.need}): {row.state}")
            for one in row.found:
                click.echo(f"  found  {output.printable(one)}")
            click.echo(f"  {output.printable(row.fix)}")


def _notes(rows: Sequence[Row]) -> None:
    for row in rows:
        if row.note:
            output.note(f"{row.name} {row.type}: {row.note}")
