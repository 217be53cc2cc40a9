"""``postroom reports``: list, show, import, send."""

from pathlib import Path

import click

from postroom.admin import reporting, reports as admin
from postroom.admin.office import Office
from postroom.admin.reporting import Sent
from postroom.admin.reports import ReportView
from postroom.cli import output
from postroom.cli.work import run
from postroom.net.dns import Resolver
from postroom.post.commit import Post


@click.group()
def reports() -> None:
    """What other servers report on mail in the name of your domains (DMARC) and on TLS.

    Reports that come by mail to your domains are read by themselves; the records of postroom dns
    ask for them.
    """


@reports.command("list")
@click.argument("domain", default="", required=False)
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N",
    help="Print at most N.",
)  # fmt: skip
@output.json_option
@click.pass_context
def list_(context: click.Context, domain: str, limit: int, *, as_json: bool) -> None:
    """List the newest reports, on DOMAIN or on all."""
    found = run(context, lambda office: admin.every(office, domain, limit=limit))
    output.table(
        found,
        [
            ("ID", lambda one: one.id),
            ("KIND", lambda one: one.kind),
            ("DOMAIN", lambda one: one.domain),
            ("FROM", lambda one: one.begins),
            ("ORGANIZATION", lambda one: one.organization),
            ("PASSED", lambda one: one.passed),
            ("FAILED", lambda one: one.failed),
        ],
        as_json=as_json,
        empty="No reports came yet.",
    )


@reports.command()
@click.argument("report", metavar="ID")
@output.json_option
@click.pass_context
def show(context: click.Context, report: str, *, as_json: bool) -> None:
    """Show one report with its lines, the most frequent first."""
    found = run(context, lambda office: admin.show(office, report))
    if as_json:
        click.echo(output.encode(found))
        return
    one = found.report
    output.details(
        [
            ("id", one.id),
            ("kind", one.kind),
            ("domain", one.domain),
            ("by", one.organization),
            ("contact", found.contact or "-"),
            ("from", one.begins),
            ("to", one.ends),
            ("policy", found.policy),
            ("passed", one.passed),
            ("failed", one.failed),
        ]
    )
    click.echo()
    output.table(
        found.lines,
        [
            ("COUNT", lambda line: line.count),
            ("SERVER", lambda line: line.source),
            ("RESULT", lambda line: line.result),
            ("DETAIL", lambda line: line.detail),
        ],
    )


@reports.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE..")
@output.json_option
@click.pass_context
def import_(context: click.Context, files: tuple[str, ...], *, as_json: bool) -> None:
    """Read reports from files: messages, or what was attached to them (.xml, .json, .gz, .zip)."""

    async def work(office: Office) -> tuple[list[ReportView], int]:
        new: list[ReportView] = []
        known = 0
        for name in files:
            done = await admin.import_file(office, Path(name))
            new += done.new
            known += done.known
        return new, known

    new, known = run(context, work)
    rest = f", {known} known already" if known else ""
    output.done(new, f"{output.count(len(new), 'report')} imported{rest}", as_json=as_json)


@reports.command()
@output.json_option
@click.pass_context
def send(context: click.Context, *, as_json: bool) -> None:
    """Send our reports on the days that are over, now.

    The server does it by itself with [reports] send = true, which also makes it count.
    """

    async def work(office: Office) -> list[Sent]:
        post = Post(office.db, office.blobs, office.notify, office.clock)
        async with Resolver(office.config.dns.servers) as resolver:
            return await reporting.send_due(office, post, resolver, at_once=True)

    sent = run(context, work)
    if as_json:
        click.echo(output.encode(sent))
        return
    for one in sent:
        told = f"{one.kind} report on {one.domain} for {one.day} to {' '.join(one.recipients)}"
        click.echo(output.printable(told))
    if not sent:
        output.note("nothing is due")
