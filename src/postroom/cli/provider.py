"""Which provider mail leaves through, asked where port 25 is closed; tried out before it is kept."""

import asyncio
from collections.abc import Callable
from typing import Final

import click
import msgspec

from postroom.admin.answers import Answers
from postroom.admin.outgoing import choice as choices, relays
from postroom.admin.outgoing.choice import Choice
from postroom.admin.outgoing.relays import Wanted
from postroom.cli import output
from postroom.cli.questions import Questions
from postroom.config.model import Config
from postroom.db.open import now_ms

_NONE: Final = frozenset({"", "none", "-"})
_ABOUT: Final = """\
Port 25 is closed here, as on most rented machines: mail comes in all the same, but leaves only
through a provider. Type one of these:
  a provider     gmail, fastmail, sendgrid, amazon-ses:REGION ..  (postroom relay presets)
  your own host  smtp.example.net:587
  none           receive only; later: postroom relay add"""


class Given(msgspec.Struct, frozen=True):
    """What options said: the provider, the login there, its password; None where nothing was."""

    choice: Choice | None = None
    login: str | None = None
    password: str | None = None


class Provider:
    """``mailbox`` is an address of one's own there, when the login that was given is one."""

    def __init__(
        self,
        questions: Questions,
        given: Given,
        answers: Answers,
        keep: Callable[[str, str], None],
        *,
        config: Config,
        is_offline: bool,
    ) -> None:
        """``keep`` takes an answer by its name in ``Answers``; ``config``: whose mail it is."""
        self.mailbox = ""
        self._questions = questions
        self._given = given
        self._relay, self._login = answers.relay, answers.login
        self._keep = keep
        self._config = config
        self._is_offline = is_offline
        self._tried: Wanted | None = None

    def take(self) -> Wanted | None:
        """What the options say, without a question. Raises Invalid."""
        given = self._given
        if given.choice is None:
            return None
        wanted = choices.with_login(
            given.choice, given.login or "", given.password or "", is_later=True
        )
        self.mailbox = given.choice.mailbox(wanted.login or "")
        is_whole = bool(wanted.login) or not given.choice.needs_login
        if is_whole and (trouble := self._trouble(given.choice, wanted)):
            output.note(f"{trouble.sentence}; it is kept all the same")
        return wanted

    def ask(self) -> Wanted | None:
        """Until one takes our mail, or somebody insists; None: receive only."""
        chosen = self._given.choice
        if chosen is None:
            click.echo(_ABOUT, err=True)
        while True:
            if chosen is None:
                chosen = self._questions.ask("Provider, host or none", self._relay, self._read)
            if chosen is None:
                return None
            wanted = self._logged_in(chosen)
            if wanted is not None:
                self.mailbox = chosen.mailbox(wanted.login or "")
                return wanted
            chosen = None

    def _read(self, text: str) -> Choice | None:
        found = None if text.strip().lower() in _NONE else choices.read(text)
        self._relay = text.strip()
        self._keep("relay", self._relay)
        return found

    def _logged_in(self, chosen: Choice) -> Wanted | None:
        """None: rather another provider."""
        while True:
            login = password = ""
            if chosen.may_want_login:
                login = self._login_at(chosen)
                password = self._password_of(login) if login else ""
                if not password and (login or chosen.needs_login):
                    return None
            wanted = choices.with_login(chosen, login, password)
            if wanted == self._tried:  # typed twice: it is meant
                return wanted
            trouble = self._trouble(chosen, wanted)
            if trouble is None:
                return wanted
            self._tried = wanted
            click.echo(
                f"{trouble.sentence}.\nNothing is lost: try another, or type the same again to keep it "
                "as it is.",
                err=True,
            )
            if not trouble.is_login:
                return None

    def _login_at(self, chosen: Choice) -> str:
        if self._given.login is not None:
            login, self._given = self._given.login, msgspec.structs.replace(self._given, login=None)
            return login
        if chosen.login:
            return chosen.login
        other = "another provider" if chosen.needs_login else "without one"
        question = f"Login at {chosen.title} (empty: {other})"
        self._login = self._questions.ask(question, self._login, str.strip)
        self._keep("login", self._login)
        return self._login

    def _password_of(self, login: str) -> str:
        if self._given.password is not None:
            password = self._given.password
            self._given = msgspec.structs.replace(self._given, password=None)
            return password
        question = f"Password of {login} there (it is not shown)"
        return self._questions.ask(question, "", str, is_hidden=True)

    def _trouble(self, chosen: Choice, wanted: Wanted) -> choices.Trouble | None:
        relays.unkept(wanted)
        if self._is_offline:
            return None
        click.echo(f"Trying {chosen.title} ..", err=True)
        return asyncio.run(choices.trouble(self._config, chosen, wanted, now_ms()))
