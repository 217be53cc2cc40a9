"""What a person types for the provider that mail leaves through, on one line, and whether it works.

A preset (``gmail``); a preset with the part of its host that is the customer's
(``amazon-ses:eu-west-1``); a host of their own, perhaps with its port (``smtp.example.net:587``).
"""

from dataclasses import replace
from typing import Final

import msgspec

from postroom.admin.outgoing import presets, relay_test, relays
from postroom.admin.outgoing.presets import Preset
from postroom.admin.outgoing.relays import Wanted
from postroom.config.model import Config
from postroom.directory.relays import Tls
from postroom.errors import Invalid

SECONDS: Final = 10.0  # for connecting, and for all up to the login
_SUBMISSION: Final = 587
_IMPLICIT: Final = 465


class Choice(msgspec.Struct, frozen=True):
    """What was chosen, without the login. ``preset`` is None for a host of one's own."""

    wanted: Wanted
    preset: Preset | None = None

    @property
    def title(self) -> str:
        """The name of the provider, for people."""
        return self.preset.title if self.preset else self.wanted.host or ""

    @property
    def login(self) -> str:
        """That everybody has there; "" where each has their own."""
        return self.preset.login if self.preset else ""

    @property
    def needs_login(self) -> bool:
        """Whether nothing is taken without one; a host of one's own may do."""
        return self.preset is not None and self.preset.auth != "none"

    @property
    def may_want_login(self) -> bool:
        """Whether it is worth asking for one."""
        return self.preset is None or self.needs_login

    def mailbox(self, login: str) -> str:
        """The login, if it is an address of a mailbox at the provider; else ""."""
        domain = login.rpartition("@")[2].lower()
        return login if self.preset and "@" in login and domain in self.preset.domains else ""


class Trouble(msgspec.Struct, frozen=True):
    """Why a provider takes nothing from here; ``is_login``: it was reached, and refused that."""

    sentence: str
    is_login: bool


def read(text: str, part: str = "") -> Choice:
    """What is meant; ``part`` is the customer's, where it is given apart.

    Raises Invalid, and NotFound with the presets that are like it.
    """
    bare = text.strip().rpartition("://")[2].partition("/")[0]
    name, _, rest = bare.partition(":")
    if "@" not in bare and (bare.count(":") > 1 or "." in name or name.lower() == "localhost"):
        return _own(bare)
    preset = presets.find(name)
    part = part or rest.strip()
    if preset.blank and not part:
        raise Invalid(
            f"{preset.title} is {preset.host}: it needs your own {preset.blank}, too; type"
            f" {preset.name}:{preset.blank.upper()}"
        )
    if part and not preset.blank:
        raise Invalid(f"{preset.title} is known as {preset.host}:{preset.port}; type {preset.name}")
    return _checked(Choice(Wanted(preset=preset.name, host=part or None), preset))


def with_login(choice: Choice, login: str, password: str, *, is_later: bool = False) -> Wanted:
    """All that a relay is made of. Raises Invalid.

    ``is_later``: who gives no login may give it afterwards.
    """
    login = login.strip() or (choice.login if password else "")
    is_whole = bool(login and password)
    if (choice.needs_login and not is_whole and (login or password or not is_later)) or (
        bool(login) != bool(password)
    ):
        raise Invalid(f"{choice.title} takes mail only with a login and a password")
    return replace(choice.wanted, login=login or None, password=password or None)


async def trouble(
    config: Config, choice: Choice, wanted: Wanted, now: int, *, seconds: float = SECONDS
) -> Trouble | None:
    """Connect, encrypt, log in, and send nothing: None when all went well.

    ``now`` is UTC milliseconds.
    """
    tested = await relay_test.probe(config, relays.unkept(wanted), now, seconds=seconds)
    if tested.ok:
        return None
    failed = tested.steps[-1]
    reason = failed.reason.rstrip(".")
    match failed.name:
        case "login":
            hint = choice.preset.note if choice.preset else ""
            sentence = f"{choice.title} does not take this login and password: {reason}"
            return Trouble(f"{sentence}; {hint}" if hint else sentence, is_login=True)
        case "dns":
            sentence = f"{tested.host} is not found: {reason}; see how it is spelt"
        case "connect":
            sentence = (
                f"{tested.host} does not answer on port {tested.port}: {reason}; is it another"
                " port (587, 465, 2525)?"
            )
        case "tls":
            sentence = f"{tested.host} can't be trusted on port {tested.port}: {reason}"
        case _:
            sentence = f"{tested.host} turns this server away: {reason}"
    return Trouble(sentence, is_login=False)


def _own(text: str) -> Choice:
    """A host and perhaps its port."""
    host, port = text, ""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise Invalid(f"{text!r}: a port is a number, as in smtp.example.net:587")
    number = int(port) if port else _SUBMISSION
    tls: Tls = "implicit" if number == _IMPLICIT else "starttls"
    return _checked(Choice(Wanted(host=host.strip().removesuffix("."), port=number, tls=tls)))


def _checked(choice: Choice) -> Choice:
    relays.unkept(choice.wanted)
    return choice
