"""What has happened with an account of late."""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from postroom.admin import accounts, activity, credentials, domains, forwards, masks, names
from postroom.admin.actor import Actor, acting
from postroom.admin.audit import AuditView
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.db.ids import to_text
from postroom.directory import accounts as directory
from postroom.errors import NotFound
from postroom.ledger import segments
from postroom.ledger.rows import Fact, note
from postroom.policy import login_rows
from postroom.policy.logins import DAY_MS, Attempt, Counted
from postroom.post.commit import Post
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.post.office import letter

Tell = Callable[[Story], None]
ANN, BOB = "ann@demo.test", "bob@demo.test"


async def people(office: Office) -> None:
    await domains.add(office, "demo.test", generate=quick)
    await accounts.add(office, ANN, password="secret-One-1", name="Ann")
    await accounts.add(office, BOB, password="secret-One-1")


async def id_of(office: Office, address: str) -> int:
    return (
        await office.directory.look(lambda tx: directory.require(tx, names.address(address)))
    ).id


async def submit(office: Office, address: str, subject: str, to: Sequence[str]) -> int:
    """Somebody sends to people elsewhere; the queue id."""
    ident = await id_of(office, address)
    one = letter(office, remote=tuple(to), sender=address)
    assert one.entry is not None
    entry = msgspec.structs.replace(
        one.entry, account_id=ident, subject=subject, door="submission", peer="192.0.2.7"
    )
    one = msgspec.structs.replace(one, entry=entry)
    await Post(office.db, office.blobs, office.notify, office.clock).commit(one)
    return entry.id


async def log(office: Office, address: str, from_: str, label: str = "", at: int = 0) -> None:
    """A login, as ``keeper`` writes it."""
    ident, now = await id_of(office, address), at or office.now()

    def write(tx: Tx) -> None:
        row = tx.one(
            "SELECT id FROM credential WHERE account_id = :id AND label = :label",
            id=ident,
            label=label,
        )
        one = Attempt(
            now // DAY_MS, ident, "", "in", "imaps", from_, "password", row[0] if row else 0
        )
        login_rows.put(tx, {one: Counted(now, now, 1)})

    await office.db.write(write)


def test_what_gets_in_and_when_it_was_used_last(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await people(office)
        await credentials.add_app(office, ANN, "phone", ["imap"])
        await credentials.add_app(office, ANN, "old tablet")
        clock.advance(seconds=60)
        await log(office, ANN, "192.0.2.1")
        clock.advance(seconds=60)
        await log(office, ANN, "192.0.2.2", "phone")
        phone, own, tablet = await activity.ways(office, ANN)
        assert (phone.label, phone.opens, phone.address) == ("phone", ("imap",), "192.0.2.2")
        assert (own.means, own.label, own.address) == ("password", "", "192.0.2.1")
        assert (tablet.label, tablet.last_used, tablet.address) == ("old tablet", None, "")
        assert phone.last_used is not None
        assert own.last_used is not None
        assert (phone.last_used - own.last_used).seconds == 60

    tell(story)


def test_a_new_password_under_an_old_label_has_no_past(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await people(office)
        await credentials.add_app(office, ANN, "phone")
        await log(office, ANN, "192.0.2.2", "phone")
        await credentials.remove_app(office, ANN, "phone")
        clock.advance(seconds=1)
        await credentials.add_app(office, ANN, "phone")
        (phone,) = [one for one in await activity.ways(office, ANN) if one.label]
        assert (phone.last_used, phone.address) == (None, "")

    tell(story)


def test_logins_in_pages(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await people(office)
        await log(office, BOB, "192.0.2.9")
        for number in range(3):
            await log(office, ANN, f"192.0.2.{number}", at=office.now() + number)
        page = await activity.logins(office, ANN, size=2)
        assert ([one.address for one in page.items], page.total) == (["192.0.2.2", "192.0.2.1"], 3)
        rest = await activity.logins(office, ANN, after=page.next, size=2)
        assert ([one.address for one in rest.items], rest.next) == (["192.0.2.0"], "")
        with pytest.raises(NotFound):
            await activity.logins(office, "no@demo.test")

    tell(story)


def test_changes_by_the_owner_and_by_others(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await people(office)
        clock.advance(seconds=120)
        with acting(Actor("person", ANN, "192.0.2.1")):
            await forwards.change(office, ANN, to=["a@elsewhere.test"], keep=None)
            mask = await masks.add(office, ANN, label="shop")
            await masks.change(office, mask.address, is_on=False)
            await forwards.change(office, BOB, to=["b@elsewhere.test"], keep=None)
        with acting(Actor("command", "root")):
            await accounts.change(office, ANN, quota=7)
            await accounts.add_address(office, ANN, "anna@demo.test")
            await accounts.change(office, "anna@demo.test", quota=8)
        found = await activity.changes(office, ANN)
        assert [(one.action, one.actor) for one in found.items] == [
            ("account.change", "root"), ("account.address.add", "root"),
            ("account.change", "root"), ("forward.set", ANN), ("mask.change", ANN),
            ("mask.add", ANN), ("forward.set", ANN), ("account.add", ""),
        ]  # fmt: skip
        assert found.total == 8
        of_it = await activity.changes(office, ANN, deeds=False)
        assert {one.object for one in of_it.items} <= {ANN, "anna@demo.test"}
        assert of_it.total == len(of_it.items) == 6
        pages: list[AuditView] = []
        after = ""
        while True:
            page = await activity.changes(office, ANN, after=after, size=3)
            pages += page.items
            if not page.next:
                break
            after = page.next
        assert tuple(pages) == found.items

    tell(story)


def test_what_another_had_the_address_before_is_not_told(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await people(office)
        clock.advance(days=1)
        await accounts.remove(office, ANN)
        clock.advance(days=1)
        await accounts.add(office, ANN, password=None)
        found = await activity.changes(office, ANN)
        assert [(one.action, one.at.day) for one in found.items] == [("account.add", 23)]

    tell(story)


def test_what_was_sent_and_what_has_become_of_it(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await people(office)
        await submit(office, BOB, "not mine", ["x@elsewhere.test"])
        first = await submit(office, ANN, "first", ["a@elsewhere.test", "b@elsewhere.test"])
        clock.advance(seconds=600)
        for number, kind in enumerate(("deferred", "bounced")):
            fact = Fact(first, 100 + number, office.now(), kind, "a@elsewhere.test")  # type: ignore[arg-type]
            await office.db.write(lambda tx, fact=fact: note(tx, [fact]))  # type: ignore[misc]
        await segments.extend(office.db, office.now())
        ann = await id_of(office, ANN)
        came = letter(office, ann, sender="z@elsewhere.test", message_id="in@x")
        await Post(office.db, office.blobs, office.notify, office.clock).commit(came)
        await submit(office, ANN, "second", ["c@elsewhere.test"])
        second, again = await activity.sent(office, ANN)
        assert (second.subject, again.subject, again.id) == ("second", "first", to_text(first))
        assert dict(again.recipients) == {
            "a@elsewhere.test": "bounced",
            "b@elsewhere.test": "queued",
        }
        assert (second.peer, await activity.sent(office, BOB) != ()) == ("192.0.2.7", True)

    tell(story)


def test_only_so_many_are_shown(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await people(office)
        for number in range(activity.SENT + 2):
            await submit(office, ANN, f"{number}", ["a@elsewhere.test"])
        found = await activity.sent(office, ANN)
        assert [one.subject for one in found] == [
            f"{number}" for number in range(activity.SENT + 1, 1, -1)
        ]

    tell(story)
