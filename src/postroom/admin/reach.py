"""Whether what somebody names belongs to the domains that they administer.

Names that can't be read, that nobody has and that others have are one answer: no.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from postroom.address import Address, AddressError, Domain
from postroom.db.database import Tx
from postroom.db.ids import from_text
from postroom.directory import accounts, administrators
from postroom.ledger import reports
from postroom.queue import listing

Kind = Literal["account", "domain", "name", "letter", "report"]
"""``name``: an address that is taken or not; ``letter``: a queue id."""

Test = Callable[[Tx, int, str], bool]


def reaches(tx: Tx, within: int, kind: Kind, text: str) -> bool:
    """Whether ``text`` names something of an administrator's domains; ``within`` is who asks."""
    try:
        return _TESTS[kind](tx, within, text.strip())
    except (AddressError, ValueError):
        return False


def may_touch(tx: Tx, within: int, text: str) -> bool:
    """Whether an administrator may change the account of this address (see ``reaches``)."""
    account = accounts.find(tx, Address.parse(text.strip()))
    return account is not None and administrators.may_touch(tx, within, account.id)


def _account(tx: Tx, within: int, text: str) -> bool:
    account = accounts.find(tx, Address.parse(text))
    return account is not None and administrators.reaches_account(tx, within, account.id)


def _domain(tx: Tx, within: int, text: str) -> bool:
    return administrators.reaches_domain(tx, within, Domain.parse(text).ascii)


def _name(tx: Tx, within: int, text: str) -> bool:
    return administrators.reaches_domain(tx, within, Address.parse(text).domain.ascii)


def _letter(tx: Tx, within: int, text: str) -> bool:
    found = listing.show(tx, from_text(text))
    return (
        found is not None
        and found.account_id is not None
        and administrators.reaches_account(tx, within, found.account_id)
    )


def _report(tx: Tx, within: int, text: str) -> bool:
    found = reports.named(tx, from_text(text))
    return found is not None and administrators.reaches_domain(tx, within, found.domain)


_TESTS: Final[Mapping[Kind, Test]] = {
    "account": _account,
    "domain": _domain,
    "name": _name,
    "letter": _letter,
    "report": _report,
}
