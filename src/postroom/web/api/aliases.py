"""The API: aliases."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from postroom.admin import aliases
from postroom.admin.aliases import AliasDetails, AliasView
from postroom.admin.paging import Slice
from postroom.directory.expand import Writers
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun, Search

NOUN: Final = Noun("aliases", "aliases", "Addresses that stand for others.")

MayWrite = Annotated[
    Writers, Meta(description="Who may write to it: anyone, who has logged in here, its members.")
]
Hidden = Annotated[bool, Meta(description="Nobody is told who its members are.")]


class NewAlias(Input, frozen=True, kw_only=True):
    """An address that stands for others, here or elsewhere.

    A * in its local part is any characters: every address like it that nobody has.
    """

    address: str
    targets: tuple[str, ...]
    hidden: Hidden = False
    writers: MayWrite = "anyone"


class AliasChanges(Input, frozen=True, kw_only=True):
    """What is left out stays; ``targets`` replaces all, else some come and some go."""

    targets: tuple[str, ...] | None = None
    add_targets: tuple[str, ...] = ()
    remove_targets: tuple[str, ...] = ()
    hidden: Hidden | None = None
    writers: MayWrite | None = None


class NewAliasName(Input, frozen=True, kw_only=True):
    """The address from now on."""

    new: str


@NOUN.on("GET", "/aliases", narrows=True)
async def every(call: Call, query: Search) -> Slice[AliasView]:
    """List aliases by domain and name."""
    return await aliases.page(
        call.office,
        search=query.search,
        after=query.after,
        size=query.limit,
        within=call.within,
    )


@NOUN.on("POST", "/aliases", status=201, within=["body.address"])
async def add(call: Call, body: NewAlias) -> AliasDetails:
    """Make an address stand for others."""
    added = await aliases.add(
        call.office, body.address, body.targets, hidden=body.hidden, writers=body.writers
    )
    return _seen(call, added)


@NOUN.on("GET", "/aliases/{address}")
async def show(call: Call, address: str) -> AliasDetails:
    """Show an alias with what its targets are."""
    return _seen(call, await aliases.show(call.office, address))


@NOUN.on("PATCH", "/aliases/{address}")
async def change(call: Call, address: str, body: AliasChanges) -> AliasDetails:
    """Change the targets; hide or show the members; say who may write."""
    return _seen(call, await aliases.change(call.office, address, **msgspec.structs.asdict(body)))


@NOUN.on("POST", "/aliases/{address}/rename", within=["address", "body.new"])
async def rename(call: Call, address: str, body: NewAliasName) -> AliasDetails:
    """Give an alias another address."""
    return _seen(call, await aliases.rename(call.office, address, body.new))


@NOUN.on("DELETE", "/aliases/{address}")
async def remove(call: Call, address: str) -> AliasView:
    """Take an alias away; mail to it is refused from now on."""
    return await aliases.remove(call.office, address)


def _seen(call: Call, found: AliasDetails) -> AliasDetails:
    """As a token that is limited to a domain may see it."""
    return aliases.narrowed(found, {call.token.domain}) if call.token.domain else found
