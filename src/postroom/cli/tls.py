"""``postroom tls``: set, list, remove."""

import click

from postroom.admin.outgoing import tls_rules
from postroom.cli import output
from postroom.cli.acting import add_act
from postroom.cli.listed import add_list
from postroom.cli.work import run
from postroom.directory.tls_rules import Mode

_COLUMNS = [
    ("DOMAIN", lambda one: one.domain),
    ("MODE", lambda one: one.mode),
    ("SET", lambda one: one.created),
]


@click.group()
def tls() -> None:
    """How mail to a domain must be encrypted, whatever it publishes."""


@tls.command("set")
@click.argument("domain")
@click.argument("mode", type=click.Choice(["none", "may", "encrypt", "verify"]))
@output.json_option
@click.pass_context
def set_(context: click.Context, domain: str, mode: Mode, *, as_json: bool) -> None:
    """Set how mail to DOMAIN is encrypted.

    none: never. may: when it is offered. encrypt: else it is not sent. verify: and the
    certificate must be that of its server.
    """
    rule = run(context, lambda office: tls_rules.put(office, domain, mode))
    output.done(rule, f"TLS of mail to {rule.domain}: {rule.mode}", as_json=as_json)


add_list(tls, "List the rules by domain.", tls_rules.every, _COLUMNS, "rules for TLS")


add_act(
    tls,
    "remove",
    "DOMAIN",
    "Let what DOMAIN publishes decide again.",
    tls_rules.remove,
    lambda gone: f"TLS rule of {gone.domain} removed",
)
