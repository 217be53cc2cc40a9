"""Sieve scripts of accounts, and those of the site.

The active script of the site runs on every message before what the account has; others of the
site are there to be included.
"""

from datetime import datetime
from typing import Final

import msgspec

from postroom.access.scripts import Scripts
from postroom.admin import names
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.directory.scripts import SITE, Room, Script, named
from postroom.errors import NotFound

GLOBAL: Final = "global"
"""Stands where an account is asked for: the scripts of the site."""


class ScriptView(msgspec.Struct, frozen=True):
    """One script; ``warnings`` are what its owner should know of it when it was put."""

    account: str
    name: str
    octets: int
    active: bool
    updated: datetime
    warnings: tuple[str, ...] = ()


async def every(office: Office, account: str) -> list[ScriptView]:
    """The scripts of an account, or of the site, by name."""
    owner, ident = await _owner(office, account)
    return [_view(owner, one) for one in await _scripts(office).of(ident)]


async def text(office: Office, account: str, name: str) -> str:
    """The text of a script, as it was put."""
    _, ident = await _owner(office, account)
    return await _scripts(office).text(ident, name)


@recorded("script.put", "account", "name", "active")
async def put(
    office: Office, account: str, name: str, octets: bytes, *, active: bool = False
) -> ScriptView:
    """Check and store a script, in place of one of that name; ``active``: let it run too.

    Raises BadScript, TooMany, TooLarge and Invalid: what was there before is there still.
    """
    owner, ident = await _owner(office, account)
    scripts = _scripts(office)
    warnings = await scripts.put(ident, name, octets)
    if active:
        await scripts.activate(ident, name)
    return msgspec.structs.replace(await _found(office, owner, ident, name), warnings=warnings)


@recorded("script.activate", "account", "name")
async def activate(office: Office, account: str, name: str) -> ScriptView:
    """Let a script run on the account's letters, or on all, in place of the one before."""
    owner, ident = await _owner(office, account)
    await _scripts(office).activate(ident, name)
    return await _found(office, owner, ident, name)


@recorded("script.deactivate", "account")
async def deactivate(office: Office, account: str) -> None:
    """Let no script of the account run; its rules and its vacation go on."""
    _, ident = await _owner(office, account)
    await _scripts(office).deactivate(ident)


@recorded("script.rename", "account", "old", "new")
async def rename(office: Office, account: str, old: str, new: str) -> ScriptView:
    """Give a script another name; an active one stays active."""
    owner, ident = await _owner(office, account)
    await _scripts(office).rename(ident, old, new)
    return await _found(office, owner, ident, new)


@recorded("script.remove", "account", "name")
async def remove(office: Office, account: str, name: str) -> None:
    """Delete a script; the active one is refused."""
    _, ident = await _owner(office, account)
    await _scripts(office).remove(ident, name)


def _scripts(office: Office) -> Scripts:
    settings = office.config.sieve
    room = Room(settings.max_scripts, settings.max_script)
    return Scripts(office.directory, office.ids, office.clock, room)


async def _owner(office: Office, account: str) -> tuple[str, int]:
    if account == GLOBAL:
        return GLOBAL, SITE
    found = await office.account(account)
    return str(found.address), found.id


async def _found(office: Office, owner: str, ident: int, name: str) -> ScriptView:
    for one in await _scripts(office).of(ident):
        if one.name == named(name):
            return _view(owner, one)
    raise NotFound(f"there is no script {name!r}")


def _view(owner: str, one: Script) -> ScriptView:
    return ScriptView(owner, one.name, one.octets, one.is_active, names.moment(one.updated))
