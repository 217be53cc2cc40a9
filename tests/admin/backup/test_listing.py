import asyncio
from pathlib import Path

import msgspec

from postroom.admin.backup import layout, listing, schedule, verify
from postroom.admin.open import open_office
from postroom.config.backup import Backup
from tests.admin.backup.vault import config, letters, town


def test_backups_are_listed_with_what_their_verification_found(tmp_path: Path) -> None:
    root = tmp_path / "safe"
    settings = msgspec.structs.replace(config(tmp_path), backup=Backup(path=str(root), every=2))

    async def run() -> None:
        async with open_office(settings) as office:
            await town(office)
            await letters(office, tmp_path, b"S: 1\n\nx\n")
            empty = await listing.every(office)
            assert empty is not None
            assert (empty.items, empty.next) == ((), None)
            taken = await schedule.take(office)
            found = await listing.every(office)
            assert found is not None
            (one,) = found.items
            assert (one.files, one.octets) == (taken.files, taken.octets)
            assert (one.verified, one.faults) == (None, None)
            assert found.next is not None
            assert (found.next - one.created).total_seconds() == 7200
            await verify.verify(Path(taken.folder))
            found = await listing.every(office)
            assert found is not None
            assert found.items[0].faults == 0
            assert found.items[0].verified is not None
            state = layout.read(Path(taken.folder)).state
            (Path(taken.folder) / state / "postroom.sqlite").write_bytes(b"other")
            await verify.verify(Path(taken.folder))
            found = await listing.every(office)
            assert found is not None
            assert (found.items[0].faults or 0) > 0
            (Path(taken.folder) / layout.MANIFEST).write_bytes(b"{")
            found = await listing.every(office)
            assert found is not None
            assert (found.items, "is damaged" in found.problem) == ((), True)

    asyncio.run(run())


def test_without_a_folder_there_is_no_list(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_office(config(tmp_path)) as office:
            assert await listing.every(office) is None

    asyncio.run(run())
