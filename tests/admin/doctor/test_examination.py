"""Whole examinations."""

import asyncio
from pathlib import Path

import msgspec

from postroom.admin.doctor import examination
from postroom.admin.doctor.examination import Order
from postroom.admin.doctor.finding import Report
from postroom.admin.open import open_office
from postroom.config.model import Config, Tls
from postroom.db.folder import DATABASE
from tests.admin.backup.vault import SMALL, config, letters, town
from tests.admin.tls.test_certificate_file import made
from tests.store.test_audit import injure


def settings(folder: Path) -> Config:
    return msgspec.structs.replace(config(folder), listen=())


async def install(folder: Path) -> None:
    async with open_office(settings(folder)) as office:
        await town(office)
        await letters(office, folder, SMALL)


def examine(folder: Path, **order: bool) -> Report:
    return asyncio.run(examination.examine(settings(folder), Order(offline=True, **order)))


def errors(report: Report) -> list[str]:
    return [one.check for one in report.findings if one.level == "error"]


def test_a_sound_install_is_well(tmp_path: Path) -> None:
    asyncio.run(install(tmp_path))
    report = examine(tmp_path, deep=True)
    assert report.is_well
    assert errors(report) == []
    assert report.checks == [
        "permissions", "disk", "ports", "database", "keys", "clock", "counters", "messages",
        "references", "files", "digests", "queue", "certificates", "world",
    ]  # fmt: skip


def test_what_is_mended_is_well(tmp_path: Path) -> None:
    asyncio.run(install(tmp_path))

    async def hurt() -> None:
        async with open_office(settings(tmp_path)) as office:
            await injure(
                office.store, "UPDATE mailbox SET messages = 9", "UPDATE blob SET refs = 4"
            )

    asyncio.run(hurt())
    (tmp_path / "data" / "secrets" / "seal").chmod(0o644)
    assert not examine(tmp_path).is_well
    assert examine(tmp_path, repair=True).is_well
    assert errors(examine(tmp_path)) == []


def test_a_database_that_is_none_ends_it(tmp_path: Path) -> None:
    asyncio.run(install(tmp_path))
    for name in (f"{DATABASE}-wal", f"{DATABASE}-shm"):
        (tmp_path / "data" / name).unlink(missing_ok=True)
    (tmp_path / "data" / DATABASE).write_bytes(b"nonsense" * 1000)
    report = examine(tmp_path, repair=True)
    assert errors(report) == ["database"]
    assert report.checks[-1] == "database"
    (found,) = (one for one in report.findings if one.check == "database")
    assert "postroom restore" in found.action


def test_a_certificate_file_for_somebody_else_is_said(tmp_path: Path) -> None:
    asyncio.run(install(tmp_path))
    chain, key = made(tmp_path / "given", "www.other.test")
    given = msgspec.structs.replace(
        settings(tmp_path), tls=Tls(certificate=str(chain), key=str(key))
    )
    report = asyncio.run(examination.examine(given, Order(offline=True)))
    (found,) = (one for one in report.findings if one.check == "certificates")
    assert (found.level, found.subject) == ("error", str(chain))
    assert "it is for www.other.test" in found.reason
    assert "systemctl reload" in found.action


def test_a_key_that_is_damaged_is_said(tmp_path: Path) -> None:
    asyncio.run(install(tmp_path))
    (tmp_path / "data" / "secrets" / "pepper").write_bytes(b"short")
    report = examine(tmp_path)
    assert [one.subject for one in report.findings if one.check == "keys"] == ["pepper"]


def test_rows_of_the_future_are_said(tmp_path: Path) -> None:
    asyncio.run(install(tmp_path))

    async def hurt() -> None:
        async with open_office(settings(tmp_path)) as office:
            await injure(office.store, "UPDATE alias SET id = 9000000000000000000",
                "INSERT INTO alias (id, hidden, created) VALUES (9000000000000000000, 0, 0)")  # fmt: skip

    asyncio.run(hurt())
    assert "clock" in errors(examine(tmp_path))
