"""What belongs to the domains of an administrator; nothing else does, however it is spelt."""

from collections.abc import Callable

import msgspec

from postroom.admin import accounts, domains, queue, reach, roles
from postroom.admin.office import Office
from postroom.admin.reach import Kind
from postroom.db.ids import to_text
from postroom.ledger import reports
from postroom.ledger.reports import Received
from postroom.post.commit import Post
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.mailauth.test_feedback import REPORT
from tests.post.office import letter

Tell = Callable[[Story], None]


async def queued(office: Office, address: str) -> str:
    """A letter that an account has sent; its queue id."""
    ident = await number(office, address)
    one = letter(office, remote=("x@elsewhere.test",), sender=address, account_id=ident)
    await Post(office.db, office.blobs, office.notify, office.clock).commit(one)
    assert one.queued is not None
    return to_text(one.queued.id)


async def number(office: Office, address: str) -> int:
    found = await office.directory.known(address)
    assert found is not None
    return found.account_id


async def reported(office: Office, domain: str) -> str:
    ident = office.ids.next()
    content = msgspec.json.encode(REPORT).decode()
    one = Received(ident, "dmarc", domain, "Them", 1_000, 2_000, 5, 2, content)
    await office.db.write(lambda tx: reports.add(tx, one, str(ident)))
    return to_text(ident)


def test_what_is_theirs_and_what_is_not(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        for name in ("a.test", "b.test"):
            await domains.add(office, name, generate=quick)
            await accounts.add(office, f"ann@{name}", password="a-Good-one-1")
        await domains.add(office, "alias.test", alias_of="a.test", generate=quick)
        await accounts.add_address(office, "ann@b.test", "further@a.test")
        await roles.assign(office, "ann@a.test", "admin", ["a.test"])
        ann = await number(office, "ann@a.test")
        ours, theirs = await queued(office, "ann@a.test"), await queued(office, "ann@b.test")
        own = queue.choose(all_=True, within=ann)
        assert [one.id async for one in queue.every(office, own)] == [ours]
        assert (await queue.stats(office, within=ann)).deliveries == 1
        assert (await queue.stats(office)).deliveries == 2
        report, other = await reported(office, "a.test"), await reported(office, "b.test")
        tests: tuple[tuple[Kind, str, bool], ...] = (
            ("account", "ann@a.test", True),
            ("account", " ANN@alias.test ", True),
            ("account", "ann@b.test", False),
            ("account", "further@a.test", False),  # of an account that is at home elsewhere
            ("account", "nobody@a.test", False),
            ("account", "no address", False),
            ("account", "", False),
            ("domain", "A.test", True),
            ("domain", "alias.test", True),
            ("domain", "b.test", False),
            ("domain", "sub.a.test", False),
            ("domain", "", False),
            ("name", "nobody@a.test", True),
            ("name", "nobody@b.test", False),
            ("name", "a.test", False),
            ("letter", ours, True),
            ("letter", theirs, False),
            ("letter", "0000000000000", False),
            ("letter", "?", False),
            ("report", report, True),
            ("report", other, False),
            ("report", ours, False),
        )
        for kind, text, expected in tests:
            found = await office.db.read(
                lambda tx, kind=kind, text=text: reach.reaches(tx, ann, kind, text)  # type: ignore[misc]
            )
            assert found is expected, (kind, text)

    tell(story)
