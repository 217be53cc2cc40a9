"""The API: the senders that an account blocks, and those whose mail is never junk for it."""

from typing import Final

from postroom.admin.filters import senders
from postroom.admin.filters.senders import SendersView
from postroom.directory.senders import List
from postroom.errors import NotFound
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun

NOUN: Final = Noun("senders", "filters", "Whose mail a person never wants, or always does.")


class Patterns(Input, frozen=True, kw_only=True):
    """Addresses, domains, and ``*.`` with a domain for what is below it."""

    senders: tuple[str, ...]


@NOUN.on("GET", "/accounts/{address}/senders/{which}")
async def show(call: Call, address: str, which: str) -> SendersView:
    """Tell who is on a list: block or allow."""
    return await senders.show(call.office, address, _list(which))


@NOUN.on("POST", "/accounts/{address}/senders/{which}")
async def add(call: Call, address: str, which: str, body: Patterns) -> SendersView:
    """Put senders on a list, and off the other one."""
    return await senders.add(call.office, address, _list(which), body.senders)


@NOUN.on("POST", "/accounts/{address}/senders/{which}/remove")
async def remove(call: Call, address: str, which: str, body: Patterns) -> SendersView:
    """Take senders off a list."""
    return await senders.remove(call.office, address, _list(which), body.senders)


def _list(which: str) -> List:
    if which == "block":
        return "block"
    if which == "allow":
        return "allow"
    raise NotFound(f"there is no list {which}; the lists are block and allow")
