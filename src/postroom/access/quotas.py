"""Quotas of accounts as administrators change them, for ``directory.Directory`` to run.

A quota root is the address of an account (RFC 9208 §3.1).
"""

from postroom.address import Address, AddressError
from postroom.db.database import Tx
from postroom.directory import accounts
from postroom.directory.accounts import Account
from postroom.errors import Invalid, NotFound
from postroom.quota import MAX_MESSAGES, MAX_OCTETS, Quota


def holder(tx: Tx, root: str) -> int | None:
    """The account whose quota root this is."""
    account = _account(tx, root)
    return account.id if account else None


def change(tx: Tx, root: str, quota: Quota) -> tuple[int, bool]:
    """Set the limits; the account, and that the directory has changed.

    Raises NotFound, Invalid.
    """
    if quota.octets >= MAX_OCTETS or quota.messages >= MAX_MESSAGES:
        raise Invalid("the limit is too large")
    account = _account(tx, root)
    if account is None:
        raise NotFound(f"there is no quota root {root!r}")
    accounts.change(tx, account, quota=quota)
    return account.id, True


def _account(tx: Tx, root: str) -> Account | None:
    try:
        return accounts.find(tx, Address.parse(root))
    except AddressError:
        return None
