"""``postroom setup``: from nothing to a mail server, in a few questions."""

import asyncio
import io
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import click
import msgspec

from postroom import process
from postroom.admin import answers, credentials, facts as measured, identity, names, setup as steps
from postroom.admin.answers import Answers
from postroom.admin.facts import Fact, Place, Reach
from postroom.admin.letter_test import LetterTest
from postroom.admin.outgoing import choice as choices, presets
from postroom.admin.outgoing.relays import Wanted
from postroom.admin.setup import Done, Wish
from postroom.cli import output, setup_web, trial
from postroom.cli.password import ask, password_stdin
from postroom.cli.provider import Given, Provider
from postroom.cli.questions import Questions
from postroom.cli.test_letter import show
from postroom.cli.work import run
from postroom.config.load import find, load
from postroom.config.model import Config
from postroom.errors import MailError, Refused
from postroom.net.dns import Resolver

MOST: Final = 6  # inputs, in every case
_MARKS: Final = {"good": "ok", "attention": "look", "bad": "BAD", "unknown": "?"}
_COLOURS: Final = {"good": "green", "attention": "yellow", "bad": "red", "unknown": None}


@click.command()
@click.option("--domain", metavar="D", help="The domain of your mail addresses.")
@click.option("--admin", metavar="ADDRESS", help="Your address: the first account, an admin.")
@password_stdin
@click.option(
    "--hostname",
    metavar="H",
    help="The name of this server. Default: the one that DNS knows, else mail.D.",
)
@click.option("--data", metavar="DIR", help="The folder of everything: mail, accounts, keys.")
@click.option(
    "--relay",
    metavar="PROVIDER",
    help="Send through a provider (postroom relay presets), or through HOST:PORT.",
)
@click.option("--relay-host", metavar="H", help="Your own host there, where it has one for each.")
@click.option("--relay-user", metavar="U", help="The login there; its password is asked for.")
@click.option("--relay-password-file", type=click.File(), metavar="FILE",
              help="Read the password there from the first line of FILE.")  # fmt: skip
@click.option("--certificates/--no-certificates", default=None,
              help="Let's Encrypt's certificates (you accept its terms; the default), or none.")  # fmt: skip
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
    """Make this machine a mail server: three or four questions, at most six.

    What can be measured is measured first, and told rather than asked. Running it again changes
    nothing that is there, and goes on where it was left.
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
        self._is_offline = bool(given["offline"])
        named = context.find_root().obj
        self._file = Path(find(named) or setup_web.default_file()).absolute()
        self._program = f"postroom -c {shlex.quote(named)}" if named else "postroom"
        self._questions = Questions()
        self._answers = answers.load(self._file) if self._asks else Answers()
        self._is_kept = False
        self._has_begun = False
        context.find_root().obj = str(self._file)

    def go(self) -> None:
        """From the questions to the last advice."""
        listen, certified = self._given["listen"], self._given["certificates"]
        if self._given["web"]:
            setup_web.run(
                self._file,
                default_data=str(self._given["data"] or setup_web.default_data(self._file)),
                listen=listen if isinstance(listen, str) else None,
                is_offline=self._is_offline,
                wants_certificates=certified if isinstance(certified, bool) else None,
            )
            return
        process.interruptible()
        try:
            self._set_up()
        except (click.Abort, KeyboardInterrupt):  # at a question, or between two
            told = (
                "what is set up so far stays" if self._has_begun
                else "nothing is set up yet, your answers are kept" if self._is_kept
                and not self._file.exists()
                else "nothing was changed"
            )  # fmt: skip
            output.note(f"{told}; go on with: {self._program} setup")
            raise

    def _set_up(self) -> None:
        given = self._read_options()
        config = load(self._file) if self._file.exists() else None
        if not (self._asks or config or self._given["domain"]):
            raise click.UsageError("--yes needs --domain")
        data = config.data if config else str(
            self._given["data"] or setup_web.default_data(self._file)
        )  # fmt: skip
        found = asyncio.run(_here(data, config))
        self._show(found)
        domain = self._domain(config)
        if not self._is_offline:
            click.echo(f"Looking at what the world sees of {domain} ..", err=True)
        place, seen = asyncio.run(self._look(domain, data, config, found))
        found = [*found, *seen]
        self._show(seen)
        if config is None:
            self._name(place.hostname)
        wish, provider, is_made_up = self._wish(config, place, found, given)
        self._has_begun = True
        with steps.settings(self._file, wish) as written:
            done = [written, *run(self._context, lambda office: steps.furnish(office, wish))]
        answers.forget(self._file)
        if not self._as_json:
            for one in done:
                click.echo(f"{'kept' if one.was_there else 'done'}  {one.step}")
        if is_made_up:
            output.note(f"password of {wish.admin}: {wish.password} (it is not shown again)")
        letters = self._test_letters(wish, found, provider.mailbox)
        self._tell(wish, done, found, letters, is_made_up=is_made_up)

    def _read_options(self) -> Given:
        """What the options say, read before anything is asked. Raises Invalid, NotFound."""
        if self._given["hostname"]:
            self._keep("hostname", steps.host_name(str(self._given["hostname"])))
        relay, user, file = (
            self._given[one] for one in ("relay", "relay_user", "relay_password_file")
        )
        return Given(
            choices.read(str(relay), str(self._given["relay_host"] or "")) if relay else None,
            login=None if user is None else str(user),
            password=_first_line(file) if isinstance(file, io.TextIOBase) else None,
        )

    def _keep(self, name: str, answer: str) -> None:
        """Remember an answer for the next time, as long as this one is not through."""
        self._answers = msgspec.structs.replace(self._answers, **{name: answer})
        if self._asks:
            self._is_kept = answers.save(self._file, self._answers)

    def _test_letters(self, wish: Wish, found: Sequence[Fact], mailbox: str) -> list[LetterTest]:
        """One in, and one out when there is an address for it."""
        if self._given["no_test"]:
            return []
        to = str(self._given["test_to"] or mailbox)
        may_go_out = bool(wish.relay) or measured.may_send(found)
        if not to and self._asks and may_go_out and self._questions.inputs < MOST:
            question = "Address elsewhere for a test message (empty: none)"
            to = self._questions.ask(question, "", lambda text: text and str(names.address(text)))
        if to:
            click.echo(f"A test message goes to {to} ..", err=True)
        try:
            return trial.letters(load(self._file), wish.admin, to)
        except (Refused, MailError) as error:
            output.note(f"no test message: {error}; later: {self._program} test-letter")
            return []

    def _domain(self, config: Config | None) -> str:
        known = run(self._context, steps.known_domain) if config else ""
        question = "Domain of your mail addresses"

        def read(text: str) -> str:
            if known and text == known:
                return known
            if address := steps.address_in(text):
                self._answers = msgspec.structs.replace(self._answers, admin=address)
            return steps.mail_domain(text)

        domain = self._answer("domain", question, known or self._answers.domain or None, read)
        if domain != self._answers.domain:
            if not self._given["hostname"]:
                self._answers = msgspec.structs.replace(self._answers, hostname="")
            self._keep("domain", domain)
        return domain

    async def _look(
        self, domain: str, data: str, config: Config | None, here: Sequence[Fact]
    ) -> tuple[Place, list[Fact]]:
        """How the server is called, and what the world shows of it."""
        async with Resolver(config.dns.servers if config else ()) as resolver:
            reach = Reach(resolver=resolver, is_offline=self._is_offline)
            hostname = config.hostname if config else self._answers.hostname
            if not hostname:
                hostname = await identity.hostname(domain, reach)
            place = measured.place_of(domain, hostname, data, config)
            seen = await measured.outside(place, reach)
        if config is None:
            wanted = self._wants_certificates(hostname)
            seen = [*seen, identity.certificates(place, [*here, *seen], wanted=wanted)]
        return place, seen

    def _wish(
        self, config: Config | None, place: Place, found: Sequence[Fact], given: Given
    ) -> tuple[Wish, Provider, bool]:
        """What is wanted, who carries it, and whether the password was made up."""
        domain = steps.mail_domain(place.domain)
        known = config and run(self._context, lambda office: steps.known_admin(office, domain))
        before = self._answers.admin if self._answers.admin.endswith(f"@{domain}") else ""
        admin = self._answer(
            "admin", "Your address", known or before or f"postmaster@{domain}",
            lambda text: steps.admin_address(text, domain),
        )  # fmt: skip
        self._keep("admin", admin)
        is_there = config and run(self._context, lambda office: steps.has_account(office, admin))
        password, is_made_up = (None, False) if is_there else self._password(admin)
        mine = config or Config(hostname=place.hostname, data=str(place.data))
        provider = Provider(
            self._questions, given, self._answers, self._keep, config=mine,
            is_offline=self._is_offline,
        )  # fmt: skip
        wish = Wish(
            domain=domain,
            hostname=place.hostname,
            data=str(place.data),
            admin=admin,
            password=password,
            wants_certificates=config is None and self._wants_certificates(place.hostname),
            relay=self._relay(provider, found, config, is_named=given.choice is not None),
            web_port=measured.inner_web_port(found) if config is None else None,
        )
        return wish, provider, is_made_up

    def _password(self, admin: str) -> tuple[str, bool]:
        """The one that is typed, once; or one that is made up, and shown once."""
        if self._given["password_stdin"] or not (self._asks and sys.stdin.isatty()):
            return ask(admin, from_stdin=bool(self._given["password_stdin"]), is_asked=False)
        question = "Your password (it is not shown; empty: one is made for you)"

        def read(text: str) -> str:
            if text:
                credentials.require_strong(admin, text)
            return text

        typed = self._questions.ask(question, "", read, is_hidden=True)
        return (typed, False) if typed else (credentials.random_password(), True)

    def _wants_certificates(self, hostname: str) -> bool:
        chosen = self._given["certificates"]
        return identity.may_be_certified(hostname) if chosen is None else bool(chosen)

    def _relay(
        self, provider: Provider, found: Sequence[Fact], config: Config | None, *, is_named: bool
    ) -> Wanted | None:
        """A closed port 25 is a choice, not an end."""
        if not self._asks:
            wanted = provider.take()
            if wanted is not None and wanted.login is None and wanted.preset:
                preset = presets.find(wanted.preset)
                change = f"{self._program} relay set {steps.RELAY} --user U --password-stdin"
                if preset.auth != "none":
                    output.note(f"{preset.title} takes no mail without a login: {change}")
            return wanted
        is_wanted = is_named or measured.is_blocked(found)
        if not is_wanted or (config and run(self._context, steps.has_relay)):
            return None
        return provider.ask()

    def _answer(
        self, option: str, question: str, default: str | None, read: Callable[[str], str]
    ) -> str:
        """What was given or typed, as ``read`` understands it."""
        given = self._given[option]
        if given:
            return read(str(given))
        if self._asks:
            return self._questions.ask(question, default or "", read)
        if default is None:
            raise click.UsageError(f"--yes needs --{option}")
        return default

    def _show(self, found: Sequence[Fact]) -> None:
        if not self._as_json and found:
            _print_facts(found)

    def _name(self, hostname: str) -> None:
        """What was decided without a question, and how to decide otherwise."""
        if self._as_json:
            return
        click.echo(f"The server is called {hostname}. Another name: --hostname NAME.")
        if self._wants_certificates(hostname):
            click.echo(
                "Going on you accept Let's Encrypt's terms (https://letsencrypt.org/repository/). "
                "Without: --no-certificates."
            )
        click.echo()

    def _tell(
        self,
        wish: Wish,
        done: Sequence[Done],
        found: Sequence[Fact],
        letters: Sequence[LetterTest],
        *,
        is_made_up: bool,
    ) -> None:
        if self._as_json:
            told = {
                "file": str(self._file), "domain": wish.domain, "hostname": wish.hostname,
                "admin": wish.admin, "done": done, "facts": found, "letters": letters,
            }  # fmt: skip
            click.echo(output.encode(told | ({"password": wish.password} if is_made_up else {})))
            return
        show(letters)
        click.echo(_next(self._program, wish))
        click.echo(_qr(f"https://{wish.hostname}/mobileconfig?email={wish.admin}"))


def _first_line(file: io.TextIOBase) -> str:
    return file.readline().rstrip("\r\n")


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


async def _here(data: str, config: Config | None) -> list[Fact]:
    async with Resolver(()) as resolver:
        return measured.here(Path(data), measured.ports_of(config), Reach(resolver=resolver))


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
