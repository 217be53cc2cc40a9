"""``postroom backup``: take one into a folder, list those of the timetable, verify one."""

import sys
from pathlib import Path
from typing import Final

import click

from postroom.admin.backup import listing, taking, verify as checking
from postroom.admin.backup.taking import Order, Taken
from postroom.cli import output
from postroom.cli.progress import Meter
from postroom.cli.work import run
from postroom.errors import Refused

_FOLDER = click.Path(path_type=Path, file_okay=False)


class _Progress:
    """What a program learns on the way."""

    def __init__(self, meter: Meter, what: str) -> None:
        self._meter = meter
        self._what = what

    def __call__(self, done: int, total: int) -> None:
        self._meter.show(done, total, {self._what: done, "of": total})


class _Backup(click.Group):
    """``postroom backup DIR`` is ``postroom backup take DIR``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The command of the group that is meant without a name."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["take", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Backup, subcommand_metavar="DIR | list | verify DIR")
def backup() -> None:
    """Back up everything into DIR, while the server runs.

    Mail, accounts, queue, keys and settings, as they were at one moment. A DIR that holds a backup
    is brought up to date: only what is new is copied. `postroom restore` brings it back. A DIR that
    is called like a command here is named as in ./list.
    """


@backup.command(hidden=True)
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--copy", "copies", is_flag=True, help="Copy files, also where they could be linked.")
@output.json_option
@click.pass_context
def take(context: click.Context, folder: Path, *, copies: bool, as_json: bool) -> None:
    """Back up everything into DIR."""
    from postroom.config.load import find

    named = find(context.find_root().obj)
    order = Order(settings=named.absolute() if named else None, links=not copies)
    target = folder.absolute()
    with Meter("backup", as_json=as_json) as meter:
        taken = run(
            context,
            lambda office: taking.take(office, target, order, _Progress(meter, "done")),
        )
        meter.finish(taken, _sentence(taken))
    if taken.is_same_disk:
        output.note(f"{taken.folder} is on the disk of the data: copy it to another one")


@backup.command("list")
@output.json_option
@click.pass_context
def list_(context: click.Context, *, as_json: bool) -> None:
    """List the backups of the timetable, the newest first."""
    found = run(context, listing.every)
    if found is None:
        raise Refused("no backups are taken by a timetable: set [backup] path in postroom.toml")
    if found.problem:
        raise Refused(f"the backups in {found.path} can't be listed: {found.problem}")
    output.table(
        found.items, _COLUMNS, as_json=as_json, empty=f"There are no backups in {found.path} yet."
    )


@backup.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@output.json_option
def verify(folder: Path, *, as_json: bool) -> None:
    """Read all of the backup in DIR, and compare it with its list of digests."""
    import asyncio

    with Meter("verify", as_json=as_json) as meter:
        found = asyncio.run(checking.verify(folder.absolute(), _Progress(meter, "files")))
        meter.finish(
            found,
            f"{output.count(found.files, 'file')} ({output.size(found.octets)}) of"
            f" {output.text(found.created)} read",
        )
    if found.faults:
        if meter.is_bar:
            for fault in found.faults:
                output.note(fault)
        click.echo(f"postroom: the backup in {found.folder} is damaged: take another one", err=True)
        sys.exit(1)


def _state(one: listing.BackupView) -> str:
    if one.verified is None:
        return "never"
    return f"{output.text(one.verified)}: {'damaged' if one.faults else 'whole'}"


_COLUMNS: Final = [
    ("NAME", lambda one: one.name),
    ("TAKEN", lambda one: one.created),
    ("FILES", lambda one: one.files),
    ("SIZE", lambda one: output.size(one.octets)),
    ("VERIFIED", _state),
]


def _sentence(taken: Taken) -> str:
    return (
        f"backup of {output.text(taken.created)} in {taken.folder}:"
        f" {output.count(taken.files, 'file')} ({output.size(taken.octets)}), {taken.new} of them new ({output.size(taken.new_octets)})"
    )
