"""Copies of a PostgreSQL database, and what comes back of them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from postroom.db import dump
from postroom.db.database import StatementRefused
from postroom.db.migrate import available
from postroom.db.open import open_database
from postroom.db.tables import TABLES, Tables, read
from postroom.errors import Refused, StorageFailed
from tests.databases import fresh, renamed

NOW = 1_790_000_000_000


def nothing(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def empty(postgres: str) -> Iterator[str]:
    """A database without any table."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(b"CREATE DATABASE blank")
        try:
            yield renamed(postgres, "blank")
        finally:
            connection.execute(b"DROP DATABASE blank WITH (FORCE)")


@pytest.fixture
def full(postgres: str) -> Iterator[str]:
    """One with rows that refer to each other, and octets of every kind."""
    with fresh(postgres) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            b"INSERT INTO domain (id, name, alias_of, separators, case_sensitive, dots_ignored,"
            b" created) VALUES (2, 'a\\b''.test', NULL, '+', 0, 0, 1),"
            b" (1, 'alias.test', 2, E'\\t', 0, 0, 1)"
        )
        connection.execute(
            b"INSERT INTO blob (id, head, body, place, head_size, body_size, frames, digest, refs)"
            b" VALUES (5, %s, NULL, 0, 3, 0, %s, %s, 1)",
            (bytes(range(256)), b"", b"\0" * 70_000),
        )
        yield url


def rows(url: str, *names: str) -> list[list[Any]]:
    with psycopg.connect(url) as connection:
        return [
            connection.execute(f"SELECT * FROM {name} ORDER BY 1".encode()).fetchall()
            for name in names
        ]


def test_everything_comes_back(full: str, empty: str, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    dump.take(full, tmp_path / "copy", lambda *so_far: told.append(so_far))
    copy = read(tmp_path / "copy")
    assert told[-1] == (len(copy.tables), len(copy.tables))
    assert copy.schema == max(one.number for one in available())
    assert {one.name: one.rows for one in copy.tables}["domain"] == 2
    assert "schema_version" not in {one.name for one in copy.tables}
    dump.bring_back(empty, tmp_path / "copy", NOW, nothing)
    names = [one.name for one in copy.tables]
    assert rows(empty, *names) == rows(full, *names)
    assert len(rows(empty, "schema_version")[0]) == len(available())


def test_it_is_the_state_of_one_moment(full: str, tmp_path: Path) -> None:
    def meddle(done: int, _total: int) -> None:
        if done == 1:
            with psycopg.connect(full, autocommit=True) as other:
                other.execute(b"DELETE FROM blob")
                other.execute(b"UPDATE domain SET name = 'later.test' WHERE id = 2")

    dump.take(full, tmp_path / "copy", meddle)
    counts = {one.name: one.rows for one in read(tmp_path / "copy").tables}
    assert counts["blob"] == 1
    assert b"a\\b'.test" in (tmp_path / "copy" / "domain.copy").read_bytes()


def test_what_is_there_is_not_written_over(full: str, tmp_path: Path) -> None:
    dump.take(full, tmp_path / "copy", nothing)
    before = rows(full, "domain", "blob")
    with pytest.raises(Refused, match="not empty .its table domain has rows"):
        dump.bring_back(full, tmp_path / "copy", NOW, nothing)
    assert rows(full, "domain", "blob") == before
    with pytest.raises(FileExistsError):
        dump.take(full, tmp_path / "copy", nothing)


def test_all_or_nothing(full: str, empty: str, tmp_path: Path) -> None:
    dump.take(full, tmp_path / "copy", nothing)
    octets = (tmp_path / "copy" / "domain.copy").read_bytes()
    (tmp_path / "copy" / "domain.copy").write_bytes(octets[:-20])
    with pytest.raises(StatementRefused):
        dump.bring_back(empty, tmp_path / "copy", NOW, nothing)
    assert rows(empty, "domain", "blob") == [[], []]
    (tmp_path / "copy" / "domain.copy").write_bytes(octets)
    dump.bring_back(empty, tmp_path / "copy", NOW, nothing)
    assert len(rows(empty, "domain")[0]) == 2


def test_an_older_copy_gets_its_schema_and_is_brought_up_to_date(
    postgres: str, full: str, empty: str, tmp_path: Path
) -> None:
    newest = max(one.number for one in available())
    dump.take(full, tmp_path / "copy", nothing)
    kept = [one for one in read(tmp_path / "copy").tables if one.name in {"domain", "version"}]
    octets = msgspec.json.encode(Tables(1, tuple(kept)))
    (tmp_path / "copy" / TABLES).write_bytes(octets)
    with fresh(postgres) as url, pytest.raises(Refused, match=f"has schema {newest} already"):
        dump.bring_back(url, tmp_path / "copy", NOW, nothing)
    dump.bring_back(empty, tmp_path / "copy", NOW, nothing)
    assert rows(empty, "schema_version")[0][-1][0] == 1

    async def run() -> None:
        db = await open_database(tmp_path / "data", empty)
        await db.close()

    asyncio.run(run())
    assert rows(empty, "schema_version")[0][-1][0] == newest
    assert len(rows(empty, "domain")[0]) == 2


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        dump.take("postgresql://127.0.0.1:1/none", tmp_path / "copy", nothing)
