"""The search index in the database: pages of texts, how far they reach, what came late.

``usage.searched`` says how far an account is indexed. Every message with an id up to it is
in a page or noted in ``search_late``; those above are not indexed. So a search knows of each
message whether the pages speak for it. That holds at every moment, because whoever adds or
removes a message, and whoever moves ``searched``, holds the account's lock (its usage row):

- a message that comes with an id up to ``searched`` (an old one copied from another account,
  one whose commit took long) is noted by who files it;
- one that is removed is noted, and its text leaves its page later;
- ``finish`` looks again at what there is before it moves ``searched``.

Pages are in the order of their ``upto``. They are only ever split, or replaced by one with a
greater ``upto``: whoever reads them page by page, ascending, misses none.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from postroom.db.database import Row, Tx, number
from postroom.store.textpage import StoredPage, is_full

CHUNK: Final = 64  # messages that are indexed in one transaction ..
CHUNK_OCTETS: Final = 4 * 1024 * 1024  # .. fewer when they hold so much, but one always
MOST_RETREATED: Final = 50  # pages that are dropped in one
MOST_NOTES: Final = 1000

Column = Literal["signature", "fields", "heads"]

_LETTER: Final = "m.id, m.blob_id, m.prefix, m.size, m.envelope"
_PAGE: Final = "upto, letters, octets, ids, signature, fields, heads, bodies"
_NOTE: Final = (
    "INSERT INTO search_late (account_id, message_id, gone) VALUES (?, ?, ?)"
    " ON CONFLICT (account_id, message_id) DO UPDATE SET gone = excluded.gone"
)
_IDS: Final = {
    "sqlite": "(SELECT value AS id FROM json_each(:ids))",
    "postgres": "(SELECT unnest(CAST(:ids AS BIGINT[])) AS id)",
}


class Coverage(msgspec.Struct, frozen=True):
    """The pages speak for every message with an id up to ``upto`` that is not ``late``."""

    upto: int
    late: frozenset[int]

    def speaks_for(self, message_id: int) -> bool:
        """True when what the pages say of this message counts."""
        return message_id <= self.upto and message_id not in self.late


class Waiting(msgspec.Struct, frozen=True):
    """What an account has to be indexed; ``first_id`` is the oldest message that is not."""

    account_id: int
    unread: int
    first_id: int
    late: int


class Work(msgspec.Struct, frozen=True):
    """Some messages to be indexed, and the pages that will be written anew with them.

    ``letters`` are (id, blob id, prefix, size, envelope). ``late`` are ids that were noted;
    those of them that have no row in ``letters`` are gone. ``bound`` is the ``upto`` of the
    last page that will be written, ``reach`` what ``searched`` will be.
    """

    account_id: int
    searched: int
    reach: int
    bound: int
    pages: list[StoredPage]
    letters: list[Row]
    late: frozenset[int] = frozenset()


class Totals(msgspec.Struct, frozen=True):
    """The whole index. ``octets``: on disk."""

    messages: int
    waiting: int
    pages: int
    octets: int


def searched(tx: Tx, account_id: int) -> int:
    """How far the account is indexed: up to this id."""
    return number(tx, "SELECT searched FROM usage WHERE account_id = :account", account=account_id)


def coverage(tx: Tx, account_id: int) -> Coverage:
    """How far the account is indexed, and what is not although it is older."""
    late = tx.all(
        "SELECT message_id FROM search_late WHERE account_id = :account AND gone = 0",
        account=account_id,
    )
    return Coverage(searched(tx, account_id), frozenset([row[0] for row in late]))


def pages(
    tx: Tx,
    account_id: int,
    after: int,
    limit: int,
    columns: Sequence[Column],
    uptos: Sequence[int] | None = None,
) -> list[Row]:
    """(upto, octets, ids, these columns) of the next pages, or of the next of ``uptos``."""
    names = "".join([f", {name}" for name in columns])
    chosen = "" if uptos is None else f" AND upto IN ({_list(uptos) or '0'})"
    return tx.all(
        f"SELECT upto, octets, ids{names} FROM search_page WHERE account_id = :account"
        f" AND upto > :after{chosen} ORDER BY upto LIMIT :limit",
        account=account_id,
        after=after,
        limit=limit,
    )


def bodies(tx: Tx, account_id: int, uptos: Sequence[int]) -> Mapping[int, bytes]:
    """The column of the bodies of these pages, by ``upto``."""
    if not uptos:
        return {}
    rows = tx.all(
        "SELECT upto, bodies FROM search_page WHERE account_id = :account"
        f" AND upto IN ({_list(uptos)})",
        account=account_id,
    )
    return {row[0]: row[1] for row in rows}


def pages_for(tx: Tx, account_id: int, ids: Sequence[int]) -> list[int]:
    """The pages (``upto``) that messages with these ids would be in, ascending."""
    rows = tx.all(
        "SELECT DISTINCT (SELECT min(upto) FROM search_page p WHERE p.account_id = :account"
        f" AND p.upto >= wanted.id) AS upto FROM {_IDS[tx.engine]} AS wanted ORDER BY upto",
        account=account_id,
        ids=json.dumps(list(ids)) if tx.engine == "sqlite" else list(ids),
    )
    return [row[0] for row in rows if row[0] is not None]


def note(tx: Tx, account_id: int, ids: Iterable[int], *, gone: bool) -> None:
    """Messages have been added (or are gone); the caller has locked the account."""
    upto = searched(tx, account_id)
    write_notes(tx, [(account_id, ident, int(gone)) for ident in ids if ident <= upto])


def write_notes(tx: Tx, notes: Sequence[tuple[int, int, int]]) -> None:
    """(account, message, 1 when it is gone) of messages with ids up to ``searched``."""
    if notes:
        tx.many(_NOTE, notes)


def waiting(tx: Tx, after: int, limit: int) -> list[Waiting]:
    """What there is to be done for the next accounts, in the order of their ids."""
    rows = tx.all(
        "SELECT u.account_id,"
        " (SELECT count(*) FROM message m WHERE m.account_id = u.account_id"
        " AND m.id > u.searched),"
        " coalesce((SELECT min(m.id) FROM message m WHERE m.account_id = u.account_id"
        " AND m.id > u.searched), 0),"
        " (SELECT count(*) FROM search_late l WHERE l.account_id = u.account_id)"
        " FROM usage u WHERE u.account_id > :after ORDER BY u.account_id LIMIT :limit",
        after=after,
        limit=limit,
    )
    return [Waiting(*row) for row in rows]


def next_new(tx: Tx, account_id: int, before: int) -> Work | None:
    """The next messages with ids below ``before`` that are not indexed; None: there are none."""
    upto = searched(tx, account_id)
    letters = tx.all(
        f"SELECT {_LETTER} FROM message m WHERE m.account_id = :account AND m.id > :searched"
        " AND m.id < :before ORDER BY m.id LIMIT :chunk",
        account=account_id,
        searched=upto,
        before=before,
        chunk=CHUNK,
    )
    if not letters:
        return None
    letters = _bounded(letters)
    last = tx.all(
        f"SELECT {_PAGE} FROM search_page WHERE account_id = :account ORDER BY upto DESC LIMIT 1",
        account=account_id,
    )
    pages = [page for row in last if not is_full((page := StoredPage(*row)).letters, page.octets)]
    reach = letters[-1][0]
    return Work(account_id, upto, reach, reach, pages, letters)


def next_late(tx: Tx, account_id: int) -> Work | None:
    """The next page of which messages are late or gone; None: there is none."""
    upto = searched(tx, account_id)
    row = tx.one(
        "SELECT min(message_id) FROM search_late WHERE account_id = :account", account=account_id
    )
    if row is None or row[0] is None:
        return None
    found = tx.all(
        f"SELECT {_PAGE} FROM search_page WHERE account_id = :account AND upto >= :first"
        " ORDER BY upto LIMIT 1",
        account=account_id,
        first=row[0],
    )
    pages = [StoredPage(*row) for row in found]
    bound = pages[0].upto if pages else max(upto, row[0])
    noted = tx.all(
        "SELECT message_id FROM search_late WHERE account_id = :account"
        " AND message_id <= :bound ORDER BY message_id LIMIT :chunk",
        account=account_id,
        bound=bound,
        chunk=CHUNK,
    )
    late = [row[0] for row in noted]
    letters = tx.all(
        f"SELECT {_LETTER} FROM message m WHERE m.account_id = :account AND m.id <= :searched"
        f" AND m.id IN ({_list(late)}) ORDER BY m.id",
        account=account_id,
        searched=upto,
    )
    chosen = _bounded(letters)
    if len(chosen) < len(letters):
        late = [ident for ident in late if ident <= chosen[-1][0]]
    return Work(account_id, upto, upto, bound, pages, chosen, frozenset(late))


def finish(tx: Tx, work: Work, pages: Sequence[StoredPage]) -> bool:
    """Write the pages; False, and nothing is done, when something has changed meanwhile."""
    if not _lock(tx, work) or not _is_unchanged(tx, work):
        return False
    account = work.account_id
    for page in work.pages:
        _drop_page(tx, account, page.upto)
    tx.many(
        f"INSERT INTO search_page (account_id, {_PAGE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(account, *msgspec.structs.astuple(page)) for page in pages],
    )
    tx.many(
        "DELETE FROM search_late WHERE account_id = ? AND message_id = ?",
        [(account, ident) for ident in work.late],
    )
    if work.reach > work.searched:
        rows = tx.all(
            "SELECT id FROM message WHERE account_id = :account AND id > :searched"
            " AND id <= :reach",
            account=account,
            searched=work.searched,
            reach=work.reach,
        )
        there = {row[0] for row in rows}
        read = {row[0] for row in work.letters}
        write_notes(tx, [(account, ident, 0) for ident in sorted(there - read)])
        write_notes(tx, [(account, ident, 1) for ident in sorted(read - there)])
        _move(tx, account, work.reach)
    return True


def retreat(tx: Tx, account_id: int) -> bool:
    """Drop the last pages of an account; True when none is left."""
    row = tx.one(
        "UPDATE usage SET searched = searched WHERE account_id = :account RETURNING searched",
        account=account_id,
    )
    rows = tx.all(
        "SELECT upto FROM search_page WHERE account_id = :account ORDER BY upto DESC LIMIT :limit",
        account=account_id,
        limit=MOST_RETREATED + 1,
    )
    uptos = [row[0] for row in rows]
    for upto in uptos[:MOST_RETREATED]:
        _drop_page(tx, account_id, upto)
    reach = uptos[-1] if len(uptos) > MOST_RETREATED else 0
    if row is not None and row[0] > reach:
        _move(tx, account_id, reach)
    notes = tx.execute(
        "DELETE FROM search_late WHERE account_id = :account AND message_id IN (SELECT message_id"
        " FROM search_late WHERE account_id = :account AND message_id > :reach LIMIT :limit)",
        account=account_id,
        reach=reach,
        limit=MOST_NOTES,
    )
    return not reach and notes < MOST_NOTES


def indexed_accounts(tx: Tx, after: int, limit: int) -> list[int]:
    """The next accounts that have something in the index, in the order of their ids."""
    rows = tx.all(
        "SELECT account_id FROM usage WHERE account_id > :after AND searched > 0"
        " ORDER BY account_id LIMIT :limit",
        after=after,
        limit=limit,
    )
    return [row[0] for row in rows]


def totals(tx: Tx) -> Totals:
    """The whole index; reads every page's row, but not its columns."""
    pages = tx.one("SELECT count(*), coalesce(sum(octets), 0) FROM search_page")
    messages = tx.one("SELECT count(*) FROM message")
    unread = tx.one(
        "SELECT count(*) FROM usage u CROSS JOIN message m"
        " WHERE m.account_id = u.account_id AND m.id > u.searched"
    )
    late = tx.one("SELECT count(*) FROM search_late WHERE gone = 0")
    count = [int(row[0]) if row else 0 for row in (messages, unread, late, pages)]
    return Totals(count[0], count[1] + count[2], count[3], int(pages[1]) if pages else 0)


def take_turn(tx: Tx, holder: int, now: int, until: int) -> bool:
    """Let ``holder`` be the one who writes pages until then; False while another is."""
    tx.execute(
        "INSERT INTO search_turn (id, holder, until) VALUES (1, :holder, 0)"
        " ON CONFLICT (id) DO NOTHING",
        holder=holder,
    )
    taken = tx.execute(
        "UPDATE search_turn SET holder = :holder, until = :until"
        " WHERE id = 1 AND (holder = :holder OR until <= :now)",
        holder=holder,
        until=until,
        now=now,
    )
    return bool(taken)


def end_turn(tx: Tx, holder: int) -> None:
    """Let another have the turn at once."""
    tx.execute("UPDATE search_turn SET until = 0 WHERE holder = :holder", holder=holder)


def _lock(tx: Tx, work: Work) -> bool:
    row = tx.one(
        "UPDATE usage SET searched = searched WHERE account_id = :account RETURNING searched",
        account=work.account_id,
    )
    return row is not None and row[0] == work.searched


def _is_unchanged(tx: Tx, work: Work) -> bool:
    """The pages are those that were read, and what was noted is still there or gone."""
    for page in work.pages:
        row = tx.one(
            "SELECT ids FROM search_page WHERE account_id = :account AND upto = :upto",
            account=work.account_id,
            upto=page.upto,
        )
        if row is None or row[0] != page.ids:
            return False
    if not work.late:
        return True
    rows = tx.all(
        "SELECT id FROM message WHERE account_id = :account AND id <= :searched"
        f" AND id IN ({_list(sorted(work.late))})",
        account=work.account_id,
        searched=work.searched,
    )
    return {row[0] for row in rows} == {row[0] for row in work.letters}


def _bounded(letters: Sequence[Row]) -> list[Row]:
    """The first of these letters, of about ``CHUNK_OCTETS``."""
    chosen: list[Row] = []
    octets = 0
    for row in letters:
        octets += row[3]
        if chosen and octets > CHUNK_OCTETS:
            break
        chosen.append(row)
    return chosen


def _drop_page(tx: Tx, account_id: int, upto: int) -> None:
    tx.execute(
        "DELETE FROM search_page WHERE account_id = :account AND upto = :upto",
        account=account_id,
        upto=upto,
    )


def _move(tx: Tx, account_id: int, searched: int) -> None:
    tx.execute(
        "UPDATE usage SET searched = :searched WHERE account_id = :account",
        searched=searched,
        account=account_id,
    )


def _list(ids: Sequence[int]) -> str:
    return ",".join(map(str, ids))
