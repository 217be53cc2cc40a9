"""What happens to mail for an address: the answer in words, as acceptance would decide it."""

from collections.abc import Mapping
from typing import Final

import msgspec

from postroom.address import Address
from postroom.admin import names
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.directory import accounts, administrators, expand, journals
from postroom.directory.expand import Kind, Resolution, Walk
from postroom.intake import forwarding, relay
from postroom.store import mailboxes

MAX_SHOWN: Final = 100

_WORDS: Final[dict[Kind, str]] = {
    "found": "is taken",
    "not-ours": "is refused: the domain is not served here",
    "backup": "is taken for the servers of its domain, which this one is a backup MX for",
    "unknown": "is refused: no account, alias or catch-all has that name",
    "disabled": "is refused: the account is disabled",
    "loop": "is refused: the address leads back to itself",
    "too-many": "is refused: the address leads to too many mailboxes",
}
_WRITERS: Final = {"here": "who has logged in here", "members": "its members"}
_HELD: Final = "is taken, and held for the postmaster until somebody administers this server"


class Destination(msgspec.Struct, frozen=True):
    """``answer`` is a sentence without its beginning; the rest says where copies go.

    ``notes`` are sentences on what else happens. Of an address of many, MAX_SHOWN accounts and as
    many addresses elsewhere are told, and how many ``more`` there are.
    """

    address: str
    is_taken: bool
    answer: str
    accounts: tuple[str, ...]
    elsewhere: tuple[str, ...]
    via: str
    notes: tuple[str, ...] = ()
    more: int = 0


async def find(office: Office, address: str, *, within: int | None = None) -> Destination:
    """Ask for an address; raises Invalid for what is none.

    ``within``: as this administrator of single domains may know it. Where it leads out of them,
    the address that it leads to is told, and nothing of what happens there.
    """
    asked = names.address(address)
    returned = await forwarding.returned(office.directory, asked, office.now(), is_notice=True)
    if returned is not None:
        return _returned(asked, returned)

    def read(tx: Tx) -> tuple[Resolution, dict[int, str], Address | None]:
        among = None if within is None else administrators.reach(tx, within)
        found = Walk(tx, among=among).resolve(asked)
        if found.kind == "not-ours" and relay.is_of_host(asked, office.config.hostname):
            _, found = expand.resolve_postmaster(tx)
        people = [accounts.by_id(tx, one.account_id) for one in found.local[:MAX_SHOWN]]
        named = {
            one.id: str(one.address)
            for one in people
            if one is not None
            and (within is None or administrators.reaches_account(tx, within, one.id))
        }
        return found, named, journals.of(tx, asked.domain.ascii)

    found, people, journal = await office.directory.look(read)
    is_taken = found.needs_holding or found.kind in {"found", "backup"}
    answer = _HELD if found.needs_holding else _WORDS[found.kind]
    full = [
        one.account_id
        for one in found.local
        if await office.store.is_full(one.account_id, one.quota)
    ]
    if full:
        whose = people.get(full[0], "a member")
        if len(full) == len(found.local) and not found.remote:
            is_taken = False
            answer = f"is put off until there is room: the mailbox of {whose} is full"
        else:
            answer += f"; the mailbox of {whose} is full, its copy waits for room"
    elsewhere = (str(asked),) if found.kind == "backup" else found.remote
    notes = []
    if is_taken:
        notes = await _notes(office, found, people)
        if found.writers != "anyone":
            notes.insert(0, f"Only {_WRITERS[found.writers]} may write to it.")
        if journal is not None:
            notes.append(f"The journal of {asked.domain.unicode} has a copy: {journal}.")
    return Destination(
        address=str(asked),
        is_taken=is_taken,
        answer=answer,
        accounts=tuple(people.values()),
        elsewhere=elsewhere[:MAX_SHOWN],
        via=found.via,
        notes=tuple(notes),
        more=len(found.local) - len(people) + len(elsewhere[MAX_SHOWN:]),
    )


async def _notes(office: Office, found: Resolution, people: Mapping[int, str]) -> list[str]:
    """What the accounts that are shown do with it, as far as that does not hang on the message."""
    notes = []
    for one in found.local:
        person = people.get(one.account_id)
        if person is None:
            continue
        if one.detail and office.config.filing.subaddress:
            box = await office.store.read(mailboxes.by_detail, one.account_id, one.detail)
            if box is not None:
                notes.append(f"At {person} it is filed in {box.name}.")
        if await office.directory.filter_of(one.account_id) is not None:
            notes.append(f"The rules or the script of {person} may do something else with it.")
    return notes


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
