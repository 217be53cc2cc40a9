"""``postroom suppression``: list, show, add, load, remove, use, share."""

from typing import TextIO

import click

from postroom.admin import domain_suppression, suppression as admin
from postroom.admin.domain_suppression import DomainSuppressionView
from postroom.admin.office import Office
from postroom.admin.suppression import CHOICES, WORDS, Choice, SuppressionView
from postroom.cli import output
from postroom.cli.work import run

_COLUMNS = [
    ("ADDRESS", lambda one: one.address),
    ("KIND", lambda one: one.kind),
    ("SINCE", lambda one: one.since),
    ("UNTIL", lambda one: one.until or "removed"),
    ("MESSAGE", lambda one: one.message),
    ("REASON", lambda one: one.reason),
]
_OF_DOMAIN = [("ACCOUNT", lambda one: one.account), *_COLUMNS]


@click.group()
def suppression() -> None:
    """Addresses that an account does not write to for now.

    An address comes onto the list when mail to it came back, as there is no such mailbox, when
    its owner called a message spam, or by hand. Whose mail heeds the list: suppression use. Where a
    DOMAIN may stand in place of an ACCOUNT, the lists of all its accounts are meant.
    """


@suppression.command("list")
@click.argument("account")
@click.option("--search", default="", metavar="TEXT", help="Only those that begin with TEXT.")
@output.limit_option
@output.json_option
@click.pass_context
def list_(
    context: click.Context, account: str, search: str, limit: int | None, *, as_json: bool
) -> None:
    """List whom ACCOUNT, or the accounts of a DOMAIN, do not write to, by address."""

    async def work(office: Office) -> None:
        empty = f"Nobody is on the suppression list of {account}."
        if "@" in account:
            found = admin.every(office, account, search=search, limit=limit)
            await output.listing(found, _COLUMNS, as_json=as_json, empty=empty)
        else:
            of_all = domain_suppression.every(office, account, search=search, limit=limit)
            await output.listing(of_all, _OF_DOMAIN, as_json=as_json, empty=empty)

    run(context, work)


@suppression.command()
@click.argument("account")
@click.argument("address", required=False)
@output.json_option
@click.pass_context
def show(context: click.Context, account: str, address: str | None, *, as_json: bool) -> None:
    """Tell why ACCOUNT, or a DOMAIN, does not write to ADDRESS; without one, how it uses its list."""
    if "@" not in account:
        _show_domain(context, account, address, as_json=as_json)
        return
    if address is None:
        view = run(context, lambda office: admin.status(office, account))
        output.thing(
            view,
            [
                ("account", view.account),
                ("heeded by", WORDS[view.scope]),
                ("said by", "the settings" if view.chosen == "default" else "the account"),
                ("addresses", view.addresses),
            ],
            as_json=as_json,
        )
        return
    found = run(context, lambda office: admin.show(office, account, address))
    output.thing(
        found,
        [
            ("address", found.address),
            ("kind", found.kind),
            ("since", found.since),
            ("until", found.until or "removed"),
            ("message", found.message),
            ("reason", found.reason),
        ],
        as_json=as_json,
    )


@suppression.command()
@click.argument("account")
@click.argument("address", nargs=-1, required=True)
@output.json_option
@click.pass_context
def add(context: click.Context, account: str, address: tuple[str, ...], *, as_json: bool) -> None:
    """Let ACCOUNT not write to ADDRESS until it is removed."""
    view = run(context, lambda office: admin.add(office, account, address))
    output.done(view, _told(view), as_json=as_json)


@suppression.command()
@click.argument("account")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.pass_context
def load(context: click.Context, account: str, file: TextIO) -> None:
    """Do so for all addresses in FILE (- for standard input), one a line."""
    lines = list(file)
    count = run(context, lambda office: admin.load(office, account, lines))
    click.echo(f"addresses read: {count}")


@suppression.command()
@click.argument("account")
@click.argument("address", nargs=-1, required=True)
@output.json_option
@click.pass_context
def remove(
    context: click.Context, account: str, address: tuple[str, ...], *, as_json: bool
) -> None:
    """Let ACCOUNT, or all accounts of a DOMAIN, write to ADDRESS again."""
    if "@" not in account:
        of_all = run(context, lambda office: domain_suppression.remove(office, account, address))
        output.done(of_all, _told_of(of_all), as_json=as_json)
        return
    view = run(context, lambda office: admin.remove(office, account, address))
    output.done(view, _told(view), as_json=as_json)


@suppression.command()
@click.argument("account")
@click.argument("scope", type=click.Choice(CHOICES))
@output.json_option
@click.pass_context
def use(context: click.Context, account: str, scope: Choice, *, as_json: bool) -> None:
    """Say what heeds the list of ACCOUNT, and fills it.

    api: what programs send over the HTTP API; all: that and what mail programs and the browser
    send; off: nothing; default: as the settings say ([suppression] scope).
    """
    view = run(context, lambda office: admin.use(office, account, scope))
    sentence = f"heeds and fills the suppression list of {view.account}: {WORDS[view.scope]}"
    output.done(view, sentence, as_json=as_json)


@suppression.command()
@click.argument("domain")
@click.argument("choice", type=click.Choice(["on", "off"]))
@output.json_option
@click.pass_context
def share(context: click.Context, domain: str, choice: str, *, as_json: bool) -> None:
    """Let each account of DOMAIN heed what came back to any of them, or was called spam.

    What somebody has put on their own list by hand is for them alone.
    """
    is_on = choice == "on"
    view = run(context, lambda office: domain_suppression.share(office, domain, shared=is_on))
    output.done(view, _told_of(view), as_json=as_json)


def _show_domain(
    context: click.Context, domain: str, address: str | None, *, as_json: bool
) -> None:
    if address is not None:
        found = run(context, lambda office: domain_suppression.show(office, domain, address))
        output.table(found, _OF_DOMAIN, as_json=as_json, empty="")
        return
    view = run(context, lambda office: domain_suppression.status(office, domain))
    output.thing(
        view,
        [
            ("domain", view.domain),
            ("shared", "yes" if view.shared else "no"),
            ("accounts with a list", view.accounts),
            ("addresses", view.addresses),
        ],
        as_json=as_json,
    )


def _told_of(view: DomainSuppressionView) -> str:
    said = "heeded by all its accounts" if view.shared else "each heeded by its account"
    return f"addresses on the suppression lists of {view.domain}: {view.addresses}; {said}"


def _told(view: SuppressionView) -> str:
    said = f"addresses on the suppression list of {view.account}: {view.addresses}"
    return f"{said}; heeded by {WORDS[view.scope]} (see: postroom suppression use)"
