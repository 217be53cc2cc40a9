"""Options that name a mailbox at a server of others, and how one logs in there."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar, cast

import click

from postroom.admin.moving.remote import PROVIDERS, Protocol, Remote, completed
from postroom.cli import output
from postroom.cli.password import piped
from postroom.errors import Refused
from postroom.net.channel import RemoteFailed, Tls

CommandT = TypeVar("CommandT", bound=Callable[..., object])

Options = Mapping[str, bool | str | int | None]


def remote_options(command: CommandT) -> CommandT:
    """Give a command the options that ``remote`` reads."""
    for option in (
        click.option("--token-stdin", is_flag=True, help="The same, and it is an OAuth token."),
        click.option(
            "--password-stdin", is_flag=True, help="Read the password from standard input."
        ),
        click.option("--user", required=True, metavar="NAME", help="Who logs in there."),
        click.option("--any-certificate", is_flag=True, help="Take any certificate of the server."),
        click.option(
            "--tls",
            type=click.Choice(["implicit", "starttls", "none"]),
            default="implicit",
            show_default=True,
            help="How the connection is encrypted.",
        ),
        click.option(
            "--port", type=click.IntRange(1, 65535), metavar="N", help="Default: the usual one."
        ),
        click.option("--host", default="", metavar="HOST", help="The server."),
        click.option(
            "--preset",
            default="",
            metavar="NAME",
            help=f"A well-known provider: {', '.join(PROVIDERS)}.",
        ),
    ):
        command = option(command)
    return command


@contextlib.contextmanager
def advising() -> Iterator[None]:
    """Says what to do about a certificate that is not accepted."""
    try:
        yield
    except RemoteFailed as error:
        if not error.is_certificate:
            raise
        raise Refused(
            f"{error}; name the server as its certificate does, or take it as it is:"
            " --any-certificate"
        ) from error


def remote(options: Options, protocol: Protocol) -> Remote:
    """What they name; the password is asked for on a terminal. Raises NotFound, Invalid."""
    secret = piped(options)
    if secret is None:
        secret = click.prompt("Password there", hide_input=True, err=True)
    preset = str(options["preset"])
    there = Remote(
        protocol=protocol,
        host=str(options["host"]),
        port=int(options["port"] or 0),
        tls=cast("Tls", options["tls"]),
        login=str(options["user"]),
        secret=secret,
        is_token=bool(options["token_stdin"]),
        verify=not options["any_certificate"],
    )
    there = completed(there, preset)
    if preset and PROVIDERS[preset].note:
        output.note(f"{preset}: {PROVIDERS[preset].note}")
    return there
