"""Letters of accounts for tests of methods."""

from postroom.store import mailboxes, outline
from postroom.web.jmap.threads import email_id
from tests.access.shop import put
from tests.admin.test_reach import number
from tests.web.jmap.client import ALICE, Client


async def file(
    client: Client,
    *letters: bytes,
    address: str = ALICE,
    mailbox: str = "INBOX",
    flags: int = 0,
    keywords: str = "",
    received: int | None = None,
    prefix: bytes = b"",
) -> list[str]:
    """File letters; the ids of the Emails."""
    owner, store = await number(client.office, address), client.office.store
    await store.furnish(owner)
    filed = await put(
        store, *letters, account_id=owner, mailbox=mailbox, flags=flags, keywords=keywords,
        received=received, prefix=prefix, thread_id=None,
    )  # fmt: skip
    box = await store.read(mailboxes.get, owner, mailbox)
    rows = await store.read(outline.page, box.id, 0, None)
    uids = {one.uid for one in filed}
    return [email_id(row[1]) for row in rows if row[0] in uids]


async def boxes(client: Client, account: str = "") -> dict[str, str]:
    """The ids of mailboxes by their name."""
    found = await client.call("Mailbox/get", accountId=account or client.account)
    return {one["name"]: one["id"] for one in found["list"]}
