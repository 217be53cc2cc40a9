"""What follows from the parts of a letter."""

import asyncio
from pathlib import Path

import msgspec

from postroom.ledger.rows import Fact
from postroom.store.filing import Filed
from tests.conftest import Opener
from tests.post.office import HEAD, letter, office


def test_references_count_messages_and_the_queue(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            assert letter(place, 1).references == 1
            assert letter(place, 1, 2).references == 2
            assert letter(place, remote=("b@x.test", "c@x.test")).references == 1
            both = letter(place, 1, remote=("b@x.test",))
            assert both.references == 2
            twice = msgspec.structs.replace(
                both.copies[0], mailbox="Work"
            )  # the same message in another mailbox
            assert msgspec.structs.replace(both, copies=(*both.copies, twice)).references == 2
            other = letter(place, 1)
            several = msgspec.structs.replace(
                letter(place, 1), copies=both.copies + other.copies, more=(other.blob,)
            )
            assert several.references == 1
            assert several.blobs == (several.blob, other.blob)
            assert several.weight > 2 * len(HEAD)

    asyncio.run(run())


def test_facts_follow_from_copies_and_deliveries(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            one = letter(place, 1, remote=("C@x.test",))
            assert one.entry is not None
            note = Fact(0, 0, one.entry.at, "noted", "", detail="line ends mended")
            one = msgspec.structs.replace(one, facts=(note,))
            facts = one.told([Filed(1, 1, 5, 9, 2)])
            assert [(f.number, f.kind, f.recipient, f.detail) for f in facts] == [
                (1, "filed", "user1@demo.test", ""),
                (2, "queued", "c@x.test", "x.test"),
                (3, "noted", "", "line ends mended"),
            ]
            assert one.entry is not None
            assert {f.ledger_id for f in facts} == {one.entry.id}
            assert (facts[0].account_id, facts[0].mailbox_id, facts[0].uid) == (1, 1, 9)
            assert letter(place, 1, with_entry=False).told([Filed(1, 1, 5, 9, 2)]) == []

    asyncio.run(run())


def test_the_weight_grows_with_octets_and_rows(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            small = letter(place, 1)
            assert small.weight < letter(place, 1, 2).weight
            blob = place.blobs.writer().write_small(b"", bytes(range(256)) * 100)
            assert letter(place, 1, blob=blob).weight > small.weight

    asyncio.run(run())
