"""``postroom vacation``: set, show, off."""

from typing import Any

import click

from postroom.admin.filters import vacations
from postroom.cli import output
from postroom.cli.work import run
from postroom.directory.vacations import DAYS, Vacation


@click.group()
def vacation() -> None:
    """What an account answers while its owner is away."""


@vacation.command("set")
@click.argument("account")
@click.option("--text", metavar="TEXT", help="What is answered.")
@click.option("--file", type=click.File("r", encoding="utf-8"), help="The same from a file, or -.")
@click.option("--subject", default="", metavar="TEXT", help="Default: Auto: and theirs.")
@click.option("--from", "begins", default="", metavar="DATE", help="The first day, 2026-12-24.")
@click.option("--until", "ends", default="", metavar="DATE", help="The last day.")
@click.option(
    "--days",
    default=DAYS,
    show_default=True,
    type=click.IntRange(1, vacations.MAX_DAYS),
    help="Days between two answers to the same sender.",
)
@click.option("--address", multiple=True, help="Another address of the owner, outside; repeatable.")
@output.json_option
@click.pass_context
def set_(  # noqa: PLR0913
    context: click.Context,
    account: str,
    *,
    text: str | None,
    file: Any,
    subject: str,
    begins: str,
    ends: str,
    days: int,
    address: tuple[str, ...],
    as_json: bool,
) -> None:
    """Answer the mail of ACCOUNT, each sender once in --days. Lists and programs get nothing."""
    if (text is None) is (file is None):
        raise click.UsageError("give the answer, with --text or --file")
    answer = file.read() if text is None else text
    away = Vacation(answer, subject, begins, ends, days, address)
    found = run(context, lambda office: vacations.change(office, account, away))
    output.done(found, f"{found.account} answers{_when(found)}", as_json=as_json)
    if found.warning:
        output.note(found.warning)


@vacation.command()
@click.argument("account")
@click.option("--sieve", is_flag=True, help="As the Sieve that it is.")
@output.json_option
@click.pass_context
def show(context: click.Context, account: str, *, sieve: bool, as_json: bool) -> None:
    """Show what ACCOUNT answers, and when."""
    if sieve:
        text = run(context, lambda office: vacations.sieve(office, account))
        click.echo(output.encode({"sieve": text}) if as_json else text, nl=as_json)
        return
    found = run(context, lambda office: vacations.show(office, account))
    if as_json:
        click.echo(output.encode(found))
        return
    output.details(
        [
            ("account", found.account),
            ("from", found.begins),
            ("until", found.ends),
            ("days", found.days),
            ("addresses", found.addresses),
            ("subject", found.subject),
            ("text", tuple(found.text.split("\n"))),
        ]
    )
    if found.warning:
        output.note(found.warning)


@vacation.command()
@click.argument("account")
@output.json_option
@click.pass_context
def off(context: click.Context, account: str, *, as_json: bool) -> None:
    """Answer the mail of ACCOUNT no more."""
    run(context, lambda office: vacations.end(office, account))
    output.done({"account": account}, f"{account} answers no more", as_json=as_json)


def _when(found: vacations.VacationView) -> str:
    begins = f" from {found.begins}" if found.begins else ""
    ends = f" until {found.ends}" if found.ends else ""
    return begins + ends
