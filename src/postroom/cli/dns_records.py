"""``postroom dns DOMAIN``: the records of a domain, printed, checked or brought into its zone."""

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import click

from postroom.admin.dns import table as admin, update, zone
from postroom.admin.dns.table import Row
from postroom.admin.dns.update import Plan, Step
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
_WRITTEN: Final = frozenset({"add", "merge", "replace"})
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
@click.option("--update", is_flag=True, help="Bring them into the zone: postroom dns provider.")
@click.option("--dry-run", is_flag=True, help="With --update: only show what would be done.")
@click.option("--yes", is_flag=True, help="With --update: ask nothing; leave alone what it asks.")
@click.option("--take-over", is_flag=True,
              help="With --update: also replace records of others (MX ..) that stand in the way.")  # fmt: skip
@output.json_option
@click.pass_context
def records(context: click.Context, /, domain: str, *, as_json: bool, **given: bool) -> None:
    """Print the DNS records that DOMAIN needs.

    With --check each is compared with what is in DNS, and what is wrong comes with its remedy;
    the exit status is 1 while a required record is not right. With --update they are written
    where a provider keeps the zone; records of others stay unless you agree.
    """
    _usage(given, as_json=as_json)
    if given["update"]:
        _update(context, domain, given, as_json=as_json)
        return
    check = given["check"]
    rows = run(context, lambda office: _rows(office, domain, check=check))
    if as_json:
        click.echo(output.encode(rows))
    elif given["zone"]:
        click.echo(zone.zone_file(_origin(rows), rows), nl=False)
    elif check:
        _print_check(rows)
    else:
        output.table(rows, _RECORDS)
        _notes(rows)
    if any(row.need == "required" and row.state not in {None, "ok"} for row in rows):
        context.exit(1)


def _usage(given: Mapping[str, bool], *, as_json: bool) -> None:
    if given["zone"] and (given["check"] or as_json):
        raise click.UsageError("--zone goes without --check and --json")
    if given["update"] and (given["zone"] or given["check"]):
        raise click.UsageError("--update goes without --zone and --check")
    if not given["update"] and (given["dry_run"] or given["take_over"] or given["yes"]):
        raise click.UsageError("--dry-run, --yes and --take-over go with --update")


def _update(
    context: click.Context, domain: str, given: Mapping[str, bool], *, as_json: bool
) -> None:
    """Show the plan, ask, carry it out."""
    planned = run(context, lambda office: _planned(office, domain))
    if not as_json:
        _print_plan(planned)
    if given["dry_run"]:
        if as_json:
            click.echo(output.encode(planned))
        return
    asks = [one for one in planned.steps if one.action == "ask"]
    agreed = asks if given["take_over"] else []
    if not given["yes"] and not as_json and sys.stdin.isatty():
        agreed = agreed or [one for one in asks if click.confirm(_question(one), err=True)]
        if agreed or any(one.action in _WRITTEN for one in planned.steps):
            click.confirm(f"Change {planned.zone} now", abort=True, err=True)
    places = [(one.name, one.type) for one in agreed]
    done = run(context, lambda office: _applied(office, domain, places))
    if as_json:
        click.echo(output.encode(done))
        return
    count = sum(one.action in {*_WRITTEN, "ask"} for one in done.steps)
    if count:
        click.echo(f"{_sets(count)} written at {done.provider}")
    else:
        click.echo("nothing to do")


def _sets(count: int) -> str:
    return f"{output.count(count, 'set')} of records"


def _question(one: Step) -> str:
    return f"{one.name} {one.type}: {one.why}. Replace {', '.join(one.before)}"


def _print_plan(plan: Plan) -> None:
    shown = [one for one in plan.steps if one.action not in {"keep", "elsewhere"}]
    for one in shown:
        colour = "yellow" if one.action == "ask" else "green"
        action = click.style(f"{one.action:<8}", fg=colour)
        click.echo(f"{action} {one.name} {one.type} ({one.use})")
        for gone in one.before:
            if gone not in one.after:
                click.echo(f"         - {output.printable(gone)}")
        for new in one.after:
            if new not in one.before:
                click.echo(f"         + {output.printable(new)}")
        if one.why:
            click.echo(f"         {output.printable(one.why)}")
    kept = sum(one.action == "keep" for one in plan.steps)
    click.echo(f"right already in {plan.zone}: {_sets(kept)}")
    for one in plan.steps:
        if one.action == "elsewhere":
            output.note(f"{one.name} {one.type} is not in {plan.zone}: {one.why}")


async def _planned(office: Office, domain: str) -> Plan:
    async with Resolver(office.config.dns.servers) as resolver:
        return await update.plan(office, domain, resolver=resolver)


async def _applied(office: Office, domain: str, agreed: Sequence[tuple[str, str]]) -> Plan:
    async with Resolver(office.config.dns.servers) as resolver:
        return await update.apply(office, domain, resolver=resolver, agreed=agreed)


async def _rows(office: Office, domain: str, *, check: bool) -> list[Row]:
    """Ask with a resolver that lives as long as the question."""
    ask: Callable[..., Awaitable[list[Row]]] = admin.check if check else admin.records
    async with Resolver(office.config.dns.servers) as resolver:
        return await ask(office, domain, resolver=resolver)


def _origin(rows: Sequence[Row]) -> str:
    """The domain itself: the name of its MX record."""
    return next(row.name for row in rows if row.type == "MX")


def _print_check(rows: Sequence[Row]) -> None:
    output.table(rows, _CHECKED)
    alike: dict[str, list[Row]] = {}  # what is to be done is the same but for the name
    for row in rows:
        if row.state != "ok":
            is_alone = row.found or not row.fix
            key = f"{row.name} {row.type}" if is_alone else row.fix.replace(row.name, "")
            alike.setdefault(key, []).append(row)
    for some in alike.values():
        first = min(some, key=lambda one: len(one.name))
        more = f" and {output.count(len(some) - 1, 'more record')}" if len(some) > 1 else ""
        click.echo(f"\n{first.name} {first.type} ({first.use}, {first.need}){more}: {first.state}")
        for one in first.found:
            click.echo(f"  found  {output.printable(one)}")
        click.echo(f"  {output.printable(first.fix)}")


def _notes(rows: Sequence[Row]) -> None:
    for row in rows:
        if row.note:
            output.note(f"{row.name} {row.type}: {row.note}")
