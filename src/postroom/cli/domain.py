"""``postroom domain``: add, list, show, set, journal, limits, rename, remove."""

from collections.abc import AsyncIterator
from typing import Literal

import click
import msgspec

from postroom.admin import backup_domains, domains
from postroom.admin.backup_domains import BackupView
from postroom.admin.domains import DomainChanges, DomainDetails, DomainView
from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.account import Count, Quota
from postroom.cli.acting import add_act
from postroom.cli.listed import add_list
from postroom.cli.work import run
from postroom.directory.allotments import Allotment

_COLUMNS = [
    ("DOMAIN", lambda one: one.name),
    ("ALIAS OF", lambda one: "(backup MX)" if _is_backup(one) else one.alias_of),
    ("CATCH-ALL", lambda one: "" if _is_backup(one) else one.catch_all),
]


def _is_backup(one: DomainView | BackupView) -> bool:
    return isinstance(one, BackupView)


@click.group()
def domain() -> None:
    """Domains that receive mail here."""


@domain.command()
@click.argument("name")
@click.option("--alias-of", metavar="OTHER", help="Every address in NAME is the same in OTHER.")
@click.option(
    "--backup-mx",
    is_flag=True,
    help="Keep mail for NAME until its own servers take it, those before this one in its MX.",
)
@output.json_option
@click.pass_context
def add(
    context: click.Context, name: str, alias_of: str | None, *, backup_mx: bool, as_json: bool
) -> None:
    """Receive mail for the domain NAME."""
    if backup_mx:
        if alias_of is not None:
            raise click.UsageError("--backup-mx is for domains of others, which are no aliases")
        kept = run(context, lambda office: backup_domains.add(office, name))
        output.done(kept, f"this server is a backup MX for {kept.name}", as_json=as_json)
        output.note(
            "in its DNS, this server's name belongs in an MX record with a higher number than"
            " those of its own servers"
        )
        return
    added = run(context, lambda office: domains.add(office, name, alias_of=alias_of))
    sentence = f"domain {added.name} added"
    if added.alias_of:
        sentence += f" as an alias of {added.alias_of}"
    output.done(added, sentence, as_json=as_json)
    output.note(f"its mail is signed; its records for DNS: postroom dns {added.name}")


async def _every(
    office: Office, *, search: str = "", limit: int | None = None
) -> AsyncIterator[DomainView | BackupView]:
    count = 0
    async for own in domains.every(office, search=search, limit=limit):
        count += 1
        yield own
    left = None if limit is None else limit - count
    if left == 0:
        return
    async for kept in backup_domains.every(office, search=search, limit=left):
        yield kept


add_list(
    domain,
    "List the domains by name, then those that this server is a backup MX for.",
    _every,
    _COLUMNS,
    "domains",
)


@domain.command()
@click.argument("name")
@output.json_option
@click.pass_context
def show(context: click.Context, name: str, *, as_json: bool) -> None:
    """Show the domain NAME and what it holds."""
    found = run(context, lambda office: _shown(office, name))
    if as_json:
        click.echo(output.encode(found))
        return
    if isinstance(found, BackupView):
        output.details(
            [
                ("domain", found.name),
                ("in DNS", found.ascii if found.ascii != found.name else ""),
                ("served", "as a backup MX: mail waits here for its own servers"),
                ("added", found.created),
            ]
        )
        return
    output.details(
        [
            ("domain", found.name),
            ("in DNS", found.ascii if found.ascii != found.name else ""),
            ("alias of", found.alias_of),
            ("accounts", found.accounts),
            ("aliases", found.aliases),
            ("alias domains", found.alias_domains),
            ("catch-all", found.catch_all or "none: unknown names are refused"),
            ("journal", found.journal),
            ("limits", _limits(found.limits)),
            ("separators", found.separators or "none: no subaddresses"),
            ("case", found.case),
            ("dots", found.dots),
            ("signing keys", [f"{key.selector} ({key.state})" for key in found.dkim]),
            ("added", found.created),
        ]
    )


async def _shown(office: Office, name: str) -> DomainDetails | BackupView:
    return await backup_domains.find(office, name) or await domains.show(office, name)


@domain.command("set")
@click.argument("name")
@click.option("--catch-all", metavar="ADDRESS", help="Gets mail for unknown names; none: refuse.")
@click.option("--separators", metavar="LETTERS", help="Begin a subaddress; empty: none.")
@click.option("--case", type=click.Choice(["sensitive", "insensitive"]), help="Of names.")
@click.option("--dots", type=click.Choice(["significant", "ignored"]), help="In names.")
@output.json_option
@click.pass_context
def set_(
    context: click.Context,
    name: str,
    catch_all: str | None,
    separators: str | None,
    case: Literal["sensitive", "insensitive"] | None,
    dots: Literal["significant", "ignored"] | None,
    *,
    as_json: bool,
) -> None:
    """Change how the domain NAME treats names."""
    changes = DomainChanges(
        catch_all="" if catch_all == "none" else catch_all,
        separators=separators,
        case=case,
        dots=dots,
    )
    if changes == DomainChanges():
        raise click.UsageError("nothing to set; see --help")
    changed = run(context, lambda office: domains.change(office, name, changes))
    output.done(changed, f"domain {changed.name} changed", as_json=as_json)


@domain.command()
@click.argument("name")
@click.argument("address", required=False)
@click.option("--off", is_flag=True, help="Make no more copies.")
@output.json_option
@click.pass_context
def journal(
    context: click.Context, name: str, address: str | None, *, off: bool, as_json: bool
) -> None:
    """Copy every message to or from the domain NAME to ADDRESS, or print where copies go.

    A copy is a journal report: the message, and with it the envelope: sender, all recipients,
    time, queue id.
    """
    if off and address is not None:
        raise click.UsageError("either ADDRESS or --off")
    if address is None and not off:
        found = run(context, lambda office: domains.show(office, name))
        output.done(found, found.journal or "no journal", as_json=as_json)
        return
    changed = run(context, lambda office: domains.set_journal(office, name, address or ""))
    told = f"the journal of {changed.name} goes to {changed.journal}"
    output.done(changed, told if address else f"{changed.name} has no journal", as_json=as_json)


@domain.command()
@click.argument("name")
@click.option("--accounts", type=Count("accounts"), help="The most it may hold: 50, none.")
@click.option("--aliases", type=Count("aliases"), help="The same of aliases.")
@click.option("--quota", type=Quota(), help="What a new account gets: 2G, none.")
@click.option("--max-quota", type=Quota(), help="The most that one account may have.")
@click.option("--total", type=Quota(), help="The most that all may have together.")
@output.json_option
@click.pass_context
def limits(  # noqa: PLR0913
    context: click.Context,
    name: str,
    accounts: int | None,
    aliases: int | None,
    quota: int | None,
    max_quota: int | None,
    total: int | None,
    *,
    as_json: bool,
) -> None:
    """Limit what the domain NAME may hold, or print its limits; what is not named stays.

    They hold for its administrators and for owners. What is there already stays.
    """
    found = run(context, lambda office: domains.show(office, name))
    named = {
        "accounts": accounts,
        "aliases": aliases,
        "default_quota": quota,
        "max_quota": max_quota,
        "total_quota": total,
    }
    said = {word: value for word, value in named.items() if value is not None}
    if said:
        wanted = msgspec.structs.replace(found.limits, **said)
        found = run(context, lambda office: domains.set_limits(office, name, wanted))
    told = ", ".join(_limits(found.limits)) or "none"
    output.done(found.limits, f"limits of {found.name}: {told}", as_json=as_json)


def _limits(limits: Allotment) -> list[str]:
    told = [
        (f"accounts: {limits.accounts}", limits.accounts),
        (f"aliases: {limits.aliases}", limits.aliases),
        (f"{output.size(limits.default_quota)} for a new account", limits.default_quota),
        (f"{output.size(limits.max_quota)} at most for one", limits.max_quota),
        (f"{output.size(limits.total_quota)} for all together", limits.total_quota),
    ]
    return [text for text, value in told if value]


@domain.command()
@click.argument("name")
@click.argument("new")
@click.option("--keep-old", is_flag=True, help="Keep NAME as an alias of NEW.")
@output.json_option
@click.pass_context
def rename(context: click.Context, name: str, new: str, *, keep_old: bool, as_json: bool) -> None:
    """Rename the domain NAME to NEW, with all its addresses."""
    renamed = run(context, lambda office: domains.rename(office, name, new, keep_old=keep_old))
    output.done(renamed, f"domain {name} is now {renamed.name}", as_json=as_json)
    output.note(f"publish its signing keys under the new name: postroom dkim show {renamed.name}")


async def _removed(office: Office, name: str) -> DomainView | BackupView:
    if await backup_domains.find(office, name) is not None:
        return await backup_domains.remove(office, name)
    return await domains.remove(office, name)


add_act(
    domain,
    "remove",
    "NAME",
    "Refuse mail for the domain NAME, which must be empty.",
    _removed,
    lambda gone: f"domain {gone.name} removed",
)
