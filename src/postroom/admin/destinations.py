"""What happens to mail for an address: the answer in words, as acceptance would decide it."""

from typing import Final

import msgspec

from postroom.address import Address
from postroom.admin import names
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.directory import accounts, expand
from postroom.directory.expand import Kind, Resolution, Walk
from postroom.intake import forwarding, relay

_WORDS: Final[dict[Kind, str]] = {
    "found": "is taken",
    "not-ours": "is refused: the domain is not served here",
    "backup": "is taken for the servers of its domain, which this one is a backup MX for",
    "unknown": "is refused: no account, alias or catch-all has that name",
    "disabled": "is refused: the account is disabled",
    "loop": "is refused: the address leads back to itself",
    "too-many": "is refused: the address leads to too many mailboxes",
}
_HELD: Final = "is taken, and held for the postmaster until somebody administers this server"


class Destination(msgspec.Struct, frozen=True):
    """``answer`` is a sentence without its beginning; the rest says where copies go."""

    address: str
    is_taken: bool
    answer: str
    accounts: tuple[str, ...]
    elsewhere: tuple[str, ...]
    via: str


async def find(office: Office, address: str) -> Destination:
    """Ask for an address; raises Invalid for what is none."""
    asked = names.address(address)
    returned = await forwarding.returned(office.directory, asked, office.now(), is_notice=True)
    if returned is not None:
        return _returned(asked, returned)

    def read(tx: Tx) -> tuple[Resolution, dict[int, str]]:
        found = Walk(tx).resolve(asked)
        if found.kind == "not-ours" and relay.is_of_host(asked, office.config.hostname):
            _, found = expand.resolve_postmaster(tx)
        people = [accounts.by_id(tx, one.account_id) for one in found.local]
        return found, {one.id: str(one.address) for one in people if one is not None}

    found, people = await office.directory.look(read)
    is_taken = found.needs_holding or found.kind in {"found", "backup"}
    answer = _HELD if found.needs_holding else _WORDS[found.kind]
    for one in found.local:
        if await office.store.is_full(one.account_id, one.quota):
            is_taken = False
            answer = (
                f"is put off until there is room: the mailbox of {people[one.account_id]} is full"
            )
            break
    return Destination(
        address=str(asked),
        is_taken=is_taken,
        answer=answer,
        accounts=tuple(people.values()),
        elsewhere=(str(asked),) if found.kind == "backup" else found.remote,
        via=found.via,
    )


def _returned(asked: Address, returned: forwarding.Returned) -> Destination:
    """What happens to a notice about a message that was forwarded here (``mailauth.srs``)."""
    is_taken = returned.address is not None
    return Destination(
        address=str(asked),
        is_taken=is_taken,
        answer="is taken from mail systems that report a failure, and from nobody else"
        if is_taken
        else f"is refused: {returned.reason}",
        accounts=(),
        elsewhere=(str(returned.address),) if is_taken else (),
        via="",
    )
