"""``postroom status``: how the server does, and what to do about it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import click

from postroom.admin import names, overview
from postroom.admin.office import Office
from postroom.admin.overview import Overview
from postroom.admin.watch import status_letter
from postroom.admin.watch.health import BEST, Health
from postroom.admin.watch.status_letter import Drafted
from postroom.cli import output
from postroom.cli.work import run
from postroom.net.dns import Resolver


@click.command()
@click.option("--letter", is_flag=True, help="Print what the next status letter would tell.")
@output.json_option
@click.pass_context
def status(context: click.Context, *, letter: bool, as_json: bool) -> None:
    """Tell how the server does: a score, what lowers it, and what to do.

    Below it the flow of the last 24 hours, the queue, the disk and the certificates, as the page
    Overview shows them. With --letter: what has changed since the last status letter; the records of
    the domains are looked up for it.
    """
    if letter:
        _print_letter(run(context, _draft), as_json=as_json)
        return
    found = run(context, overview.examine)
    if as_json:
        click.echo(output.encode(found))
        return
    for line in (*_judged(found.health), "", *_figures(found)):
        click.echo(output.printable(line))


async def _draft(office: Office) -> Drafted | None:
    async with Resolver(office.config.dns.servers) as resolver:
        return await status_letter.draft(office, resolver)


def _print_letter(drafted: Drafted | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(output.encode(drafted))
    elif drafted is None:
        click.echo("nothing was noted yet: the server does so ten minutes after it was started")
    elif not drafted.matters:
        click.echo("nothing has changed since the last letter: none would be sent")
    else:
        click.echo(f"Subject: {output.printable(drafted.subject)}\n")
        for line in drafted.text.splitlines():
            click.echo(output.printable(line))


def _judged(health: Health) -> Iterator[str]:
    yield f"health: {health.score} of {BEST}" + ("" if health.lacks else ", all is well")
    for one in health.lacks:
        yield f"  -{one.points:<3} {one.reason}"
        yield f"       {one.action}"


def _figures(found: Overview) -> Iterator[str]:
    accepted = output.count(sum(found.hours), "message")
    yield f"last 24 hours   {accepted} accepted, {sum(found.submitted)} of people"
    waiting = found.queue
    oldest = "" if waiting.oldest is None else f", the oldest for {_since(waiting.oldest)}"
    yield f"queue           {waiting.deliveries} waiting{oldest}, {waiting.held} held"
    yield f"disk            {output.size(found.free)} free of {output.size(found.size)}"
    domains, accounts = (
        output.count(number, noun)
        for number, noun in ((found.domains, "domain"), (found.accounts, "account"))
    )
    aliases = output.count(found.aliases, "alias", "aliases")
    yield f"here            {domains}, {accounts}, {aliases}"
    for listing in found.blocklists:
        listed = ", ".join(one.address for one in listing.listed)
        said = f"lists {listed}" if listed else listing.problem or "nothing of this server"
        yield f"blocklist       {listing.zone}: {said} ({listing.at:%Y-%m-%d %H:%M} UTC)"
    for one in found.certificates:
        until = "" if one.expires is None else f", valid until {one.expires:%Y-%m-%d}"
        yield f"certificate     {one.name}: {one.state}{until}"


def _since(moment: datetime) -> str:
    return names.span((datetime.now(UTC) - moment).total_seconds())
