"""``postroom serve``: the server, in the foreground."""

import os

import click

from postroom.cli.work import settings


@click.command()
@click.pass_context
def serve(context: click.Context) -> None:
    """Run the server until SIGTERM or Ctrl-C; SIGHUP reads the certificate again.

    Open sessions finish what they have begun before it ends.
    """
    config = settings(context)
    from postroom import app

    app.serve(config, os.environ)
