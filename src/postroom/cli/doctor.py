"""``postroom doctor``: what is wrong, why, and what to do."""

import asyncio
import sys

import click

from postroom.admin.doctor import examination
from postroom.admin.doctor.examination import Order
from postroom.admin.doctor.finding import Finding, Report
from postroom.admin.watch.health import BEST
from postroom.cli import output
from postroom.cli.work import settings


@click.command()
@click.option("--deep", is_flag=True, help="Read every octet, and compare it with its digest.")
@click.option("--repair", is_flag=True, help="Mend what can be mended without loss.")
@click.option("--offline", is_flag=True, help="Ask nobody outside this machine.")
@output.json_option
@click.pass_context
def doctor(
    context: click.Context, *, deep: bool, repair: bool, offline: bool, as_json: bool
) -> None:
    """Examine this install: each fault with its reason and what to do.

    Settings, files, disk, ports, database, counters, bodies, queue, certificates, clock, DNS. It
    works beside a running server. The exit status is 1 while an error is left.
    """
    config = settings(context)
    is_watched = not as_json and sys.stderr.isatty()
    report = asyncio.run(
        examination.examine(
            config,
            Order(deep=deep, repair=repair, offline=offline),
            lambda check: click.echo(f"{check} ...", err=True) if is_watched else None,
        )
    )
    if as_json:
        click.echo(output.encode(report))
    else:
        _show(report)
    if not report.is_well:
        sys.exit(1)


def _show(report: Report) -> None:
    for one in report.findings:
        click.echo(output.printable(_line(one)))
    if report.health is not None:
        click.echo(f"health: {report.health.score} of {BEST} (postroom status tells more)")
    errors = sum(one.level == "error" and not one.is_mended for one in report.findings)
    warnings = sum(one.level == "warning" and not one.is_mended for one in report.findings)
    mended = sum(one.is_mended for one in report.findings)
    click.echo(
        f"{', '.join(report.checks)}: {output.count(errors, 'error')},"
        f" {output.count(warnings, 'warning')}" + (f", {mended} mended" if mended else "")
    )


def _line(one: Finding) -> str:
    said = "mended" if one.is_mended else one.level
    action = f" ({one.action})" if one.action and not one.is_mended else ""
    return f"{said}: {one.check}: {one.subject}: {one.reason}{action}"
