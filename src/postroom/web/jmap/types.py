"""States of all data types of an account, for who is told of changes (RFC 8620 §7.1).

The state of a type is what its /get says; so what is pushed and what is fetched can't differ.
"""

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Final

from postroom.errors import MailError, Refused
from postroom.web.api.call import Services
from postroom.web.jmap.account import Account
from postroom.web.jmap.errors import MethodError
from postroom.web.jmap.method import Call, Caller
from postroom.web.jmap.methods import METHODS
from postroom.web.jmap.outline import outline_of

DELIVERY: Final = "EmailDelivery"  # RFC 8621 §1.5: it changes when a message comes
TYPES: Final = frozenset(
    {DELIVERY, *(name.removesuffix("/get") for name in METHODS if name.endswith("/get"))}
) - {"SearchSnippet", "PushSubscription"}

States = dict[str, dict[str, str]]
"""By the id of an account and the name of a type."""


async def states(
    services: Services, caller: Caller, accounts: Collection[Account], types: Collection[str]
) -> States:
    """Those that the person may know; accounts that have gone are left out."""
    found: States = {}
    for account in accounts:
        told = {
            name: state
            for name in sorted(types)
            if (state := await _state(services, caller, account, name)) is not None
        }
        if told:
            found[account.id] = told
    return found


def differences(before: States, now: States) -> States:
    """What of ``now`` is not as before."""
    found = {}
    for account_id, told in now.items():
        known = before.get(account_id, {})
        if changed := {name: state for name, state in told.items() if known.get(name) != state}:
            found[account_id] = changed
    return found


async def _state(services: Services, caller: Caller, account: Account, name: str) -> str | None:
    try:
        if name == DELIVERY:
            return await _delivery(account)
        return await _of_get(services, caller, account, name)
    except (MethodError, Refused, MailError):  # not of that account, or not at the moment
        return None


async def _of_get(services: Services, caller: Caller, account: Account, name: str) -> str | None:
    method = f"{name}/get"
    capability, get = METHODS[method]
    arguments: Mapping[str, object] = {"accountId": account.id, "ids": []}
    call = Call(services, caller, frozenset({capability}), {}, method, arguments)
    answer = await get(call)
    return str(answer["state"]) if isinstance(answer, dict) else None


async def _delivery(account: Account) -> str:
    boxes = (await outline_of(account)).boxes
    seen = [(ident, box.head.uidnext) for ident, box in sorted(boxes.items())]
    return blake2b(repr(seen).encode(), digest_size=8).hexdigest()
