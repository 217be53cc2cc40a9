"""Where a recipient's letters go, and whether this peer may send there.

The address was canonical before anything is decided: routes are gone, a quoted local part
is never read again, the domain is in lower case and without its last dot (threats R1-R7).
MAIL FROM plays no part. Only who has logged in, or comes from a listed network, sends to
the domains of others; anybody to those that we are a backup MX for. Who knows no more of us than
the name of the machine reaches the postmaster by it.

RFC 5321 §3.6, §4.1.1.3, §4.5.1, §7; RFC 2142 §4, §5 (roles); RFC 3463 (status codes).
"""

from collections.abc import Collection
from typing import Final

import msgspec

from postroom.address import Address
from postroom.directory.directory import Directory
from postroom.directory.expand import Local, Resolution
from postroom.directory.names import is_role
from postroom.protocol.smtp.replies import Reply, reply
from postroom.queue.rows import unsuccessful

DENIED: Final = reply(550, "5.7.1", "Relaying denied: that domain is not served here")
UNKNOWN: Final = reply(550, "5.1.1", "No such mailbox here")
DISABLED: Final = reply(550, "5.2.1", "The mailbox is disabled")
ALIAS_LOOP: Final = reply(550, "5.4.6", "The address leads back to itself")
ALIAS_TOO_LARGE: Final = reply(550, "5.2.4", "The address leads to too many mailboxes")
FULL: Final = reply(452, "4.2.2", "The mailbox is full, please try again later")

REASONS: Final = {
    "not-ours": "the domain is not served here, and the peer may not relay",
    "unknown": "no account, alias or catch-all has the address",
    "disabled": "its account is disabled",
    "loop": "an alias leads back to itself",
    "too-many": "an alias leads to too many mailboxes",
}
"""Why, for the log and for VERB."""

_REFUSALS: Final = {
    "not-ours": DENIED,
    "unknown": UNKNOWN,
    "disabled": DISABLED,
    "loop": ALIAS_LOOP,
    "too-many": ALIAS_TOO_LARGE,
}


class Accepted(msgspec.Struct, frozen=True):
    """A recipient that was accepted: ``address`` in canonical form, and where it goes.

    ``remote`` are addresses elsewhere; ``leads_on``: they stand behind an address of ours.
    ``is_backup``: we are a backup MX for its domain. ``list_id``: it is the mailing list that
    stands in ``remote``. ``orcpt`` and ``notify`` as the client gave them.
    """

    address: str
    local: tuple[Local, ...]
    remote: tuple[str, ...]
    via: str = ""
    orcpt: str | None = None
    notify: str | None = None
    leads_on: bool = False
    is_backup: bool = False
    list_id: int = 0

    def expanded(self) -> "Accepted":
        """The same without the wish to hear of success."""
        left = unsuccessful(self.notify)
        return self if left == self.notify else msgspec.structs.replace(self, notify=left)


def is_full(accepted: Accepted, full: Collection[int]) -> bool:
    """Whether nobody behind the recipient gets the message now; ``full`` have no room."""
    return not accepted.remote and all(one.account_id in full for one in accepted.local)


async def resolve(directory: Directory, recipient: Address | None, hostname: str) -> Resolution:
    """Where the recipient's letters go. None is ``<Postmaster>``; ``hostname`` is ours."""
    if recipient is None:
        return await directory.resolve_postmaster()
    resolution = await directory.resolve(recipient)
    if resolution.kind == "not-ours" and is_of_host(recipient, hostname):
        return await directory.resolve_postmaster()
    return resolution


def is_of_host(address: Address, hostname: str) -> bool:
    """Whether it is a role address in the name of this machine, which need be no domain of ours."""
    return is_role(address.local) and address.domain.ascii == hostname.lower()


def judge(
    recipient: Address | None, resolution: Resolution, *, may_relay: bool
) -> tuple[tuple[Local, ...], tuple[str, ...]] | Reply:
    """(accounts, addresses elsewhere) or the refusal. None is ``<Postmaster>``."""
    if resolution.kind == "found":
        return resolution.local, resolution.remote
    is_backup = resolution.kind == "backup"
    if (is_backup or (resolution.kind == "not-ours" and may_relay)) and recipient is not None:
        return (), (str(recipient),)
    return _REFUSALS.get(resolution.kind, DENIED)


def accept(
    address: str,
    resolution: Resolution,
    found: tuple[tuple[Local, ...], tuple[str, ...]],
    orcpt: str | None = None,
    notify: str | None = None,
) -> Accepted:
    """A recipient that ``judge`` has found; ``address`` as it was given."""
    local, remote = found
    return Accepted(
        local[0].address if local else resolution.name or address,
        local,
        remote,
        resolution.via,
        orcpt,
        notify,
        leads_on=bool(remote) and resolution.kind == "found" and not resolution.list_id,
        is_backup=resolution.kind == "backup",
        list_id=resolution.list_id,
    )


def reasons(accepted: Accepted) -> list[str]:
    """What VERB tells of a recipient that was accepted."""
    told = []
    if accepted.list_id:
        return [f"mailing list {accepted.via}"]
    if accepted.via:
        told.append(f"alias {accepted.via}")
    if accepted.local:
        told.append(f"local accounts: {len(accepted.local)}")
    if accepted.is_backup:
        told.append("we are a backup MX for its domain")
    if accepted.remote:
        told.append(f"addresses elsewhere: {len(accepted.remote)}")
    return told
