"""What happens to mail for an address: the answer in words, as acceptance would decide it."""

from typing import Final

import msgspec

from postroom.admin import names
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.directory import accounts
from postroom.directory.expand import Kind, Walk

_WORDS: Final[dict[Kind, str]] = {
    "found": "is taken",
    "not-ours": "is refused: the domain is not served here",
    "backup": "is taken for the servers of its domain, which this one is a backup MX for",
    "unknown": "is refused: no account, alias or catch-all has that name",
    "disabled": "is refused: the account is disabled",
    "loop": "is refused: the address leads back to itself",
    "too-many": "is refused: the address leads to too many mailboxes",
}


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

    def read(tx: Tx) -> Destination:
        found = Walk(tx).resolve(asked)
        people = [accounts.by_id(tx, one.account_id) for one in found.local]
        return Destination(
            address=str(asked),
            is_taken=found.kind in {"found", "backup"},
            answer=_WORDS[found.kind],
            accounts=tuple(str(one.address) for one in people if one is not None),
            elsewhere=(str(asked),) if found.kind == "backup" else found.remote,
            via=found.via,
        )

    return await office.directory.look(read)
