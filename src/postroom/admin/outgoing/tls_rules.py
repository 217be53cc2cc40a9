"""TLS rules of recipient domains: set, list, remove."""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from postroom.address import Domain
from postroom.admin import names, paging
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import tls_rules
from postroom.directory.tls_rules import Mode, TlsRule


class TlsRuleView(msgspec.Struct, frozen=True):
    """How mail to a domain must be encrypted."""

    domain: str
    mode: Mode
    created: datetime


@recorded("tls-rule.set", "domain", "mode")
async def put(office: Office, domain: str, mode: Mode) -> TlsRuleView:
    """Set the rule of a domain, in place of the one it had."""
    rule = TlsRule(names.domain(domain).ascii, mode, office.now())
    await office.directory.change(lambda tx: tls_rules.put(tx, rule))
    return _view(rule)


async def every(
    office: Office, *, search: str = "", limit: int | None = None
) -> AsyncIterator[TlsRuleView]:
    """All rules by domain, read in pages."""
    async for one in _listing(office, search).every(limit):
        yield one


async def page(office: Office, *, after: str = "", size: int = 100) -> Slice[TlsRuleView]:
    """One page of the rules, by domain."""
    return await _listing(office).page(after, size)


def _listing(office: Office, search: str = "") -> paging.Listing[TlsRule, tuple[str], TlsRuleView]:
    sought = names.sought(search)
    return paging.Listing(
        office.directory,
        lambda tx, key, most: tls_rules.page(tx, key[0], most, sought),
        lambda rule: (rule.domain,),
        ("",),
        tls_rules.count,
        _view,
    )


@recorded("tls-rule.remove", "domain")
async def remove(office: Office, domain: str) -> TlsRuleView:
    """Take the rule of a domain away: what it publishes decides again."""
    name = names.domain(domain)

    def write(tx: Tx) -> TlsRule:
        rule = tls_rules.require(tx, name)
        tls_rules.remove(tx, rule)
        return rule

    return _view(await office.directory.change(write))


def _view(rule: TlsRule) -> TlsRuleView:
    return TlsRuleView(Domain(rule.domain).unicode, rule.mode, names.moment(rule.created))
