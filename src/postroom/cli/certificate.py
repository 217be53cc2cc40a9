"""``postroom certificate``: list, renew."""

import click

from postroom.admin import certificates
from postroom.admin.certificates import CertificateView
from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.work import run
from postroom.net.dns import Resolver

_COLUMNS = [
    ("NAME", lambda one: one.name),
    ("STATE", lambda one: one.state),
    ("EXPIRES", lambda one: one.expires),
    ("LOOKED AT NEXT", lambda one: one.next_look),
    ("NAMES", lambda one: " ".join(one.names)),
]


@click.group()
def certificate() -> None:
    """Certificates that an authority issues and the server renews."""


@certificate.command("list")
@output.json_option
@click.pass_context
def list_(context: click.Context, *, as_json: bool) -> None:
    """List the certificates, and what is wrong with them."""
    found = run(context, certificates.every)
    if as_json:
        click.echo(output.encode(found))
        return
    output.table(found, _COLUMNS)
    for one in found:
        if one.problem:
            output.note(f"{one.name}: {one.problem}")


@certificate.command()
@click.argument("name")
@output.json_option
@click.pass_context
def renew(context: click.Context, name: str, *, as_json: bool) -> None:
    """Order the certificate for the host or domain NAME now.

    The server must be running: the authority asks it over HTTP, on port 80 of NAME.
    """
    found = run(context, lambda office: _renewed(office, name))
    output.done(
        found,
        f"certificate for {found.name}: valid until {output.text(found.expires)}",
        as_json=as_json,
    )


async def _renewed(office: Office, name: str) -> CertificateView:
    resolver = Resolver(office.config.dns.servers)
    try:
        return await certificates.renew(office, name, resolver=resolver)
    finally:
        await resolver.close()
