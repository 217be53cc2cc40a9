"""Presets of relays: where and how well-known providers take mail for sending.

They stand in ``presets.toml``. Those marked historic are of providers that are gone or
have moved on; they are kept for networks that still have such a server.
"""

import functools
from typing import Final, Literal

import msgspec

from postroom.directory.relays import Tls
from postroom.errors import Invalid, NotFound

FILE: Final = "presets.toml"
_FEW: Final = 5  # presets that are named to somebody who named none

Auth = Literal["none", "password", "app-password", "api-key", "oauth2"]


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One provider.

    ``host`` may hold one part in braces that depends on the customer, such as
    ``{region}``. ``auth`` is what it wants to be logged in with, ``login`` the user name
    when that is the same for everyone. ``domains`` are those of its mailboxes. ``successor``
    is the preset to use instead of a historic one, "" when there is none.
    """

    name: str
    title: str
    host: str
    port: int
    tls: Tls
    auth: Auth
    domains: tuple[str, ...] = ()
    login: str = ""
    note: str = ""
    historic: bool = False
    successor: str = ""

    @property
    def blank(self) -> str:
        """The part of the host that is the customer's, without its braces; or ""."""
        return self.host.partition("{")[2].partition("}")[0]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    preset: tuple[Preset, ...]


@functools.cache
def every() -> tuple[Preset, ...]:
    """All presets by title, the historic ones last."""
    import importlib.resources
    import tomllib

    text = importlib.resources.files(__package__).joinpath(FILE).read_text("utf-8")
    found = msgspec.convert(tomllib.loads(text), _File).preset
    return tuple(sorted(found, key=lambda one: (one.historic, one.title.casefold(), one.name)))


def search(words: str) -> tuple[Preset, ...]:
    """Those with ``words`` in name, title, domain or host; of an address its domain counts."""
    sought = words.strip().casefold().rpartition("@")[2]
    return tuple(
        one
        for one in every()
        if any(sought in text.casefold() for text in (one.name, one.title, one.host, *one.domains))
    )


def find(name: str) -> Preset:
    """The preset of this name; raises NotFound."""
    for one in every():
        if one.name == name.strip().lower():
            return one
    import difflib

    like = [one.name for one in search(name) if name.strip()][:_FEW]
    like = like or difflib.get_close_matches(name.lower(), [one.name for one in every()])
    hint = f"perhaps {', '.join(like)}; " if like else ""
    raise NotFound(f"no preset {name}; {hint}see: postroom relay presets")


def host_of(preset: Preset, given: str | None) -> str:
    """The host to use: ``given``, or the preset's. A single word fills the customer's part."""
    if not preset.blank:
        return given or preset.host
    if not given:
        raise Invalid(
            f"the host of the preset {preset.name} is {preset.host}:"
            f" give your own {preset.blank} with --host"
        )
    is_word = not set(".:") & set(given) and given != "localhost"
    return preset.host.replace("{" + preset.blank + "}", given) if is_word else given
