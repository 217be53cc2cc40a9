from collections.abc import Callable

import pytest

from postroom.address import Address
from postroom.admin import accounts, aliases, domains, sending, shares
from postroom.admin.office import Office
from postroom.admin.shares import ShareView
from postroom.errors import AlreadyExists, Invalid, NotFound, Refused
from postroom.store import mailboxes
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]

DESK, BOB = "desk@demo.test", "bob@demo.test"


def in_demo(tell: Tell, rest: Story) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        for name in ("desk", "bob", "carol"):
            await accounts.add(office, f"{name}@demo.test", password=None)
        await aliases.add(office, "team@demo.test", [BOB, "carol@demo.test"])
        await rest(office, clock)

    tell(story)


async def ident(office: Office, address: str) -> int:
    return (await office.directory.resolve(Address.parse(address))).local[0].account_id


async def every(office: Office, limit: int | None = None) -> list[ShareView]:
    return [one async for one in shares.every(office, limit=limit)]


def test_accounts_and_mailboxes_are_shared_listed_and_taken_back(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        assert await every(office) == []
        whole = await shares.add(office, "Desk@demo.test", "Team@demo.test", "write")
        assert whole == ShareView(DESK, "", "team@demo.test", "group", "write", "lrswite")
        one = await shares.add(office, f"{DESK}/inbox", "BOB@demo.test", "lrd")
        assert one == ShareView(DESK, "INBOX", BOB, "account", "other", "lrte")
        assert one.what == "desk@demo.test/INBOX"
        await shares.add(office, f"{DESK}/Sent", "@Demo.Test", "read")
        await shares.add(office, f"{DESK}/Junk", "anyone", "l")
        assert [view.what for view in await every(office)] == [
            DESK,
            f"{DESK}/INBOX",
            f"{DESK}/Sent",
            f"{DESK}/Junk",
        ]
        assert len(await every(office, limit=2)) == 2
        reach = await office.directory.reach(await ident(office, BOB))
        desk = await ident(office, DESK)
        assert reach.rights(desk, desk) == frozenset("lrswite")
        assert await shares.given(office, BOB) == []
        given = await shares.given(office, DESK)
        assert [view.what for view in given] == [view.what for view in await every(office)]
        # who is asked about sees both sides
        assert len(await shares.of(office, DESK)) == len(await shares.of(office, BOB)) == 4
        assert [one.kind for one in await shares.of(office, "team@demo.test")] == ["group"]
        assert [one.kind for one in await shares.of(office, "@demo.test")] == ["domain"]
        assert [one.kind for one in await shares.of(office, "anyone")] == ["anyone"]
        # replaced, not added to
        assert (await shares.add(office, f"{DESK}/INBOX", BOB, "read")).rights == "lrs"
        assert (await shares.remove(office, f"{DESK}/INBOX", BOB)).access == "read"
        with pytest.raises(NotFound, match="postroom share list desk@demo.test"):
            await shares.remove(office, f"{DESK}/INBOX", BOB)
        assert len(await every(office)) == 3

    in_demo(tell, story)


def test_a_mailbox_is_taken_out_of_a_shared_account(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await shares.add(office, DESK, BOB, "read")
        await shares.remove(office, f"{DESK}/Drafts", BOB)
        assert [(one.what, one.access) for one in await shares.of(office, BOB)] == [
            (DESK, "read"),
            (f"{DESK}/Drafts", "none"),
        ]
        with pytest.raises(NotFound):
            await shares.remove(office, f"{DESK}/Drafts", BOB)
        await shares.remove(office, DESK, BOB)
        assert await every(office) == []

    in_demo(tell, story)


@pytest.mark.parametrize(
    ("what", "grantee", "rights", "error"),
    [
        ("desk", BOB, "read", Invalid),
        ("nobody@demo.test", BOB, "read", NotFound),
        (f"{DESK}/Nowhere", BOB, "read", NotFound),
        (DESK, "nobody@demo.test", "read", NotFound),
        (DESK, "x@example.org", "read", NotFound),
        (DESK, "@example.org", "read", NotFound),
        (DESK, "@", "read", Invalid),
        (DESK, DESK, "read", Invalid),
        (DESK, BOB, "readonly", Invalid),
        (DESK, BOB, "", Invalid),
        (f"{DESK}/Sent", BOB, "send", Invalid),
    ],
)
def test_what_makes_no_sense_is_refused(
    tell: Tell, what: str, grantee: str, rights: str, error: type[Refused]
) -> None:
    async def story(office: Office, clock: Clock) -> None:
        with pytest.raises(error):
            await shares.add(office, what, grantee, rights)
        assert await every(office) == []

    in_demo(tell, story)


def test_what_is_gone_is_not_listed(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await shares.add(office, f"{DESK}/Sent", BOB, "read")
        await shares.add(office, DESK, "carol@demo.test", "read")
        desk = await ident(office, DESK)
        await office.store.write(mailboxes.bury, desk, "Sent", clock())
        assert [one.grantee for one in await every(office)] == ["carol@demo.test"]
        await accounts.remove(office, "carol@demo.test")
        assert await every(office) == await shares.of(office, DESK) == []
        await accounts.restore(office, "carol@demo.test")
        assert len(await every(office)) == 1
        await accounts.remove(office, DESK)
        assert await every(office) == await shares.of(office, "carol@demo.test") == []

    in_demo(tell, story)


def test_names_with_slashes(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await accounts.add(office, "a/b@demo.test", password=None)
        await office.store.furnish(await ident(office, "a/b@demo.test"))
        made = (await ident(office, "a/b@demo.test"), "x@y/z", None, [1, 2], clock())
        await office.store.write(mailboxes.create, *made)
        view = await shares.add(office, "a/b@demo.test/x@y/z", BOB, "read")
        assert (view.owner, view.mailbox) == ("a/b@demo.test", "x@y/z")

    in_demo(tell, story)


def test_sending_in_the_owners_name_is_one_right(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        bob = await ident(office, BOB)
        desk = Address.parse(DESK)
        await shares.add(office, DESK, BOB, "send")
        assert (await sending.show(office, BOB)).send_as == (DESK,)
        assert (await accounts.show(office, BOB)).send_as == (DESK,)
        assert await office.directory.may_send_as(bob, desk)
        # taken back where it is seen, the mailboxes stay
        assert (await sending.revoke(office, BOB, DESK)).send_as == ()
        assert not await office.directory.may_send_as(bob, desk)
        assert [one.access for one in await shares.of(office, BOB)] == ["write"]
        with pytest.raises(NotFound):
            await sending.revoke(office, BOB, DESK)
        # a grant is another reason
        await sending.grant(office, BOB, DESK)
        with pytest.raises(AlreadyExists):
            await sending.grant(office, BOB, DESK)
        await shares.add(office, f"{DESK}/INBOX", "team@demo.test", "send")
        assert (await sending.show(office, BOB)).send_as == (DESK,)
        await sending.revoke(office, BOB, DESK)
        with pytest.raises(Refused, match="as a member of a group; see: postroom share list"):
            await sending.revoke(office, BOB, DESK)
        assert await office.directory.may_send_as(bob, desk)
        await shares.remove(office, f"{DESK}/INBOX", "team@demo.test")
        assert not await office.directory.may_send_as(bob, desk)

    in_demo(tell, story)
