"""The session resource: what a client finds first (RFC 8620 §2)."""

import hashlib
from typing import Any, Final

import msgspec

from postroom.access.places import Places
from postroom.admin.office import Office
from postroom.web.jmap.account import Account
from postroom.web.jmap.capabilities import CAPABILITIES
from postroom.web.jmap.method import Caller

API: Final = "/jmap/api"
DOWNLOAD: Final = "/jmap/download/{accountId}/{blobId}/{name}?type={type}"
UPLOAD: Final = "/jmap/upload/{accountId}"
EVENTS: Final = "/jmap/events?types={types}&closeafter={closeafter}&ping={ping}"


async def session(office: Office, caller: Caller, base: str) -> dict[str, Any]:
    """The session object; ``base`` is scheme and host as the client has reached us."""
    told = await _told(office, caller)
    return {
        **told,
        "apiUrl": base + API,
        "downloadUrl": base + DOWNLOAD,
        "uploadUrl": base + UPLOAD,
        "eventSourceUrl": base + EVENTS,
        "state": _state(told),
    }


async def state(office: Office, caller: Caller) -> str:
    """What every response carries, so that a client notices that its session has changed."""
    return _state(await _told(office, caller))


async def accounts(office: Office, caller: Caller) -> list[Account]:
    """The person's own account first, then those of who shares with them."""
    person = caller.person
    places = Places(person, office.store, office.directory)
    own = Account(person, person.account_id, person.address, office.store, places)
    others = [
        Account(person, owner.account_id, owner.address, office.store, places, owner)
        for owner in await places.owners()
    ]
    return [own, *others]


async def _told(office: Office, caller: Caller) -> dict[str, Any]:
    reached = await accounts(office, caller)
    own = reached[0]
    of_each = {one.id: _account(office, one, caller) for one in reached}
    return {
        "capabilities": {name: one.told(office) for name, one in CAPABILITIES.items()},
        "accounts": of_each,
        "primaryAccounts": dict.fromkeys(of_each[own.id]["accountCapabilities"], own.id),
        "username": own.address,
    }


def _account(office: Office, account: Account, caller: Caller) -> dict[str, Any]:
    values = {name: one.of(office, account, caller) for name, one in CAPABILITIES.items()}
    return {
        "name": account.address,
        "isPersonal": account.is_own,
        "isReadOnly": account.is_read_only,
        "accountCapabilities": {name: one for name, one in values.items() if one is not None},
    }


def _state(told: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]
