"""Work that takes a while: rows of ``job``, who has taken them up, how far they are.

A job is taken up by holding it for a while, and held again as it goes on; a server that dies
leaves it to be taken up later. A secret is sealed in its row, and goes when it is not needed.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.db.database import Tx, number
from postroom.directory.sealing import open_sealed, seal
from postroom.errors import NotFound

State = Literal["waiting", "running", "done", "failed", "stopped"]

HELD_MS: Final = 60_000
NEWEST: Final = 1 << 62
MAX_STEP: Final = 300  # characters

_COLUMNS: Final = (
    "id, account_id, kind, lane, machine, title, asked_by, wish, state, held_until, done, total,"
    " step, told, created, ended"
)


class Job(msgspec.Struct, frozen=True):
    """One of them. See the columns of the table; times in ms."""

    id: int
    account_id: int | None
    kind: str
    lane: str
    machine: str
    title: str
    asked_by: str
    wish: str
    state: State
    held_until: int
    done: int
    total: int
    step: str
    told: str
    created: int
    ended: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state in {"waiting", "running"}


def add(tx: Tx, job: Job, secret: str, seal_key: bytes) -> None:
    """A new one; ``secret`` "" for none."""
    tx.execute(
        f"INSERT INTO job ({_COLUMNS}, stop, secret) VALUES (:id, :account_id, :kind, :lane,"
        " :machine, :title, :asked_by, :wish, :state, :held_until, :done, :total, :step, :told,"
        " :created, NULL, 0, :secret)",
        id=job.id,
        account_id=job.account_id,
        kind=job.kind,
        lane=job.lane,
        machine=job.machine,
        title=job.title,
        asked_by=job.asked_by,
        wish=job.wish,
        state=job.state,
        held_until=job.held_until,
        done=job.done,
        total=job.total,
        step=job.step,
        told=job.told,
        created=job.created,
        secret=seal(seal_key, secret.encode(), _context(job.id)) if secret else None,
    )


def newest(tx: Tx, account_id: int | None, *, below: int = NEWEST, limit: int) -> list[Job]:
    """The latest first, with ids under ``below``; of an account, or of all."""
    where, given = _whose(account_id)
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM job WHERE id < :below{where} ORDER BY id DESC LIMIT :limit",
        below=below,
        limit=limit,
        **given,
    )
    return [Job(*row) for row in rows]


def count(tx: Tx, account_id: int | None) -> int:
    """How many there are, of an account or of all."""
    where, given = _whose(account_id)
    return number(tx, f"SELECT count(*) FROM job WHERE id > 0{where}", **given)


def open_in(tx: Tx, lane: str) -> int:
    """How many of a lane have not ended."""
    return number(
        tx,
        "SELECT count(*) FROM job WHERE lane = :lane AND state IN ('waiting', 'running')",
        lane=lane,
    )


def require(tx: Tx, ident: int, account_id: int | None = None) -> Job:
    """The one with this id, of an account if one is named; raises NotFound."""
    where, given = _whose(account_id)
    row = tx.one(f"SELECT {_COLUMNS} FROM job WHERE id = :id{where}", id=ident, **given)
    if row is None:
        raise NotFound("there is no such job any more")
    return Job(*row)


def secret(tx: Tx, ident: int, seal_key: bytes) -> str:
    """Its secret, "" for none. Raises NotFound; StorageFailed when it can't be opened."""
    row = tx.one("SELECT secret FROM job WHERE id = :id", id=ident)
    if row is None:
        raise NotFound("it has just been removed")
    return "" if row[0] is None else open_sealed(seal_key, bytes(row[0]), _context(ident)).decode()


def take(tx: Tx, machine: str, now: int, limit: int) -> list[Job]:
    """Take up some that wait or that nobody holds any more; of a lane one at a time."""
    waiting = tx.all(
        "SELECT id, lane, held_until FROM job j WHERE state IN ('waiting', 'running')"
        " AND held_until < :now AND machine IN ('', :machine)"
        " AND NOT EXISTS (SELECT 1 FROM job o WHERE o.lane = j.lane AND o.state = 'running'"
        " AND o.held_until >= :now) ORDER BY id LIMIT :limit",
        now=now,
        machine=machine,
        limit=10 * limit,
    )
    found: dict[str, Job] = {}
    for ident, lane, held in waiting:
        if lane in found or len(found) == limit:
            continue
        rows = tx.all(
            "UPDATE job SET state = 'running', held_until = :until WHERE id = :id"
            f" AND held_until = :before RETURNING {_COLUMNS}",
            until=now + HELD_MS,
            id=ident,
            before=held,
        )
        if rows:
            found[lane] = Job(*rows[0])
    return list(found.values())


def note(tx: Tx, ident: int, done: int, total: int, step: str, now: int) -> bool:
    """How far it is; it is held for longer. False: it is to stop, or was let go of."""
    rows = tx.all(
        "UPDATE job SET done = :done, total = :total, step = :step, held_until = :until"
        " WHERE id = :id AND state = 'running' AND held_until > 0 RETURNING stop",
        done=done,
        total=total,
        step=step[:MAX_STEP],
        until=now + HELD_MS,
        id=ident,
    )
    return bool(rows) and not rows[0][0]


def settle(tx: Tx, ident: int, state: State, told: str, now: int) -> None:
    """It has ended; the secret stays only where it may be begun again."""
    tx.execute(
        "UPDATE job SET state = :state, told = :told, ended = :now, held_until = 0, stop = 0"
        " WHERE id = :id",
        state=state,
        told=told,
        now=now,
        id=ident,
    )
    if state == "done":
        tx.execute("UPDATE job SET secret = NULL WHERE id = :id", id=ident)


def let_go(tx: Tx, machine: str, *, of_all: bool) -> None:
    """What this machine held may be taken up at once; ``of_all``: there is no other server."""
    tx.execute(
        "UPDATE job SET held_until = 0 WHERE state = 'running'"
        " AND (machine = :machine OR (machine = '' AND :all = 1))",
        machine=machine,
        all=int(of_all),
    )


def release(tx: Tx, ident: int) -> None:
    """It was broken off: it may be taken up again at once."""
    tx.execute("UPDATE job SET held_until = 0 WHERE id = :id AND state = 'running'", id=ident)


def stop(tx: Tx, ident: int, now: int) -> None:
    """Let it stop: at once when it waits, else soon."""
    tx.execute("UPDATE job SET stop = 1 WHERE id = :id AND state = 'running'", id=ident)
    tx.execute(
        "UPDATE job SET state = 'stopped', ended = :now WHERE id = :id AND state = 'waiting'",
        id=ident,
        now=now,
    )


def again(tx: Tx, ident: int, wish: str) -> None:
    """Let one that has ended wait again, with this wish."""
    tx.execute(
        "UPDATE job SET state = 'waiting', wish = :wish, held_until = 0, stop = 0, done = 0,"
        " step = '', told = '', ended = NULL WHERE id = :id"
        " AND state IN ('done', 'failed', 'stopped')",
        id=ident,
        wish=wish,
    )


def remove(tx: Tx, ident: int) -> None:
    """Forget one."""
    tx.execute("DELETE FROM job WHERE id = :id", id=ident)


def purge(tx: Tx, before: int, limit: int = 1000) -> int:
    """Forget some that ended before; how many."""
    return tx.execute(
        "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE ended < :before LIMIT :limit)",
        before=before,
        limit=limit,
    )


def forget_secrets(tx: Tx, before: int) -> int:
    """Of those that ended before; how many there were."""
    return tx.execute(
        "UPDATE job SET secret = NULL WHERE ended < :before AND secret IS NOT NULL", before=before
    )


def needing_files(tx: Tx, idents: Sequence[int], kept_since: int) -> dict[int, bool]:
    """Which of these jobs are there, and whether they need their files: open, or ended since."""
    found: dict[int, bool] = {}
    for ident in idents:
        row = tx.one("SELECT ended FROM job WHERE id = :id", id=ident)
        if row is not None:
            found[ident] = row[0] is None or row[0] >= kept_since
    return found


def _whose(account_id: int | None) -> tuple[str, dict[str, int]]:
    if account_id is None:
        return "", {}
    return " AND account_id = :account", {"account": account_id}


def _context(ident: int) -> bytes:
    return b"job:%d" % ident
