import asyncio
from pathlib import Path

import apsw

from postroom.db import health
from postroom.db.folder import DATABASE
from postroom.db.open import open_database


async def make(data: Path) -> None:
    await (await open_database(data)).close()


def test_a_whole_database_has_no_faults(data: Path) -> None:
    assert health.faults(data, deep=True) == []
    asyncio.run(make(data))
    assert health.faults(data, deep=False) == health.faults(data, deep=True) == []


def test_damaged_pages_and_keys_are_found(data: Path) -> None:
    asyncio.run(make(data))
    path = data / DATABASE
    connection = apsw.Connection(str(path))
    connection.execute(
        "INSERT INTO address (id, domain_id, canonical, written, main, live)"
        " VALUES (1, 99, 'a', 'a', 1, 1)"
    )
    connection.close()
    assert health.faults(data, deep=False) == ["a row of address names none of domain"]
    octets = bytearray(path.read_bytes())
    octets[8192:20480] = b"\xff" * 12288
    path.write_bytes(octets)
    assert health.faults(data, deep=False)
    path.write_bytes(b"nonsense" * 1000)
    assert health.faults(data, deep=False) == ["file is not a database"]
