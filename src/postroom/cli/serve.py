"""``postroom serve``: the server, in the foreground."""

import os
from pathlib import Path

import click

from postroom.config.load import find, load
from postroom.config.model import Config
from postroom.db.folder import DATABASE


@click.command()
@click.pass_context
def serve(context: click.Context) -> None:
    """Run the server until SIGTERM or Ctrl-C; SIGHUP reads the certificate again.

    Open sessions finish what they have begun before it ends. While nobody has an account it
    shows the address of pages that set the server up.
    """
    file = find(context.find_root().obj)
    config = load(file)
    if file is None and not _is_used(config):
        from postroom.cli import setup_web

        click.echo("There are no settings and no data yet: set the server up first.")
        file = setup_web.default_file().absolute()
        setup_web.run(
            file,
            default_data=setup_web.default_data(file),
            listen=None,
            is_offline=False,
        )
        return
    from postroom import app

    app.serve(config, os.environ, say=lambda text: click.echo(text, err=True))


def _is_used(config: Config) -> bool:
    """Whether a server or a command has been at work in the folder of all defaults."""
    return (Path(config.data) / DATABASE).exists()
