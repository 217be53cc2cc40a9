"""Whole imports: folders, what is left out, what comes again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from postroom.admin import accounts, domains
from postroom.admin.moving import importing
from postroom.admin.moving.importing import Order, Tally
from postroom.admin.office import Office
from postroom.errors import NotFound, Refused
from tests.access.shop import audit
from tests.admin.bureau import Story
from tests.admin.moving.test_maildir import make
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.store.letters import query

Tell = Callable[[Story], None]

ALICE = "alice@demo.test"


def fill(root: Path) -> Path:
    make(root)
    for number in range(5):
        (root / "cur" / f"{number}.x:2,S").write_bytes(b"A: %d\n\nx\n" % number)
    (root / "cur" / "9.empty").touch()
    make(root / ".Sent Items")
    (root / ".Sent Items" / "new" / "1").write_bytes(b"B: 1\n\n")
    make(root / ".50% off")
    return root


async def town(office: Office) -> None:
    await domains.add(office, "demo.test", generate=quick)
    await accounts.add(office, ALICE, password=None)


def test_an_import_goes_on_and_says_what_it_left_out(tell: Tell, tmp_path: Path) -> None:
    root = fill(tmp_path / "box")

    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        seen: list[Tally] = []
        source = importing.files("maildir", root)
        done = await importing.run(office, ALICE, source, Order(), seen.append)
        assert (done.filed, done.folders, done.left_out_count) == (6, 3, 1)
        assert not done.is_whole
        assert [(one.origin, one.reason) for one in done.left_out] == [
            (str(root / "cur" / "9.empty"), "it is empty")
        ]
        assert done.renamed == {"Sent Items": "Sent", "50% off": "50_ off"}
        assert seen[-1].done == seen[-1].total == 7
        again = await importing.run(office, ALICE, source, Order())
        assert (again.filed, again.known) == (0, 6)
        rows = await office.store.read(
            query,
            "SELECT b.name, e.flags FROM entry e JOIN mailbox b ON b.id = e.mailbox_id"
            " ORDER BY b.name, e.uid",
        )
        assert rows == [("INBOX", 1)] * 5 + [("Sent", 0)]
        await audit(office.store)

    tell(story)


def test_everything_goes_below_a_mailbox(tell: Tell, tmp_path: Path) -> None:
    root = fill(tmp_path / "box")

    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        source = importing.files("maildir", root)
        done = await importing.run(office, ALICE, source, Order(folder="Old"))
        assert done.renamed == {
            "INBOX": "Old",
            "Sent Items": "Old/Sent Items",
            "50% off": "Old/50_ off",
        }

    tell(story)


def test_one_mbox_goes_into_the_mailbox_itself(tell: Tell, tmp_path: Path) -> None:
    path = tmp_path / "letters"
    path.write_bytes(b"From a Thu Nov 26 02:36:09 2026\nA: 1\n\nx\n\n")

    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        done = await importing.run(
            office, ALICE, importing.files("mbox", path), Order(folder="Old")
        )
        assert (done.filed, done.renamed) == (1, {"letters": "Old"})

    tell(story)


def test_nobody_and_nothing(tell: Tell, tmp_path: Path) -> None:
    root = make(tmp_path / "box")

    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        source = importing.files("maildir", root)
        with pytest.raises(NotFound):
            await importing.run(office, "nobody@demo.test", source, Order())
        done = await importing.run(office, ALICE, source, Order())
        assert (done.filed, done.is_whole) == (0, True)

    tell(story)


def test_paths_that_are_no_mail(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there is no .*missing"):
        importing.files("mbox", tmp_path / "missing")
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="is a file; a Maildir is a folder"):
        importing.files("maildir", tmp_path / "file")
