"""``postroom import``: mail from mbox files, Maildirs and IMAP servers of others."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar, get_args

import click

from postroom.admin.moving import importing as admin, lists, people
from postroom.admin.moving.imap_source import ImapSource
from postroom.admin.moving.importing import Imported, Kind, Order, Progress
from postroom.admin.moving.lists import Format
from postroom.admin.moving.people import Outcome
from postroom.admin.moving.remote import open_imap
from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.progress import Meter
from postroom.cli.remote import Options, advising, remote, remote_options
from postroom.cli.work import run

_STEPS = [
    ("WHAT", lambda one: one.what),
    ("NAME", lambda one: one.name),
    ("PASSWORD", lambda one: one.password),
    ("TO", lambda one: one.detail),
]

CommandT = TypeVar("CommandT", bound=Callable[..., object])

Work = Callable[[Office, Order, Progress], Awaitable[Imported]]


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


@importing.command()
@click.argument("account")
@remote_options
@click.option("--only", multiple=True, metavar="FOLDER", help="This folder there; may be repeated.")
@ordering
@click.pass_context
def imap(
    context: click.Context,
    /,
    account: str,
    only: tuple[str, ...],
    **options: bool | str | int | None,
) -> None:
    """Bring the mail of an IMAP server of others into ACCOUNT.

    Nothing is changed there. Begun again it fetches only what has not come yet.
    """
    there = remote(options, "imap")

    async def work(office: Office, order: Order, progress: Progress) -> Imported:
        source = await ImapSource.open(
            lambda: open_imap(office.config, there), f"{there.login} at {there.host}", only
        )
        try:
            return await admin.run(office, account, source, order, progress)
        finally:
            await source.close()

    with advising():
        _bring(context, account, work, options)


@importing.command("accounts")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--from",
    "form",
    type=click.Choice(get_args(Format)),
    required=True,
    help="Which program has written FILE.",
)
@click.option("--domain", default="", metavar="DOMAIN", help="Of names in FILE without one.")
@click.option("--dry-run", is_flag=True, help="Say what would be made, and make nothing.")
@output.json_option
@click.pass_context
def accounts_(
    context: click.Context, file: Path, form: Format, domain: str, *, dry_run: bool, as_json: bool
) -> None:
    """Make the domains, accounts and aliases of FILE.

    What is there already stays as it is. Passwords come along where they are known, or where
    their hashes can be tested here; the others are listed.
    """
    wishes = lists.read(file.read_bytes().decode("utf-8", "replace"), form, domain)
    outcome = run(context, lambda office: people.bring(office, wishes, is_trial=dry_run))
    if as_json:
        click.echo(output.encode(outcome))
    else:
        output.table(outcome.steps, _STEPS)
        _tell(outcome)
    if outcome.skipped:
        sys.exit(1)


def _tell(outcome: Outcome) -> None:
    verb = "made" if outcome.is_done else "would be made"
    click.echo(f"{len(outcome.steps)} {verb}, {len(outcome.there)} are there already")
    for one in outcome.skipped:
        output.note(f"left out: {one.what}: {one.reason}")
    for address in outcome.without_password:
        output.note(f"without password: {address}; set one: postroom account password {address}")


def _files(context: click.Context, account: str, kind: Kind, path: Path, options: Options) -> None:
    source = admin.files(kind, path)  # before the program becomes the owner of the data folder

    async def work(office: Office, order: Order, progress: Progress) -> Imported:
        return await admin.run(office, account, source, order, progress)

    _bring(context, account, work, options)


def _bring(context: click.Context, account: str, work: Work, options: Options) -> None:
    """Import, show progress, print what came of it."""
    order = Order(
        folder=str(options["folder"]),
        again=bool(options["again"]),
        over_quota=bool(options["over_quota"]),
    )
    with Meter(f"import into {account}", as_json=bool(options["as_json"])) as meter:
        done = run(
            context,
            lambda office: work(
                office, order, lambda tally: meter.show(tally.done, tally.total, tally)
            ),
        )
        meter.finish(done, _sentence(done))
    if meter.is_bar:
        for old, new in done.renamed.items():
            output.note(f"{old} is {new} here")
        for one in done.left_out:
            output.note(f"left out: {one.origin}: {one.reason}")
    if not done.is_whole:
        told = (
            "1 message was left out; it is where it was"
            if done.left_out_count == 1
            else f"{done.left_out_count} messages were left out; they are where they were"
        )
        click.echo(f"postroom: {told}", err=True)
        sys.exit(1)


def _sentence(done: Imported) -> str:
    return (
        f"{output.count(done.filed, 'message')} ({output.size(done.octets)}) of"
        f" {output.count(done.folders, 'folder')} filed for {done.account};"
        f" {done.known} had come before"
    )
