"""Quotas: GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208).

The quota root of a mailbox is its owner's address; what is shared weighs on its owner. Two
resources are limited: STORAGE, in units of 1,024 octets, and MESSAGE. Administrators see and
set the limits of everybody.
"""

from functools import partial
from typing import Final

from postroom.access import quotas, rights as letters
from postroom.access.places import is_of_others
from postroom.errors import Invalid, NotAllowed, NotFound
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.protocol.imap import commands as c
from postroom.protocol.imap.responses import mailbox_name, string
from postroom.quota import Quota

UNIT: Final = 1024  # octets, RFC 9208 §5.1


async def get_quota(talk: Conversation, command: c.GetQuota) -> None:
    """GETQUOTA, RFC 9208 §4.1.1: of oneself, and of who shares something."""
    roots = {talk.person.address: talk.person.account_id}
    roots |= {owner.address: owner.account_id for owner in await talk.places.owners()}
    account_id = roots.get(command.root)
    if account_id is None and talk.person.is_admin:
        account_id = await talk.services.sharing.look(partial(quotas.holder, root=command.root))
    if account_id is None:
        raise NotFound(f"there is no quota root {command.root!r}")
    talk.session.untagged(await _quota(talk, command.root, account_id))
    await talk.report()
    talk.session.finish("OK", "Done")


async def get_quota_root(talk: Conversation, command: c.GetQuotaRoot) -> None:
    """GETQUOTAROOT, RFC 9208 §4.1.2; of a mailbox that may be made one day, too."""
    root, account_id = talk.person.address, talk.person.account_id
    if is_of_others(command.mailbox):
        place = await talk.places.get(command.mailbox)
        place.require(letters.READ)
        owner = (await talk.places.split(place.name))[0]
        root, account_id = owner.address, owner.account_id
    name = mailbox_name(command.mailbox, utf8=talk.session.modes.utf8)
    talk.session.untagged(b"* QUOTAROOT %s %s\r\n" % (name, string(root.encode())))
    talk.session.untagged(await _quota(talk, root, account_id))
    await talk.report()
    talk.session.finish("OK", "Done")


async def set_quota(talk: Conversation, command: c.SetQuota) -> None:
    """SETQUOTA, RFC 9208 §4.1.3: what is not named is not limited any more."""
    if not talk.person.is_admin:
        raise NotAllowed(f"only administrators may set the quota of {command.root!r}")
    limits = dict(command.limits)
    storage, messages = limits.pop(b"STORAGE", None), limits.pop(b"MESSAGE", None)
    if limits:
        raise Invalid("only STORAGE and MESSAGE can be limited here")
    quota = Quota(  # a limit of 0 is 1 here, where 0 is none
        0 if storage is None else max(1, storage * UNIT),
        0 if messages is None else max(1, messages),
    )
    account_id = await talk.services.sharing.change_if(
        partial(quotas.change, root=command.root, quota=quota)
    )
    talk.session.untagged(await _quota(talk, command.root, account_id))
    await talk.report()
    talk.session.finish("OK", "Set")


async def _quota(talk: Conversation, root: str, account_id: int) -> bytes:
    """``* QUOTA "root" (STORAGE used limit MESSAGE used limit)``; only what is limited."""
    store = talk.services.store
    limits = []
    if quota := await store.quota_of(account_id):
        used = await store.usage(account_id)
        if quota.octets:
            limits.append(b"STORAGE %d %d" % (-(-used.octets // UNIT), quota.octets // UNIT))
        if quota.messages:
            limits.append(b"MESSAGE %d %d" % (used.messages, quota.messages))
    return b"* QUOTA %s (%s)\r\n" % (string(root.encode()), b" ".join(limits))


HANDLERS: Final[Handlers] = {
    c.GetQuota: get_quota,
    c.GetQuotaRoot: get_quota_root,
    c.SetQuota: set_quota,
}
