"""Crashes of the server and of its PostgreSQL under load: nothing acknowledged is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.load import LARGE, Journal, Load, compare, stored
from rig.postgresql import PostgreSQL
from rig.server import Server
from tests.system.clients import (
    ALICE,
    PASSWORD,
    Idle,
    eventually,
    exists,
    logs_in,
    mailbox,
    send,
    takes,
)

MANY = "[limits]\nmax_connections_per_ip = 1000"
LETTER = b"Subject: after\r\n\r\nthe outage\r\n"
ENOUGH = 60  # letters acknowledged between two crashes


@pytest.fixture
def own_postgres() -> Iterator[PostgreSQL]:
    """One that a test may stop and start."""
    with PostgreSQL() as made:
        yield made


@pytest.fixture
def server(own_postgres: PostgreSQL, tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path, database=own_postgres.url, settings=MANY)
    made.add_account(ALICE, PASSWORD)
    with made:
        yield made
    assert not [line for line in made.log if "session.failed" in line]  # an outage is no fault


def size(number: int) -> int:
    """Mostly small letters; one in twenty is stored in frames."""
    return LARGE if number % 20 == 19 else 4_000


class Loaded:
    """A server under load."""

    def __init__(self, server: Server) -> None:
        self.journal = Journal()
        self._load = Load(
            server.ports["smtp"], ALICE, connections=8, journal=self.journal, size=size
        )
        self._server = server
        self._load.start()

    def goes_on(self) -> bool:
        """Wait until more letters were acknowledged."""
        goal = len(self.journal.acknowledged) + ENOUGH
        return eventually(lambda: len(self.journal.acknowledged) >= goal)

    def judge(self) -> None:
        """End it; everything acknowledged is there, nothing that was refused is."""
        self._load.stop()
        verdict = compare(self.journal, stored(self._server.ports["imap"], ALICE, PASSWORD))
        assert verdict.good, verdict
        assert verdict.acknowledged >= ENOUGH


def test_sigkill_of_the_server(server: Server) -> None:
    loaded = Loaded(server)
    for _ in range(3):
        assert loaded.goes_on()
        server.kill()
        server.start()
    assert loaded.goes_on()
    loaded.judge()


def test_postgresql_crashes_and_comes_back(server: Server, own_postgres: PostgreSQL) -> None:
    """The server is not restarted: it answers 4yz meanwhile and goes on by itself."""
    loaded = Loaded(server)
    for _ in range(3):
        assert loaded.goes_on()
        refused = loaded.journal.refused
        own_postgres.stop()
        assert eventually(lambda before=refused: loaded.journal.refused > before)  # type: ignore[misc]
        own_postgres.start()
    assert loaded.goes_on()
    loaded.judge()


def test_sessions_live_through_an_outage(server: Server, own_postgres: PostgreSQL) -> None:
    send(server, LETTER)
    with mailbox(server) as there, Idle(server) as idle:
        assert there.search(None, "ALL")[1] == [b"1"]
        own_postgres.stop()
        assert there.fetch("1", "(BODY.PEEK[])")[0] == "NO"
        assert there.create("New")[0] == "NO"
        assert eventually(lambda: not takes(server, ALICE))  # after what is remembered
        assert not logs_in(server, ALICE, PASSWORD)
        own_postgres.start()
        assert eventually(lambda: takes(server, ALICE))
        send(server, LETTER)
        assert idle.news() == 2
        assert eventually(lambda: there.fetch("1", "(BODY.PEEK[])")[0] == "OK")
        assert exists(there) == 2 or there.search(None, "ALL")[1] == [b"1 2"]
        assert eventually(lambda: logs_in(server, ALICE, PASSWORD))


def test_a_server_without_its_database_says_so_and_does_not_start(
    server: Server, own_postgres: PostgreSQL
) -> None:
    server.stop()
    own_postgres.stop()
    with pytest.raises(RuntimeError, match="PostgreSQL can't be used"):
        server.start()
    own_postgres.start()
    server.start()
    assert takes(server, ALICE)
