"""Accounts: one's own, and those of who shares mailboxes."""

from pathlib import Path

import pytest

from postroom.admin import shares
from postroom.web.jmap.account import account_id, number_of
from postroom.web.jmap.method import account_of
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, BOB, Client, tell


@pytest.mark.parametrize("text", ["", "A", "A0", "a1", "A1G", "M1", "A11111111111111111", "A01"])
def test_what_is_no_id(text: str) -> None:
    assert number_of(text) == 0


def test_ids() -> None:
    assert number_of(account_id(0x7F3)) == 0x7F3


def test_mailboxes_and_rights(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        office = client.office
        alice = await office.directory.known(ALICE)
        bob = await office.account(BOB)
        assert alice is not None
        own = await account_of(client.services, alice, client.account)
        assert own.is_own
        assert not own.is_read_only
        assert own.member is None
        listed = await own.mailboxes()
        assert "INBOX" in [one.name for one in listed]
        assert {one.member for one in listed} == {None}
        assert {one.rights for one in listed} == {frozenset("lrswipkxtea")}
        await office.store.furnish(bob.id)
        await shares.add(office, f"{BOB}/Sent", ALICE, "read")
        theirs = await account_of(client.services, alice, account_id(bob.id))
        assert (theirs.address, theirs.is_own, theirs.member) == (BOB, False, alice.account_id)
        (sent,) = await theirs.mailboxes()
        assert (sent.name, sent.rights, sent.member) == ("Sent", frozenset("lrs"), alice.account_id)
        await shares.add(office, f"{BOB}/Trash", ALICE, "write")
        theirs.forget()
        again = await account_of(client.services, alice, account_id(bob.id))
        assert {one.name for one in await again.mailboxes()} == {"Sent", "Trash"}
        assert not again.is_read_only

    tell(database, data, story)
