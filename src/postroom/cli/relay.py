"""``postroom relay``: add, list, show, test, set, remove, use, unuse, presets.

A password or token is never an argument: it is read from standard input, or typed.
"""

import sys
from collections.abc import Callable, Sequence
from typing import TypedDict, TypeVar, Unpack

import click

from postroom.admin.outgoing import presets as known, relay_test, relays
from postroom.admin.outgoing.presets import Preset
from postroom.admin.outgoing.relay_test import RelayTest, Step
from postroom.admin.outgoing.relays import RelayChanged, Rerouted, UseView, Wanted
from postroom.cli import output
from postroom.cli.listed import add_list
from postroom.cli.password import password_stdin, piped
from postroom.cli.work import run
from postroom.directory.relays import Tls
from postroom.errors import NotFound, Refused

CommandT = TypeVar("CommandT", bound=Callable[..., object])

_SHOWN = 3  # uses in a list; all stand in `show` and in JSON
_VERIFIED = {True: "its certificate is verified", False: "any certificate will do"}


class _Server(TypedDict):
    """What ``_server_options`` give."""

    preset: str | None
    host: str | None
    port: int | None
    tls: Tls | None
    verify: bool | None
    user: str | None
    password_stdin: bool
    token_stdin: bool


class _Which(TypedDict):
    """What ``_use_options`` give."""

    default: bool
    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    accounts: tuple[str, ...]


class _New(_Server, _Which):
    """The options of a server, and of what goes through it."""


def _short(uses: Sequence[UseView]) -> str:
    more = len(uses) - _SHOWN
    return ", ".join(map(relays.in_words, uses[:_SHOWN])) + (
        f" and {more} more" if more > 0 else ""
    )


def _state(preset: Preset) -> str:
    if not preset.historic:
        return ""
    return f"historic; now {preset.successor}" if preset.successor else "historic"


_COLUMNS = [
    ("NAME", lambda one: one.name),
    ("HOST", lambda one: one.host),
    ("PORT", lambda one: one.port),
    ("TLS", lambda one: one.tls),
    ("LOGIN", lambda one: one.login),
    ("TAKES", lambda one: _short(one.uses)),
]
_PRESETS = [
    ("PRESET", lambda one: one.name),
    ("PROVIDER", lambda one: one.title),
    ("HOST", lambda one: one.host),
    ("PORT", lambda one: one.port),
    ("TLS", lambda one: one.tls),
    ("LOGIN", lambda one: one.auth),
    ("STATE", _state),
]


def _server_options(command: CommandT) -> CommandT:
    """Give a command what says where a relay is and how it is logged in to."""
    for option in (
        click.option("--token-stdin", is_flag=True, help="Read an OAuth 2.0 access token instead."),
        password_stdin,
        click.option("--user", metavar="U", help="The login; asks for the password on a terminal."),
        click.option(
            "--verify/--no-verify",
            "verify",
            default=None,
            help="Must its certificate name it? Default: yes, unless on this machine.",
        ),
        click.option(
            "--tls",
            type=click.Choice(["none", "starttls", "implicit"]),
            help="How it is encrypted.",
        ),
        click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="Its port."),
        click.option("--host", metavar="H", help="A name or address."),
        click.option("--preset", metavar="P", help="One of: postroom relay presets."),
    ):
        command = option(command)
    return command


def _use_options(command: CommandT) -> CommandT:
    """Give a command what says which mail."""
    for option in (
        click.option(
            "--account", "accounts", multiple=True, metavar="A", help="Mail of account A."
        ),
        click.option(
            "--recipient-domain", "recipients", multiple=True, metavar="D", help="Mail to D."
        ),
        click.option("--sender-domain", "senders", multiple=True, metavar="D", help="Mail from D."),
        click.option(
            "--default", "default", is_flag=True, help="Mail that nothing else is said of."
        ),
    ):
        command = option(command)
    return command


@click.group()
def relay() -> None:
    """Servers that outgoing mail goes through (smarthosts)."""


@relay.command()
@click.argument("name")
@_server_options
@_use_options
@output.json_option
@click.pass_context
def add(context: click.Context, name: str, *, as_json: bool, **options: Unpack[_New]) -> None:
    """Add a relay under the word NAME: a preset, or --host, --port and --tls.

    With --tls starttls or implicit nothing is ever sent unencrypted.
    """
    wanted, uses = _wanted(options), _uses(options)
    if wanted.preset is None and None in {wanted.host, wanted.port, wanted.tls}:
        raise click.UsageError("give --preset, or --host, --port and --tls; see --help")
    added = run(context, lambda office: relays.add(office, name, wanted, uses))
    output.done(added, f"relay {added.name} added", as_json=as_json)
    _tell(added.rerouted)
    if not added.uses:
        output.note(f"no mail goes through it yet; see: postroom relay use {added.name} --help")
    if wanted.preset is not None:
        _advise(added.name, known.find(wanted.preset), has_login=bool(added.login))


add_list(relay, "List the relays by name.", relays.every, _COLUMNS, "relays")


@relay.command()
@click.argument("name")
@output.json_option
@click.pass_context
def show(context: click.Context, name: str, *, as_json: bool) -> None:
    """Show the relay NAME and what goes through it."""
    found = run(context, lambda office: relays.show(office, name))
    secret = "token" if found.mechanism == "xoauth2" else "password"
    output.thing(
        found,
        [
            ("relay", found.name),
            ("preset", found.preset),
            ("host", found.host),
            ("port", found.port),
            (
                "TLS",
                found.tls if found.tls == "none" else f"{found.tls}, {_VERIFIED[found.verify]}",
            ),
            ("login", found.login or "none"),
            (secret, "set" if found.password else ""),
            ("takes", [relays.in_words(use) for use in found.uses] or "nothing"),
            ("added", found.created),
        ],
        as_json=as_json,
    )


@relay.command("test")
@click.argument("name")
@click.option("--to", default="", metavar="ADDRESS", help="Would it take mail for ADDRESS?")
@click.option("--from", "sender", default="", metavar="ADDRESS", help="And from ADDRESS?")
@output.json_option
@click.pass_context
def test_(context: click.Context, name: str, to: str, sender: str, *, as_json: bool) -> None:
    """Try the relay NAME out: connect, encrypt, log in. Nothing is sent.

    With --to it is asked whether it would take a message, and told to forget it.
    """
    if sender and not to:
        raise click.UsageError("--from needs --to")
    tested = run(context, lambda office: relay_test.walk(office, name, to=to, sender=sender))
    if as_json:
        click.echo(output.encode(tested))
    else:
        _tell_steps(tested)
    if not tested.ok:
        failed = tested.steps[-1]
        raise Refused(
            f"the relay {tested.relay} fails at {relay_test.IN_WORDS[failed.name]}: {failed.reason};"
            f" {failed.action}"
        )


@relay.command("set")
@click.argument("name")
@_server_options
@output.json_option
@click.pass_context
def set_(context: click.Context, name: str, *, as_json: bool, **options: Unpack[_Server]) -> None:
    """Change the relay NAME; what is not given stays. --user "" takes the login away."""
    wanted = _wanted(options)
    if wanted == Wanted():
        raise click.UsageError("nothing to set; see --help")
    changed = run(context, lambda office: relays.change(office, name, wanted))
    output.done(changed, f"relay {changed.name} changed", as_json=as_json)


@relay.command()
@click.argument("name")
@output.json_option
@click.pass_context
def remove(context: click.Context, name: str, *, as_json: bool) -> None:
    """Forget the relay NAME, in use or not."""
    removed = run(context, lambda office: relays.remove(office, name))
    output.done(removed, f"relay {removed.name} removed", as_json=as_json)
    _tell(removed.rerouted)


@relay.command()
@click.argument("name")
@_use_options
@output.json_option
@click.pass_context
def use(context: click.Context, name: str, *, as_json: bool, **options: Unpack[_Which]) -> None:
    """Send mail through the relay NAME.

    A recipient's domain counts before an account, that before a sender's domain, and that
    before the default.
    """
    uses = _uses(options)
    if not uses:
        raise click.UsageError("say which mail; see --help")
    changed = run(context, lambda office: relays.use(office, name, uses))
    _report(changed, as_json=as_json)


@relay.command()
@click.argument("name")
@_use_options
@output.json_option
@click.pass_context
def unuse(context: click.Context, name: str, *, as_json: bool, **options: Unpack[_Which]) -> None:
    """Send mail no longer through the relay NAME; all of it when none is named."""
    uses = _uses(options)
    changed = run(context, lambda office: relays.unuse(office, name, uses))
    _report(changed, as_json=as_json)


@relay.command()
@click.argument("search", default="", metavar="[WORD]")
@output.json_option
def presets(search: str, *, as_json: bool) -> None:
    """List the providers that are known, or those with WORD in name, domain or host."""
    found = known.search(search)
    if not found and not as_json:
        raise NotFound(f"no preset has {search!r}; use --host, --port and --tls instead")
    if as_json:
        click.echo(output.encode(found))
        return
    output.table(found, _PRESETS)
    if len(found) == 1 and found[0].note:
        output.note(found[0].note)


def _tell_steps(tested: RelayTest) -> None:
    output.details([(step.name, _seen(step)) for step in tested.steps])
    if tested.ok:
        click.echo(f"the relay {tested.relay} works")


def _seen(step: Step) -> list[str]:
    """A line a thing."""
    seen = [f"{name} {value}" for name, value in step.seen.items()]
    if not step.ok:
        return [f"failed: {step.reason}", *seen]
    first, *rest = seen
    return [f"ok: {first}", *rest]


def _wanted(options: _Server) -> Wanted:
    """Reads the password, too."""
    return Wanted(
        preset=options["preset"],
        host=options["host"],
        port=options["port"],
        tls=options["tls"],
        verify=options["verify"],
        login=options["user"],
        password=_secret(options),
        is_token=options["token_stdin"],
    )


def _secret(options: _Server) -> str | None:
    secret = piped(options)
    if secret is None and options["user"] and sys.stdin.isatty():
        secret = click.prompt("Password", hide_input=True, err=True)
    return secret


def _uses(options: _Which) -> list[UseView]:
    return [
        *([UseView("default")] if options["default"] else []),
        *(UseView("sender-domain", one) for one in options["senders"]),
        *(UseView("recipient-domain", one) for one in options["recipients"]),
        *(UseView("account", one) for one in options["accounts"]),
    ]


def _report(changed: RelayChanged, *, as_json: bool) -> None:
    if as_json:
        click.echo(output.encode(changed))
        return
    if not changed.rerouted:
        click.echo(f"no mail goes through the relay {changed.name}")
    for one in changed.rerouted:
        click.echo(output.printable(_way(one)))


def _tell(rerouted: Sequence[Rerouted]) -> None:
    for one in rerouted:
        output.note(_way(one))


def _way(one: Rerouted) -> str:
    way = f"through the relay {one.now}" if one.now else "directly"
    before = f" (so far: {one.before})" if one.now and one.before not in {"", one.now} else ""
    return f"{relays.in_words(one.use)} goes {way} from now on{before}"


def _advise(name: str, preset: Preset, *, has_login: bool) -> None:
    if preset.auth != "none" and not has_login:
        output.note(
            f"{preset.title} wants a login ({preset.auth}):"
            f" postroom relay set {name} --user U --password-stdin"
        )
    if preset.note:
        output.note(preset.note)
    if preset.historic:
        output.note(
            f"the preset {preset.name} is historic"
            + (f"; the provider's server of today: {preset.successor}" if preset.successor else "")
        )
