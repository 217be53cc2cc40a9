"""What the people of a server refused, as their postmaster may see it: reasons and headers.

Bodies are not shown. Whoever looks does so by name: each look is an entry of the audit log.
"""

import msgspec

from postroom.admin import paging
from postroom.admin.mailboxes import rejects
from postroom.admin.mailboxes.rejects import RejectDetails, RejectView
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.store import rejects as rows
from postroom.store.rejects import Sought


class RefusedView(msgspec.Struct, frozen=True):
    """A refused message and whose it is."""

    account: str
    message: RejectView


@recorded("reject.look", "words")
async def page(
    office: Office, words: str = "", *, within: int | None = None, after: str = "", size: int = 50
) -> Slice[RefusedView]:
    """One page of those of all accounts, the latest first.

    ``within``: of the domains of this administrator. ``words`` are looked for in the newest
    ``rows.SEARCHED``.
    """
    sought = Sought(within, words.strip())
    found = await paging.Listing(
        office.directory,
        lambda tx, key, most: rows.of_all(tx, sought, below=key[0], limit=most),
        lambda one: (one.id,),
        (rows.NEWEST,),
        lambda tx: rows.count_of_all(tx, sought),
        lambda one: one,
    ).page(after, size)
    await office.db.write(_looked)
    named = await office.directory.named([one.account_id for one in found.items])
    return paging.viewed(
        found, lambda one: RefusedView(named.get(one.account_id, ""), rejects.view(one))
    )


@recorded("reject.read", "address", "ident")
async def show(office: Office, address: str, ident: str) -> RejectDetails:
    """One of an account, with its header block. Raises NotFound."""
    found = await rejects.show(office, address, ident)
    await office.db.write(_looked)
    return found


def _looked(_tx: Tx) -> None:
    """Nothing changes; the entry of the audit log is written with it."""
