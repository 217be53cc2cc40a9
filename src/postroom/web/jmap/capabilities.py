"""What this server can do, for a session (RFC 8620 §2): a row for each capability."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from postroom.access import rights as letters
from postroom.admin.office import Office
from postroom.protocol.smtp.standing import MAX_HOLD
from postroom.store import names
from postroom.web.jmap import limits
from postroom.web.jmap.account import Account
from postroom.web.jmap.condition import SORTS
from postroom.web.jmap.method import Caller

LARGEST: Final = 100 << 20  # octets of an upload, where messages have no limit
COLLATIONS: Final = ("i;ascii-casemap", "i;unicode-casemap", "i;octet")


@dataclass(frozen=True, slots=True)
class Capability:
    """``told`` is its value for the whole server; ``of`` that for one account, None: not there."""

    told: Callable[[Office], dict[str, Any]]
    of: Callable[[Office, Account, Caller], dict[str, Any] | None]


def max_upload(office: Office) -> int:
    """Octets of an upload at most: what a message may have."""
    return office.config.limits.max_message or LARGEST


def _core(office: Office) -> dict[str, Any]:
    return {
        "maxSizeUpload": max_upload(office),
        "maxConcurrentUpload": limits.MAX_UPLOADS,
        "maxSizeRequest": limits.MAX_REQUEST,
        "maxConcurrentRequests": limits.MAX_REQUESTS,
        "maxCallsInRequest": limits.MAX_CALLS,
        "maxObjectsInGet": limits.MAX_GET,
        "maxObjectsInSet": limits.MAX_SET,
        "collationAlgorithms": list(COLLATIONS),
    }


def _mail(office: Office, account: Account, _caller: Caller) -> dict[str, Any]:
    """RFC 8621 §1.3.1."""
    owner = account.owner
    return {
        "maxMailboxesPerEmail": None,
        "maxMailboxDepth": None,
        "maxSizeMailboxName": names.MAX_LEVEL,
        "maxSizeAttachmentsPerEmail": max_upload(office),
        "emailQuerySortOptions": list(SORTS),
        "mayCreateTopLevelMailbox": owner is None or letters.CREATE in owner.everywhere,
    }


def nothing(_office: Office) -> dict[str, Any]:
    """A capability without a value of the whole server."""
    return {}


def _submission(_office: Office, account: Account, _caller: Caller) -> dict[str, Any] | None:
    """RFC 8621 §1.3.2: for who may send in the name of the account."""
    owner = account.owner
    if owner is not None and letters.POST not in owner.rights(owner.account_id):
        return None
    return {
        "maxDelayedSend": MAX_HOLD,
        "submissionExtensions": {
            "FUTURERELEASE": [str(MAX_HOLD)],
            "DSN": [],
            "SIZE": [],
            "8BITMIME": [],
            "SMTPUTF8": [],
            "REQUIRETLS": [],
        },
    }


CAPABILITIES: Final[Mapping[str, Capability]] = {
    limits.CORE: Capability(_core, lambda _office, _account, _caller: {}),
    limits.MAIL: Capability(nothing, _mail),
    limits.SUBMISSION: Capability(nothing, _submission),
    limits.VACATION: Capability(
        nothing, lambda _office, account, _caller: {} if account.is_own else None
    ),
}
