"""Two servers on one PostgreSQL, each with a data folder of its own."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from postroom.db.ids import NODE_BITS, SEQUENCE_BITS
from rig.load import LARGE, Journal, Load, compare, letter, stored
from rig.server import DOMAIN, Server
from tests.databases import fresh
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


@pytest.fixture(scope="module")
def url(postgres: str) -> Iterator[str]:
    with fresh(postgres) as made:
        yield made


@pytest.fixture(scope="module")
def nodes(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Both run, with the same keys."""
    folder = tmp_path_factory.mktemp("nodes")
    first, second = (Server(folder / name, database=url, settings=MANY) for name in "ab")
    first.add_account(ALICE, PASSWORD)
    second.data.mkdir(mode=0o700)
    shutil.copytree(first.data / "secrets", second.data / "secrets")
    with first, second:
        yield first, second
    assert not [line for one in (first, second) for line in one.log if "session.failed" in line]


def test_a_server_with_other_keys_is_refused(
    nodes: tuple[Server, Server], url: str, tmp_path: Path
) -> None:
    stranger = Server(tmp_path, database=url)
    with pytest.raises(RuntimeError, match="copy that folder"):
        stranger.start()
    assert all(takes(one, ALICE) for one in nodes)


def test_what_one_accepts_the_other_shows(nodes: tuple[Server, Server]) -> None:
    first, second = nodes
    token = uuid.uuid4().hex
    with mailbox(second) as there, Idle(second) as idle:
        before = len(there.search(None, "ALL")[1][0].split())
        send(first, letter(token, LARGE))
        assert exists(there) == before + 1
        assert idle.news() == before + 1  # within about a second, without a word from us
        _, items = there.fetch(str(before + 1), "(BODY.PEEK[])")
        assert isinstance(items[0], tuple)
        assert items[0][1].endswith(letter(token, LARGE))


def test_an_expunge_at_one_wakes_who_idles_at_the_other(nodes: tuple[Server, Server]) -> None:
    first, second = nodes
    send(first, letter(uuid.uuid4().hex, 200))
    with Idle(first) as idle, mailbox(second) as there:
        there.store("1", "+FLAGS.SILENT", r"(\Deleted)")
        there.expunge()
        assert idle.until(b"* 1 EXPUNGE")


def test_a_change_by_a_command_reaches_both(nodes: tuple[Server, Server]) -> None:
    first, second = nodes
    for one in nodes:
        assert not takes(one, f"sales@{DOMAIN}")  # remembered by both from here on
    second.command("alias", "add", f"sales@{DOMAIN}", ALICE)
    assert takes(second, f"sales@{DOMAIN}")  # at once: it was hinted
    assert eventually(lambda: takes(first, f"sales@{DOMAIN}"))
    first.add_account(f"dora@{DOMAIN}", PASSWORD)
    for one in nodes:
        assert eventually(lambda one=one: logs_in(one, f"dora@{DOMAIN}", PASSWORD))  # type: ignore[misc]
    first.command("account", "disable", f"dora@{DOMAIN}")
    for one in nodes:
        assert not logs_in(one, f"dora@{DOMAIN}", PASSWORD)  # a login always looks
    second.command("alias", "remove", f"sales@{DOMAIN}")
    assert eventually(lambda: not takes(first, f"sales@{DOMAIN}"))


def test_an_app_password_made_at_one_works_at_the_other(nodes: tuple[Server, Server]) -> None:
    first, second = nodes
    made = first.json("account", "app-password", "add", ALICE, "--label", "phone")
    assert logs_in(second, ALICE, made["password"])


def test_both_take_letters_at_once_with_ids_of_their_own(
    nodes: tuple[Server, Server], url: str
) -> None:
    first, second = nodes
    bob = f"both@{DOMAIN}"
    first.add_account(bob, PASSWORD)
    assert eventually(lambda: all(takes(one, bob) for one in nodes))
    journal = Journal()
    loads = [
        Load(one.ports["smtp"], bob, connections=4, journal=journal, letters=150) for one in nodes
    ]
    for load in loads:
        load.start()
    assert eventually(lambda: all(load.finished for load in loads))
    verdict = compare(journal, stored(second.ports["imap"], bob, PASSWORD))
    assert verdict.good, verdict
    assert (verdict.acknowledged, verdict.duplicates, journal.refused) == (300, 0, 0)
    with psycopg.connect(url) as connection:
        ids = connection.execute(b"SELECT id FROM ledger").fetchall()
    numbers = {(row[0] >> SEQUENCE_BITS) % (1 << NODE_BITS) for row in ids}
    assert numbers == {0, 1}
