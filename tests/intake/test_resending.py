"""Who redirects a message that his script has changed sends on what he has made of it."""

import asyncio
from pathlib import Path

import pytest

from postroom.blobs.store import BlobStore, BlobWriter
from postroom.errors import StorageFailed
from tests.conftest import Opener
from tests.intake.desk import LARGE, LETTER, desk, nothing_left
from tests.intake.test_outcomes import run_script

EDIT = 'require "editheader"; addheader "X-Mark" "1"; deleteheader "Subject";'


@pytest.mark.parametrize("octets", [LETTER, LARGE], ids=["small", "large"])
def test_the_changed_header_block_leaves(database: Opener, data: Path, octets: bytes) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            script = (
                'require "editheader"; redirect :copy "plain@elsewhere.test";'
                ' addheader "X-Mark" "1"; deleteheader "Subject";'
                ' redirect "b@elsewhere.test"; redirect :copy "c@other.test";'
            )
            status, told, _ = await run_script(here, script, octets=octets)
            assert status == "250 2.0.0"
            leaving = dict(await here.leaving())
            assert sorted(leaving) == ["b@elsewhere.test", "c@other.test", "plain@elsewhere.test"]
            assert leaving["plain@elsewhere.test"].endswith(octets)
            changed = leaving["b@elsewhere.test"]
            assert leaving["c@other.test"] == changed
            head, _, body = changed.partition(b"\r\n\r\n")
            assert head.startswith(b"Delivered-To: bob@local.test\r\nReceived: ")
            assert b"\r\nX-Mark: 1\r\n" in head
            assert b"Subject:" not in head
            assert body == octets.partition(b"\r\n\r\n")[2]
            queued = await here.queued()
            assert queued["sender"].endswith(b"=client.example=ann@local.test")
            notes = [detail for kind, _, detail in told if kind == "noted"]
            assert notes[-1].startswith(
                "redirected to b@elsewhere.test, c@other.test with other header fields, id "
            )
            counts = await here.counts()
            assert (counts["ledger"], counts["queued"], counts["blob"]) == (2, 2, 2)

    asyncio.run(run())


def test_nothing_is_left_when_the_disk_fails_between_the_copies(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:

            class Torn(BlobStore):
                opened = 0

                def writer(self) -> BlobWriter:
                    self.opened += 1  # as it came, as it is kept, as it goes on
                    if self.opened == 3:
                        raise StorageFailed(detail="no more files")
                    return super().writer()

            here.change(blobs=Torn(data, here.db.engine, here.ids))
            script = EDIT + 'redirect :copy "b@elsewhere.test"; keep;'
            status, _, _ = await run_script(here, script, octets=LARGE)
            assert status == "451 4.3.0"
            await nothing_left(here)

    asyncio.run(run())


def test_a_copy_in_the_mailbox_is_changed_too(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await run_script(here, EDIT + 'redirect :copy "b@elsewhere.test"; keep;')
            (filed,) = await here.inbox(here.bob)
            ((_, left),) = await here.leaving()
            assert filed.partition(b"Received: ")[2] == left.partition(b"Received: ")[2]
            refs = await here.db.read(lambda tx: tx.all("SELECT refs FROM blob"))
            assert refs == [(1,), (1,)]

    asyncio.run(run())
