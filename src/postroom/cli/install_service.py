"""``postroom install-service``: run by systemd, from now on and after each start."""

import os
from pathlib import Path

import click

from postroom.admin import service
from postroom.cli.work import settings
from postroom.config.load import find
from postroom.errors import Refused


@click.command("install-service")
@click.option("--print", "prints", is_flag=True, help="Print the units and change nothing.")
@click.pass_context
def install_service(context: click.Context, *, prints: bool) -> None:
    """Let systemd run the server: hardened, as a user of its own, with its ports open early.

    As root. Installing again writes the units anew and restarts the server.
    """
    config = settings(context)
    file = find(context.find_root().obj)
    if file is None:
        raise Refused("there is no settings file yet; run: postroom setup")
    file = Path(file).absolute()
    if prints:
        made = service.units(config, file)
        click.echo(
            f"# postroom.socket\n{made.socket}\n# postroom.service\n{made.service}", nl=False
        )
        return
    for path in service.install(config, file, is_root=os.geteuid() == 0):
        click.echo(f"{path} written")
    if service.may_take_over(is_root=True):
        click.echo("see how it does with: systemctl status postroom; journalctl -u postroom")
    else:
        click.echo(
            "systemd does not run here: it starts the server when the machine starts with it"
        )
