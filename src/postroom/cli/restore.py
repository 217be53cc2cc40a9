"""``postroom restore``: a backup comes back."""

import asyncio
from pathlib import Path

import click

from postroom.cli import output
from postroom.cli.progress import Meter
from postroom.cli.work import settings


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@output.json_option
@click.pass_context
def restore(context: click.Context, folder: Path, *, as_json: bool) -> None:
    """Bring the backup in DIR into an empty data folder.

    Nothing is overwritten. Mail programs fetch their lists anew. Messages for other servers are
    held, as they may have been delivered since: `postroom queue release` sends them.
    """
    from postroom.admin.backup import restore as admin

    config = settings(context)
    with Meter("restore", as_json=as_json) as meter:
        done = asyncio.run(
            admin.restore(
                config,
                folder.absolute(),
                lambda files, total: meter.show(files, total, {"files": files, "of": total}),
            )
        )
        meter.finish(
            done,
            f"{output.count(done.files, 'file')} ({output.size(done.octets)}) of"
            f" {output.text(done.created)} restored to {done.folder}",
        )
    if done.held:
        output.note(
            f"held: {output.count(done.held, 'delivery', 'deliveries')} to other servers; postroom"
            " queue list, then postroom queue release"
        )
    if done.settings:
        output.note(f"the settings of that time are in {done.settings}")
