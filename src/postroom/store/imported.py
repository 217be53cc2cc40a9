"""What imports have brought into an account: a repeated run files nothing twice.

A message is known by an ``identity`` that its source makes: where it was, and what it is. A
source may hold several that are alike, so they are counted: of n alike in a run those are new
that are more than were filed before. The counts change in the transaction that files.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from postroom.db.database import Tx

OCTETS: Final = 16  # of an identity
MOST: Final = 500  # identities of one call


class Known(msgspec.Struct, frozen=True):
    """``copies`` were filed; the run with this id has met ``seen`` of them."""

    copies: int = 0
    run: int = 0
    seen: int = 0

    def met(self, run: int, *, again: bool = False, once: bool = False) -> "tuple[Known, bool]":
        """After a run has met one more, and whether that one is new.

        With ``again`` what came in other runs does not count. ``once``: there is only one, however
        often it is met.
        """
        is_first = run != self.run
        if once and not is_first:
            return self, False
        seen = 1 if is_first else self.seen + 1
        copies = 0 if is_first and again else self.copies
        return Known(max(copies, seen), run, seen), seen > copies


def identity(*parts: str | bytes) -> bytes:
    """The identity that these parts make together."""
    digest = hashlib.sha256()
    for part in parts:
        octets = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(octets).to_bytes(8, "big") + octets)
    return digest.digest()[:OCTETS]


def known(tx: Tx, account_id: int, identities: Sequence[bytes]) -> dict[bytes, Known]:
    """What is known of these, at most ``MOST``; those never met are left out."""
    wanted = {f"i{number}": one for number, one in enumerate(identities)}
    if not wanted:
        return {}
    rows = tx.all(
        "SELECT identity, copies, run, seen FROM imported WHERE account_id = :account"
        f" AND identity IN ({', '.join(f':{name}' for name in wanted)})",
        account=account_id,
        **wanted,
    )
    return {bytes(row[0]): Known(*row[1:]) for row in rows}


def note(tx: Tx, account_id: int, met: Mapping[bytes, Known]) -> None:
    """Write what is known now."""
    tx.many(
        "INSERT INTO imported (account_id, identity, copies, run, seen) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (account_id, identity) DO UPDATE SET copies = excluded.copies,"
        " run = excluded.run, seen = excluded.seen",
        [(account_id, one, now.copies, now.run, now.seen) for one, now in sorted(met.items())],
    )


def forget_account(tx: Tx, account_id: int) -> None:
    """Forget all of an account."""
    tx.execute("DELETE FROM imported WHERE account_id = :account", account=account_id)
