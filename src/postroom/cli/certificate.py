"""``postroom certificate``: list, renew, rollover."""

import contextlib

import click

from postroom.admin.office import Office
from postroom.admin.tls import certificates, key_change
from postroom.admin.tls.certificates import CertificateView
from postroom.cli import output
from postroom.cli.work import run
from postroom.errors import Refused
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
    """Certificates: those that an authority issues, and the one that is given as a file."""


@certificate.command("list")
@output.json_option
@click.pass_context
def list_(context: click.Context, *, as_json: bool) -> None:
    """List the certificates, and what is wrong with them."""
    found = run(context, certificates.every)
    if as_json:
        click.echo(output.encode(found))
        return
    output.table(
        found,
        _COLUMNS,
        empty="There are no certificates but the one that the server makes for itself.",
    )
    for one in found:
        if one.problem:
            output.note(f"{one.file or one.name}: {one.problem}")
    if not found:
        output.note("the server signs its certificate itself: see [acme] and [tls]")


@certificate.command()
@click.argument("name")
@output.json_option
@click.pass_context
def renew(context: click.Context, name: str, *, as_json: bool) -> None:
    """Order the certificate for the host or domain NAME now.

    The server must be running, unless DNS proves the name: the authority asks it.
    """
    found = run(context, lambda office: _renewed(office, name))
    output.done(
        found,
        f"certificate for {found.name}: valid until {output.text(found.expires)}",
        as_json=as_json,
    )


@certificate.command()
@click.argument("name")
@click.option("--now", is_flag=True, help="Change it at once: mail of others may wait for a while.")
@output.json_option
@click.pass_context
def rollover(context: click.Context, name: str, *, now: bool, as_json: bool) -> None:
    """Change the key of the certificate for NAME.

    The record of the next key is published beside that of the present one (postroom dns DOMAIN);
    when others have had the time to see both, the certificate is renewed with it.
    """
    if now:
        found = run(context, lambda office: _renewed(office, name, changes_key=True))
        output.done(found, f"certificate for {found.name}: it has a new key", as_json=as_json)
        return
    digest = run(context, lambda office: key_change.begin(office, name))
    output.done(
        {"name": name, "tlsa": f"3 1 1 {digest}"},
        f"the next key of {name} is made; its record beside the present one: TLSA 3 1 1 {digest} "
        "(postroom dns DOMAIN)",
        as_json=as_json,
    )


async def _renewed(office: Office, name: str, *, changes_key: bool = False) -> CertificateView:
    if changes_key:
        with contextlib.suppress(Refused):  # it was begun before
            await key_change.begin(office, name)
    async with Resolver(office.config.dns.servers) as resolver:
        return await certificates.renew(office, name, resolver=resolver, changes_key=changes_key)
