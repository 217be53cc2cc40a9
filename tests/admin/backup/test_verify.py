"""Every way in which a backup may be damaged is seen."""

import asyncio
from pathlib import Path

import pytest

from postroom.admin.backup import layout, taking, verify
from postroom.admin.backup.taking import Order
from postroom.admin.open import open_office
from tests.admin.backup.vault import config, large, letters, town


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    async def run() -> None:
        async with open_office(config(tmp_path)) as office:
            await town(office)
            await letters(office, tmp_path, large(1), large(2))
            await taking.take(office, tmp_path / "safe", Order(links=False))

    asyncio.run(run())
    return tmp_path / "safe"


def faults(folder: Path) -> list[str]:
    return asyncio.run(verify.verify(folder)).faults


def test_a_file_that_was_changed_or_removed(safe: Path) -> None:
    assert faults(safe) == []
    one, two = layout.bodies(safe)
    (safe / one).write_bytes(b"x")
    (safe / two).unlink()
    assert faults(safe) == [
        f"{one} is not what was written",
        f"{two} is missing or can't be read",
        f"{two} is missing, and a message needs it",
    ]


def test_a_list_that_was_changed(safe: Path) -> None:
    path = safe / layout.read(safe).state / layout.DIGESTS
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[1:]))
    (fault,) = faults(safe)
    assert fault.endswith("digests.sha256 is not what was written")
    path.write_text("".join(lines) + "nonsense")
    assert len(faults(safe)) == 2
    path.unlink()
    assert len(faults(safe)) == 2


def test_a_database_that_was_changed(safe: Path) -> None:
    path = safe / layout.read(safe).state / "postroom.sqlite"
    path.write_bytes(b"nonsense")
    found = faults(safe)
    assert found[0].endswith("postroom.sqlite is not what was written")
    assert "is no database that can be read" in found[1]


def test_no_more_are_named_than_people_read(safe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "MOST", 1)
    for one in layout.bodies(safe):
        (safe / one).unlink()
    assert len(faults(safe)) == 1
