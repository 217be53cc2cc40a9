"""Logins as rows of ``login`` (``logins``): what is alike of a day is one row."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from postroom.address import Address, AddressError
from postroom.db.database import Tx
from postroom.directory import addresses, credentials
from postroom.policy.logins import Attempt, Counted, Means, Outcome

MOST_A_DAY: Final = 200  # rows of an account; what is over is counted without an address
NEWEST: Final = 1 << 62
_CHUNK: Final = 1_000
_KEY: Final = "day, last_at, door, address, outcome, means, label"
START: Final = (NEWEST, NEWEST, "", "", "", "", "")

Key = tuple[int, int, str, str, str, str, str]


class Row(msgspec.Struct, frozen=True):
    """So often on a day, UTC milliseconds. ``address`` "" stands for several; see ``Attempt``."""

    day: int
    last: int
    door: str
    address: str
    outcome: Outcome
    means: Means
    label: str
    first: int
    times: int

    @property
    def key(self) -> Key:
        """Where it stands in ``newest``."""
        return (
            self.day, self.last, self.door, self.address, self.outcome, self.means, self.label,
        )  # fmt: skip


def put(
    tx: Tx, attempts: Mapping[Attempt, Counted], owners: Mapping[Attempt, int] | None = None
) -> None:
    """Add these to what is there; those of nobody here go nowhere.

    ``owners`` as ``owners_of`` finds them.
    """
    found = owners_of(tx, attempts) if owners is None else owners
    rooms: Counter[tuple[int, int]] = Counter()
    for ident, day in {(found[one], one.day) for one in attempts if one in found}:
        there = tx.one(
            "SELECT count(*) FROM login WHERE account_id = :id AND day = :day", id=ident, day=day
        )
        rooms[ident, day] = MOST_A_DAY - (there[0] if there else 0)
    labels: dict[int, tuple[Means, str]] = {}
    for attempt, counted in attempts.items():
        if attempt not in found:
            continue
        means, label, ident = attempt.means, "", attempt.credential_id
        if ident > 0 and means == "password":
            if ident not in labels:
                labels[ident] = _shown(tx, found[attempt], ident)
            means, label = labels[ident]
        row = Row(
            attempt.day, counted.last, attempt.door, attempt.address, attempt.outcome, means,
            label, counted.first, counted.times,
        )  # fmt: skip
        if not _grown(tx, found[attempt], row):
            rooms[found[attempt], attempt.day] -= 1
            if rooms[found[attempt], attempt.day] < 0:
                row = msgspec.structs.replace(row, address="")
            _add(tx, found[attempt], row)


def newest(tx: Tx, account_id: int, *, below: Key = START, limit: int) -> list[Row]:
    """Those of an account, the last used first, after the one with the key ``below``."""
    rows = tx.all(
        f"SELECT {_KEY}, first_at, times FROM login WHERE account_id = :account"
        f" AND day <= :day AND ({_KEY}) < (:day, :last, :door, :address, :outcome, :means, :label)"
        " ORDER BY day DESC, last_at DESC, door DESC, address DESC, outcome DESC, means DESC,"
        " label DESC LIMIT :limit",
        account=account_id,
        limit=limit,
        day=below[0],
        last=below[1],
        door=below[2],
        address=below[3],
        outcome=below[4],
        means=below[5],
        label=below[6],
    )
    return [Row(*row) for row in rows]


def count(tx: Tx, account_id: int) -> int:
    """How many rows an account has."""
    row = tx.one("SELECT count(*) FROM login WHERE account_id = :account", account=account_id)
    return int(row[0]) if row else 0


def latest(tx: Tx, account_id: int) -> list[Row]:
    """When and from where each way in was used last; failures do not count."""
    rows = tx.all(
        f"SELECT {', '.join('l.' + name for name in _KEY.split(', '))}, first_at, times FROM login l"
        " JOIN (SELECT means AS way, label AS its, max(last_at) AS latest FROM login"
        " WHERE account_id = :account AND outcome = 'in' GROUP BY means, label) u"
        " ON l.means = u.way AND l.label = u.its AND l.last_at = u.latest"
        " WHERE l.account_id = :account AND l.outcome = 'in' ORDER BY l.last_at DESC, l.door",
        account=account_id,
    )
    return list({(row[5], row[6]): Row(*row) for row in reversed(rows)}.values())[::-1]


def purge(tx: Tx, before: int, limit: int = _CHUNK) -> int:
    """Forget days before this one, at most so many rows; how many there were."""
    return tx.execute(
        "DELETE FROM login WHERE day < :before AND (day, account_id, outcome, door, address, means, label) IN"
        " (SELECT day, account_id, outcome, door, address, means, label FROM login"
        " WHERE day < :before ORDER BY day LIMIT :limit)",
        before=before,
        limit=limit,
    )


def owners_of(tx: Tx, attempts: Iterable[Attempt]) -> dict[Attempt, int]:
    """Whose each is: the account. A reader can find that out, so that guesses cost no writer."""
    known: dict[str | int, int] = {}
    found = {}
    for one in attempts:
        name = one.login or one.account_id
        if name not in known:
            known[name] = _named(tx, one.login) if one.login else _there(tx, one.account_id)
        if known[name]:
            found[one] = known[name]
    return found


def _named(tx: Tx, login: str) -> int:
    """The account that a login name is of; 0 for nobody's."""
    try:
        name = addresses.find(tx, Address.parse(login))
    except AddressError:
        return 0
    return (name.account_id or 0) if name is not None else 0


def _there(tx: Tx, ident: int) -> int:
    return ident if tx.one("SELECT id FROM account WHERE id = :id", id=ident) else 0


def _shown(tx: Tx, account_id: int, credential_id: int) -> tuple[Means, str]:
    """Whether it is an app password, and what it is called."""
    for one in credentials.of(tx, account_id):
        if one.id == credential_id:
            return one.kind, one.label
    return "password", ""


def _grown(tx: Tx, account_id: int, row: Row) -> bool:
    """Whether there was such a row; it counts more now."""
    given = msgspec.structs.asdict(row)
    del given["first"]
    return bool(
        tx.execute(
            "UPDATE login SET last_at = :last, times = times + :times WHERE day = :day"
            " AND account_id = :account AND outcome = :outcome AND door = :door"
            " AND address = :address AND means = :means AND label = :label",
            account=account_id,
            **given,
        )
    )


def _add(tx: Tx, account_id: int, row: Row) -> None:
    tx.execute(
        "INSERT INTO login (day, account_id, outcome, door, address, means, label, first_at,"
        " last_at, times) VALUES (:day, :account, :outcome, :door, :address, :means, :label,"
        " :first, :last, :times) ON CONFLICT (day, account_id, outcome, door, address, means, label)"
        " DO UPDATE SET last_at = excluded.last_at, times = login.times + excluded.times",
        account=account_id,
        **msgspec.structs.asdict(row),
    )
