"""``postroom export``: the mail of an account as files, or what is set up here as one."""

import sys
from pathlib import Path
from typing import cast

import click

from postroom.admin.apply import exporting
from postroom.admin.moving import export as admin
from postroom.admin.moving.export import Format
from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.progress import Meter
from postroom.cli.work import run


@click.command()
@click.argument("account", required=False)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path), required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["maildir", "mbox"]),
    default="maildir",
    show_default=True,
    help="One file a message, or one a mailbox.",
)
@click.option(
    "--with-secrets",
    is_flag=True,
    help="Without ACCOUNT: with what recognises passwords, and with keys and secrets.",
)
@output.json_option
@click.pass_context
def export(
    context: click.Context,
    account: str | None,
    folder: Path | None,
    form: str,
    *,
    with_secrets: bool,
    as_json: bool,
) -> None:
    """Write all mail of ACCOUNT into DIR, a new folder.

    `postroom import` brings it back as it was: octets, flags, dates and mailboxes. Without
    ACCOUNT, print what is set up here as a file for `postroom apply`; it says what is left out.
    """
    if account is None:

        async def print_all(office: Office) -> None:
            async for piece in exporting.written(office, with_secrets=with_secrets):
                click.echo(piece, nl=False)

        run(context, print_all)
        return
    if folder is None:
        raise click.UsageError("name the folder that the mail goes to")
    _mail(context, account, folder, form, as_json=as_json)


def _mail(context: click.Context, account: str, folder: Path, form: str, *, as_json: bool) -> None:
    folder = folder.absolute()
    with Meter(f"export of {account}", as_json=as_json) as meter:
        done = run(
            context,
            lambda office: admin.run(
                office,
                account,
                folder,
                cast("Format", form),
                lambda shown: meter.show(shown.messages, shown.total, shown),
            ),
        )
        meter.finish(
            done,
            f"{output.count(done.messages, 'message')} ({output.size(done.octets)}) of"
            f" {output.count(done.mailboxes, 'mailbox', 'mailboxes')} written to {done.folder}",
        )
    if done.left_out:
        for one in done.left_out:
            output.note(f"left out: {one.origin}: {one.reason}")
        told = "1 message is" if len(done.left_out) == 1 else f"{len(done.left_out)} messages are"
        click.echo(f"postroom: {told} damaged; see postroom trace", err=True)
        sys.exit(1)
