"""``postroom dns DOMAIN`` and ``postroom dns provider``."""

import click

from postroom.cli.dns_provider import provider
from postroom.cli.dns_records import records


class _Dns(click.Group):
    """Whatever is no command of the group is a domain: ``dns example.org`` shows its records."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command in that goes without saying."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["records", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Dns, no_args_is_help=True)
def dns() -> None:
    """Show, check and change the DNS records that a domain needs.

    `postroom dns DOMAIN` is short for `postroom dns records DOMAIN`.
    """


dns.add_command(records)
dns.add_command(provider)
