"""``postroom import``: mail from mbox files and Maildirs."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from postroom.admin.moving import importing as admin
from postroom.admin.moving.importing import Imported, Kind, Order
from postroom.admin.moving.source import Source
from postroom.cli import output
from postroom.cli.progress import Meter
from postroom.cli.work import run

CommandT = TypeVar("CommandT", bound=Callable[..., object])


def ordering(command: CommandT) -> CommandT:
    """Give a command the options of every import."""
    for option in (
        click.option("--over-quota", is_flag=True, help="Even if that is more than the quota."),
        click.option("--again", is_flag=True, help="File also what an import brought before."),
        click.option("--folder", default="", metavar="MAILBOX", help="Put it into MAILBOX."),
    ):
        command = option(command)
    return output.json_option(command)


@click.group()
def importing() -> None:
    """Bring mail from elsewhere.

    What has broken off can be begun again: nothing is filed twice. What can't be brought over is
    named and stays where it is; then the exit status is 1. Not on a terminal, progress is a
    line of JSON every second, and the last one is the result.
    """


@importing.command()
@click.argument("account")
@click.argument("path", type=click.Path(path_type=Path))
@ordering
@click.pass_context
def mbox(context: click.Context, /, account: str, path: Path, **options: bool | str) -> None:
    """Bring the mail of an mbox, or of a folder of them, into ACCOUNT."""
    _files(context, account, "mbox", path, options)


@importing.command()
@click.argument("account")
@click.argument("path", type=click.Path(path_type=Path))
@ordering
@click.pass_context
def maildir(context: click.Context, /, account: str, path: Path, **options: bool | str) -> None:
    """Bring the mail of a Maildir with all its folders into ACCOUNT."""
    _files(context, account, "maildir", path, options)


def _files(
    context: click.Context, account: str, kind: Kind, path: Path, options: dict[str, bool | str]
) -> None:
    source = admin.files(kind, path)  # before the program becomes the owner of the data folder
    bring(context, account, source, options)


def bring(
    context: click.Context, account: str, source: Source, options: dict[str, bool | str]
) -> None:
    """Import, show progress, print what came of it."""
    order = Order(
        folder=str(options["folder"]),
        again=bool(options["again"]),
        over_quota=bool(options["over_quota"]),
    )
    with Meter(f"import into {account}", as_json=bool(options["as_json"])) as meter:
        done = run(
            context,
            lambda office: admin.run(
                office,
                account,
                source,
                order,
                lambda tally: meter.show(tally.done, tally.total, tally),
            ),
        )
        meter.finish(done, _sentence(done))
    if meter.is_bar:
        for old, new in done.renamed.items():
            output.note(f"{old} is {new} here")
        for one in done.left_out:
            output.note(f"left out: {one.origin}: {one.reason}")
    if not done.is_whole:
        click.echo(
            f"postroom: {done.left_out_count} messages were left out; they are where they were",
            err=True,
        )
        sys.exit(1)


def _sentence(done: Imported) -> str:
    return (
        f"{done.filed} messages ({output.size(done.octets)}) of {done.folders} folders filed for"
        f" {done.account}; {done.known} had come before"
    )
