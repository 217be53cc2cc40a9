"""``postroom setup``: from nothing to a mail server, in a few questions."""

import asyncio
import io
import shlex
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

import click

from postroom import process
from postroom.admin import facts as measured, names, setup as steps
from postroom.admin.facts import Fact, Place, Reach
from postroom.admin.letter_test import LetterTest
from postroom.admin.outgoing import presets
from postroom.admin.outgoing.relays import Wanted
from postroom.admin.setup import Done, Wish
from postroom.cli import output, setup_web, trial
from postroom.cli.password import ask, password_stdin
from postroom.cli.test_letter import show
from postroom.cli.work import run
from postroom.config.load import find, load
from postroom.config.model import Config
from postroom.errors import Invalid, MailError, NotFound, Refused
from postroom.net.dns import Resolver

_T = TypeVar("_T")
_MARKS: Final = {"good": "ok", "attention": "look", "bad": "BAD", "unknown": "?"}
_COLOURS: Final = {"good": "green", "attention": "yellow", "bad": "red", "unknown": None}


@click.command()
@click.option("--domain", metavar="D", help="The domain of your mail addresses.")
@click.option("--admin", metavar="ADDRESS", help="Your address: the first account, an admin.")
@password_stdin
@click.option("--hostname", metavar="H", help="The name of this server. Default: mail.D.")
@click.option("--data", metavar="DIR", help="The folder of everything: mail, accounts, keys.")
@click.option("--relay", metavar="PRESET", help="Send through a provider: postroom relay presets.")
@click.option("--relay-host", metavar="H", help="Your own host there, where it has one for each.")
@click.option("--relay-user", metavar="U", help="The login there; its password is asked for.")
@click.option("--relay-password-file", type=click.File(), metavar="FILE",
              help="Read the password there from the first line of FILE.")  # fmt: skip
@click.option("--certificates/--no-certificates", default=None,
              help="Let's Encrypt's certificates (you accept its terms), or none.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Ask nothing: take options and defaults.")
@click.option("--offline", is_flag=True, help="Measure nothing outside this machine.")
@click.option("--test-to", metavar="ADDRESS", help="Write a test message to this address outside.")
@click.option("--web", is_flag=True, help="Ask in the browser, at an address that is shown here.")
@click.option("--listen", metavar="ADDRESS:PORT",
              help="Where, with --web; https unless it is this machine only. Default: "
              f"{setup_web.LISTEN}, or the next port that is free.")  # fmt: skip
@click.option("--no-test", is_flag=True, help="Send no test messages at the end.")
@output.json_option
@click.pass_context
def setup(context: click.Context, /, *, as_json: bool, **given: object) -> None:
    """Make this machine a mail server: at most six questions, each with a default.

    What can be measured is measured first. Running it again changes nothing that is there, and
    goes on where it was left.
    """
    talk = _Talk(context, given, as_json=as_json)
    talk.go()


class _Talk:
    """One run of the wizard."""

    def __init__(self, context: click.Context, given: dict[str, object], *, as_json: bool) -> None:
        self._context = context
        self._given = given
        self._as_json = as_json
        self._asks = not given["yes"]
        named = context.find_root().obj
        self._file = Path(find(named) or setup_web.default_file()).absolute()
        self._program = f"postroom -c {shlex.quote(named)}" if named else "postroom"
        file = given["relay_password_file"]
        self._relay_password = _first_line(file) if isinstance(file, io.TextIOBase) else None
        self._has_begun = False
        context.find_root().obj = str(self._file)

    def go(self) -> None:
        """From the questions to the last advice."""
        listen = self._given["listen"]
        if self._given["web"]:
            setup_web.run(
                self._file,
                default_data=str(self._given["data"] or setup_web.default_data(self._file)),
                listen=listen if isinstance(listen, str) else None,
                is_offline=bool(self._given["offline"]),
            )
            return
        process.interruptible()
        try:
            self._set_up()
        except (click.Abort, KeyboardInterrupt):  # at a question, or between two
            told = "what is set up so far stays" if self._has_begun else "nothing was changed"
            output.note(f"{told}; go on with: {self._program} setup")
            raise

    def _set_up(self) -> None:
        is_new = not self._file.exists()
        config = None if is_new else load(self._file)
        domain = self._domain(config)
        hostname = config.hostname if config else self._hostname(domain)
        data = (
            config.data
            if config
            else str(self._given["data"] or setup_web.default_data(self._file))
        )
        place = measured.place_of(domain, hostname, data, config)
        found = asyncio.run(_measure(place, config, is_offline=bool(self._given["offline"])))
        if not self._as_json:
            _print_facts(found)
        wish = self._wish(config, place, found)
        self._has_begun = True
        with steps.settings(self._file, wish) as written:
            done = [written, *run(self._context, lambda office: steps.furnish(office, wish))]
        if not self._as_json:
            for one in done:
                click.echo(f"{'kept' if one.was_there else 'done'}  {one.step}")
        letters = self._test_letters(wish, may_go_out=bool(wish.relay) or measured.may_send(found))
        self._tell(wish, done, found, letters)

    def _test_letters(self, wish: Wish, *, may_go_out: bool) -> list[LetterTest]:
        """One in, and one out when an address is named."""
        if self._given["no_test"]:
            return []
        question = "Address elsewhere for a test message (empty: none)"
        to = str(self._given["test_to"] or "")
        if not to and self._asks and may_go_out:
            to = _asked(question, "", lambda text: text and str(names.address(text)))
        try:
            return trial.letters(load(self._file), wish.admin, to)
        except (Refused, MailError) as error:
            output.note(f"no test message: {error}; later: {self._program} test-letter")
            return []

    def _domain(self, config: Config | None) -> str:
        known = run(self._context, steps.known_domain) if config else ""
        question = "Domain of your mail addresses"
        return self._answer("domain", question, known or None, steps.mail_domain)

    def _hostname(self, domain: str) -> str:
        default = steps.default_hostname(domain)
        return self._answer("hostname", "Name of this server", default, steps.host_name)

    def _wish(self, config: Config | None, place: Place, found: Sequence[Fact]) -> Wish:
        domain = steps.mail_domain(place.domain)
        known = config and run(self._context, lambda office: steps.known_admin(office, domain))
        admin = self._answer(
            "admin", "Your address", known or f"postmaster@{domain}",
            lambda text: steps.admin_address(text, domain),
        )  # fmt: skip
        is_there = config and run(self._context, lambda office: steps.has_account(office, admin))
        password = None
        if not is_there:
            password, is_made_up = ask(from_stdin=bool(self._given["password_stdin"]))
            if is_made_up:
                output.note(f"password of {admin}: {password}")
        return Wish(
            domain=domain,
            hostname=place.hostname,
            data=str(place.data),
            admin=admin,
            password=password,
            wants_certificates=config is None and self._wants_certificates(),
            relay=self._relay(found, config),
            web_port=measured.inner_web_port(found) if config is None else None,
        )

    def _wants_certificates(self) -> bool:
        chosen = self._given["certificates"]
        if chosen is None and self._asks:
            return click.confirm(
                "Get certificates from Let's Encrypt (you accept its terms)", True, err=True
            )
        return bool(chosen) or chosen is None

    def _relay(self, found: Sequence[Fact], config: Config | None) -> Wanted | None:
        """A closed port 25 is a choice, not an end."""
        given = self._given["relay"]
        if given:
            return self._provider(str(given))
        if not (self._asks and measured.is_blocked(found)):
            return None
        if config and run(self._context, steps.has_relay):
            return None
        click.echo("Port 25 is closed: mail leaves through a provider, or not at all.", err=True)
        question = "Preset of the provider (empty: receive only)"
        return _asked(question, "", lambda text: self._provider(text) if text else None)

    def _provider(self, name: str) -> Wanted:
        """The provider of this name, with what it wants to know. Raises Invalid, NotFound."""
        preset = presets.find(name)
        host, login = self._given["relay_host"], self._given["relay_user"]
        if host is None and preset.blank and self._asks:
            host = click.prompt(f"Your {preset.blank} at {preset.title}", err=True)
        if login is None and preset.auth != "none" and self._asks:
            login = click.prompt(f"Login at {preset.title}", preset.login or None, err=True)
        password = self._relay_password
        if login and password is None and self._asks:
            password = click.prompt("Password there", hide_input=True, err=True)
        wanted = steps.relay(
            name, host=str(host or ""), login=str(login or ""), password=password or "",
            is_later=not self._asks,
        )  # fmt: skip
        if preset.auth != "none" and wanted.login is None:
            change = f"{self._program} relay set {steps.RELAY} --user U --password-stdin"
            output.note(f"{preset.title} takes no mail without a login: {change}")
        return wanted

    def _answer(
        self, option: str, question: str, default: str | None, read: Callable[[str], str]
    ) -> str:
        """What was given or typed, as ``read`` understands it."""
        given = self._given[option]
        if given:
            return read(str(given))
        if self._asks:
            return _asked(question, default, read)
        if default is None:
            raise click.UsageError(f"--yes needs --{option}")
        return default

    def _tell(
        self,
        wish: Wish,
        done: Sequence[Done],
        found: Sequence[Fact],
        letters: Sequence[LetterTest],
    ) -> None:
        if self._as_json:
            told = {"file": str(self._file), "done": done, "facts": found, "letters": letters}
            click.echo(output.encode(told))
            return
        show(letters)
        click.echo(_next(self._program, wish))
        click.echo(_qr(f"https://{wish.hostname}/mobileconfig?email={wish.admin}"))


def _first_line(file: io.TextIOBase) -> str:
    return file.readline().rstrip("\r\n")


def _asked(question: str, default: str | None, read: Callable[[str], _T]) -> _T:
    """What is typed, as ``read`` understands it; what it does not is asked again, with why."""
    while True:
        typed = click.prompt(question, default or "", show_default=bool(default), err=True)
        try:
            return read(typed)
        except (Invalid, NotFound) as error:
            click.echo(f"{error}", err=True)


def _next(program: str, wish: Wish) -> str:
    """What a person does now, in order."""
    steps = (
        (f"Put its records into the DNS of {wish.domain}:", f"{program} dns {wish.domain}"),
        *_ways_to_run(program),
        ("See whether the world finds it:", f"{program} dns {wish.domain} --check"),
        ("See whether mail comes in and goes out:", f"{program} test-letter --to ADDRESS"),
        ("Set up your mail program:", f"{program} account settings {wish.admin}"),
        ("Look after it in the browser:", f"https://{wish.hostname}/"),
    )
    width = max(len(what) for what, _ in steps)
    lines = [f"  {what:<{width}}  {command}" for what, command in steps]
    return "\n".join(["", "Now:", *lines, "  An iPhone or a Mac sets itself up with this:", ""])


def _ways_to_run(program: str) -> Iterator[tuple[str, str]]:
    if shutil.which("systemctl"):  # not in a container
        yield "Let systemd run the server:", f"{program} install-service"
        yield "  or try it by hand:", f"{program} serve"
    else:
        yield "Run the server:", f"{program} serve"


async def _measure(place: Place, config: Config | None, *, is_offline: bool) -> list[Fact]:
    resolver = Resolver(config.dns.servers if config else ())
    try:
        return await measured.measure(place, Reach(resolver=resolver, is_offline=is_offline))
    finally:
        await resolver.close()


def _print_facts(found: Sequence[Fact]) -> None:
    width = max(len(one.what) for one in found)
    for one in found:
        mark = click.style(f"{_MARKS[one.state]:<4}", fg=_COLOURS[one.state])
        click.echo(f"{mark}  {one.what:<{width}}  {output.printable(one.seen)}")
        if one.advice:
            click.echo(f"      {'':<{width}}  -> {one.advice}")
    click.echo()


def _qr(url: str) -> str:
    """A QR code in half blocks, to be read off the screen by a phone."""
    import segno

    out = io.StringIO()
    segno.make(url, error="l").terminal(out, compact=True)
    return out.getvalue()
