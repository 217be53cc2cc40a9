"""Logins as rows."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from postroom.db.database import Tx
from postroom.policy import login_rows
from postroom.policy.login_rows import Row
from postroom.policy.logins import DAY_MS, Attempt, Counted
from tests.conftest import Opener
from tests.directory.town import towns
from tests.fakes import START

DAY = START // DAY_MS
GUESS = Attempt(DAY, 0, "ann@demo.test", "refused", "imap", "198.51.100.7", "password", 0)
ONCE = Counted(START, START, 1)


class Ids(msgspec.Struct):
    """An account, its own password and that of its phone."""

    account: int
    password: int
    phone: int

    def entered(self, credential: int, **changed: object) -> Attempt:
        one = Attempt(DAY, self.account, "", "in", "imap", "192.0.2.1", "password", credential)
        return msgspec.structs.replace(one, **changed)


def tell(database: Opener, data: Path, story: Callable[[Tx, Ids], None]) -> None:
    async def run() -> None:
        async with towns(database, data)() as town:
            await town.domain("demo.test")
            ann = await town.account("ann@demo.test", password="secret")
            await town.app_password("ann@demo.test", "phone")

            def ids(tx: Tx) -> Ids:
                rows = tx.all("SELECT id FROM credential ORDER BY kind DESC")
                return Ids(ann.id, rows[0][0], rows[1][0])

            await town.db.write(lambda tx: story(tx, ids(tx)))

    asyncio.run(run())


def test_a_row_says_with_which_password_and_how_often(database: Opener, data: Path) -> None:
    def story(tx: Tx, ids: Ids) -> None:
        phone, own = ids.entered(ids.phone), ids.entered(ids.password)
        code = ids.entered(ids.password, door="web", means="code")
        login_rows.put(tx, {phone: ONCE, own: ONCE, code: ONCE})
        login_rows.put(tx, {phone: Counted(START + 60, START + 90, 5)})
        found = login_rows.newest(tx, ids.account, limit=9)
        assert [(one.means, one.label, one.times) for one in found] == [
            ("app", "phone", 6),
            ("code", "", 1),
            ("password", "", 1),
        ]
        assert (found[0].first, found[0].last) == (START, START + 90)
        assert login_rows.count(tx, ids.account) == 3

    tell(database, data, story)


def test_a_guess_is_kept_with_whose_name_was_guessed(database: Opener, data: Path) -> None:
    def story(tx: Tx, ids: Ids) -> None:
        nobody = msgspec.structs.replace(GUESS, login="nobody@demo.test")
        nonsense = msgspec.structs.replace(GUESS, login="root")
        gone = ids.entered(ids.phone, account_id=ids.account + 1)
        login_rows.put(tx, {GUESS: ONCE, nobody: ONCE, nonsense: ONCE, gone: ONCE})
        (one,) = login_rows.newest(tx, ids.account, limit=9)
        assert (one.outcome, one.address, one.label) == ("refused", "198.51.100.7", "")
        assert tx.all("SELECT count(*) FROM login") == [(1,)]

    tell(database, data, story)


def test_pages_miss_nothing_and_repeat_nothing(database: Opener, data: Path) -> None:
    def story(tx: Tx, ids: Ids) -> None:
        attempts = {
            ids.entered(ids.phone, day=DAY - back, address=f"192.0.2.{number}"): Counted(
                START - back * DAY_MS, START - back * DAY_MS + number % 3, 1
            )
            for back in range(3)
            for number in range(11)
        }
        login_rows.put(tx, attempts)
        found: list[Row] = []
        below = login_rows.START
        while page := login_rows.newest(tx, ids.account, below=below, limit=4):
            found += page
            below = page[-1].key
        assert len({one.key for one in found}) == len(found) == 33
        assert [one.last for one in found] == sorted((one.last for one in found), reverse=True)

    tell(database, data, story)


def test_a_day_of_guesses_from_everywhere_stays_small(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_rows, "MOST_A_DAY", 5)

    def story(tx: Tx, ids: Ids) -> None:
        for turn in range(2):
            login_rows.put(
                tx,
                {
                    msgspec.structs.replace(GUESS, address=f"198.51.100.{number}"): ONCE
                    for number in range(turn * 4, turn * 4 + 12)
                },
            )
        rows = {one.address: one.times for one in login_rows.newest(tx, ids.account, limit=99)}
        assert rows == {
            **dict.fromkeys([f"198.51.100.{number}" for number in range(4)], 1),
            "198.51.100.4": 2,
            "": 7 + 11,
        }
        login_rows.put(tx, {ids.entered(ids.phone, day=DAY + 1): ONCE})
        assert login_rows.newest(tx, ids.account, limit=1)[0].address == "192.0.2.1"

    tell(database, data, story)


def test_old_days_are_forgotten_in_pieces(database: Opener, data: Path) -> None:
    def story(tx: Tx, ids: Ids) -> None:
        login_rows.put(tx, {ids.entered(ids.phone, day=DAY - number): ONCE for number in range(5)})
        assert login_rows.purge(tx, DAY - 1, limit=2) == 2
        assert login_rows.purge(tx, DAY - 1, limit=2) == 1
        assert login_rows.purge(tx, DAY - 1, limit=2) == 0
        assert [one.day for one in login_rows.newest(tx, ids.account, limit=9)] == [DAY, DAY - 1]

    tell(database, data, story)


def test_the_rows_go_with_their_account(database: Opener, data: Path) -> None:
    def story(tx: Tx, ids: Ids) -> None:
        login_rows.put(tx, {ids.entered(ids.phone): ONCE})
        for table in ("credential", "address"):
            tx.execute(f"DELETE FROM {table} WHERE account_id = :id", id=ids.account)
        tx.execute("DELETE FROM account WHERE id = :id", id=ids.account)
        assert login_rows.count(tx, ids.account) == 0

    tell(database, data, story)


def test_the_last_use_of_each_way_in(database: Opener, data: Path) -> None:
    def story(tx: Tx, ids: Ids) -> None:
        earlier = Counted(START - DAY_MS, START - DAY_MS, 1)
        login_rows.put(
            tx,
            {
                ids.entered(ids.phone, day=DAY - 1, address="192.0.2.9"): earlier,
                ids.entered(ids.phone): ONCE,
                ids.entered(ids.phone, door="submission"): ONCE,
                ids.entered(ids.password, day=DAY - 1): earlier,
                ids.entered(ids.password, outcome="half", door="web"): ONCE,
                GUESS: ONCE,
            },
        )
        found = login_rows.latest(tx, ids.account)
        assert [(one.means, one.label, one.last) for one in found] == [
            ("app", "phone", START),
            ("password", "", START - DAY_MS),
        ]

    tell(database, data, story)
