"""``postroom account role``: who may administer what."""

import click

from postroom.admin import roles
from postroom.cli import output
from postroom.cli.work import run
from postroom.directory.administrators import Role


@click.command()
@click.argument("address")
@click.argument("role", type=click.Choice(["owner", "admin", "person"]), required=False)
@click.option("--domain", "domains", multiple=True, metavar="D", help="A domain of an admin.")
@output.json_option
@click.pass_context
def role(
    context: click.Context,
    address: str,
    role: Role | None,
    domains: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Let the account ADDRESS administer everything, domains, or only itself; or print its role.

    An owner may do everything. An admin looks after the people, addresses, queued and traced
    messages, reports and DNS records of the domains that are named, in the browser.
    """
    if role is None and domains:
        raise click.UsageError("--domain goes with the role admin")
    found = run(
        context,
        lambda office: (
            roles.show(office, address)
            if role is None
            else roles.assign(office, address, role, domains)
        ),
    )
    of = f" of {', '.join(found.domains)}" if found.domains else ""
    output.done(found, f"{found.address}: {found.role}{of}", as_json=as_json)
