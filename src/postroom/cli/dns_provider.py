"""``postroom dns provider``: who keeps the zones of our domains and lets us change them."""

import sys
from pathlib import Path
from typing import Final

import click

from postroom.admin.dns import providers as admin
from postroom.admin.dns.providers import New, ProviderView
from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.work import run
from postroom.net.dns import Resolver

_COLUMNS: Final = [
    ("NAME", lambda one: one.name),
    ("KIND", lambda one: one.kind),
    ("ZONES", lambda one: " ".join(one.zones)),
    ("SERVER", lambda one: one.server),
]
_MAX_FILE: Final = 1 << 20  # octets


@click.group()
def provider() -> None:
    """Providers that keep zones and let Postroom change them."""


@provider.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(["rfc2136", "cloudflare", "desec"]), required=True,
              help="rfc2136: a name server of your own (BIND, Knot ..), signed with TSIG.")  # fmt: skip
@click.option("--zone", "zones", multiple=True, required=True, metavar="Z",
              help="A zone that it keeps; may stand several times.")  # fmt: skip
@click.option("--server", default="", metavar="S",
              help="HOST[:PORT] of the primary server; or another https address of the interface.")  # fmt: skip
@click.option("--key", default="", metavar="K", help="The name of the TSIG key.")
@click.option("--algorithm", default="hmac-sha256", show_default=True,
              type=click.Choice(["hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]),
              help="That of the TSIG key.")  # fmt: skip
@click.option("--secret-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A file with the token, or with the key as tsig-keygen writes it.")  # fmt: skip
@click.option("--secret-stdin", is_flag=True, help="Read the same from standard input.")
@click.option("--ca-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="PEM file that vouches for the server. Default: the usual authorities.")  # fmt: skip
@output.json_option
@click.pass_context
def add(
    context: click.Context,
    /,
    name: str,
    *,
    secret_file: Path | None,
    secret_stdin: bool,
    ca_file: Path | None,
    as_json: bool,
    **given: object,
) -> None:
    """Let Postroom change zones at a provider, which it calls NAME.

    The secret is kept sealed. It is tried out first: one of its zones must be readable with it.
    """
    if (secret_file is None) == (not secret_stdin):
        raise click.UsageError("name the secret's file with --secret-file, or use --secret-stdin")
    secret = sys.stdin.read(_MAX_FILE) if secret_file is None else _file(secret_file)
    zones = given["zones"]
    new = New(
        name=name,
        kind=given["kind"],  # type: ignore[arg-type]  # click has checked it
        zones=zones if isinstance(zones, tuple) else (),
        secret=secret,
        server=str(given["server"]),
        key_name=str(given["key"]),
        algorithm=str(given["algorithm"]),
        authorities="" if ca_file is None else _file(ca_file),
    )
    added = run(context, lambda office: _added(office, new))
    output.done(added, f"{added.name} keeps {', '.join(added.zones)}", as_json=as_json)


@provider.command("list")
@output.json_option
@click.pass_context
def list_(context: click.Context, *, as_json: bool) -> None:
    """List the providers."""
    found = run(context, admin.every)
    output.table(found, _COLUMNS, as_json=as_json, empty="There are no DNS providers.")


@provider.command()
@click.argument("name")
@output.json_option
@click.pass_context
def remove(context: click.Context, name: str, *, as_json: bool) -> None:
    """Forget the provider NAME and its secret. What is in DNS stays there."""
    run(context, lambda office: admin.remove(office, name))
    output.done({"name": name}, f"{name} removed", as_json=as_json)


def _file(path: Path) -> str:
    with path.open() as file:
        return file.read(_MAX_FILE)


async def _added(office: Office, new: New) -> ProviderView:
    async with Resolver(office.config.dns.servers) as resolver:
        return await admin.add(office, new, resolver=resolver)
