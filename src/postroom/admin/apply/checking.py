"""Whether a ``manifest`` can be made true at all, before anything is changed.

Names become what they are stored as. What is wrong with one item does not hide what is wrong with
the others: all of it is told, each with its place in the file.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from postroom.address import Address
from postroom.admin import accounts, names
from postroom.admin.apply import inventory
from postroom.admin.apply.manifest import (
    AccountItem,
    AliasItem,
    BackupDomainItem,
    DomainItem,
    Faulty,
    Item,
    Manifest,
    PasswordItem,
    Places,
    RetentionItem,
    RuleItem,
    ShareItem,
    TlsRuleItem,
)
from postroom.admin.filters import rules
from postroom.directory.rules import Rule
from postroom.errors import Invalid, Refused

ItemT = TypeVar("ItemT", bound=Item)

_MAX_ROUNDS: Final = 10_000_000


def canonical(wanted: Manifest, now: Manifest, places: Places) -> Manifest:
    """Names as they are stored and listed. Raises Invalid with everything that is wrong.

    ``now`` is what is there: addresses are of its domains, or of those in the file.
    """
    found: dict[str, tuple[Item, ...]] = {}
    faults: list[str] = []
    known = {one.name for one in now.domain}
    for kind in wanted.__struct_fields__:
        items: list[Item] = []
        seen: set[str] = set()
        for index, item in enumerate(getattr(wanted, kind)):
            try:
                one = _CHECKS.get(type(item), _as_it_is)(item)
                if (name := name_of(one)) in seen:
                    raise Invalid(f"{kind} {name} stands twice in the file; say it once")
                for domain in _domains_of(one):
                    if domain not in known:
                        raise Invalid(f"{domain} is neither a domain here nor one of the file")
            except Refused as error:
                faults.append(f"{places.of(kind, index)}: {error}")
                continue
            seen.add(name)
            items.append(one)
        found[kind] = tuple(items)
        if kind == "domain":
            known |= seen
    if faults:
        raise Faulty(faults)
    return msgspec.convert(found, Manifest, from_attributes=True)


def name_of(one: Any) -> str:
    """What tells an item from others of its kind."""
    if isinstance(one, ShareItem):
        return f"{one.what} with {one.grantee}"
    return str(getattr(one, one.__struct_fields__[0]))


def rule_of(one: RuleItem) -> Rule:
    """A rule of a file, as it is kept. Raises Invalid."""
    return rules.made(
        [
            rules.condition(each.field, each.test, each.value, negated=each.negated)
            for each in one.conditions
        ],
        [rules.action(each.kind, each.value) for each in one.actions],
        any_of=one.match == "any",
    )


def octets(text: str) -> bytes:
    """What stands in base64; raises Invalid."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Invalid(f"{text!r} is no base64") from None


def _of_domain(one: DomainItem) -> DomainItem:
    return _with(one, name=_domain(one.name), alias_of=one.alias_of and _domain(one.alias_of))


def _of_backup(one: BackupDomainItem) -> BackupDomainItem:
    return _with(one, name=_domain(one.name))


def _of_account(one: AccountItem) -> AccountItem:
    address = _address(one.address)
    accounts.test_values(one.name or "", one.quota or 0)
    if one.password is not None:
        _test_password(one.password)
    return _with(
        one,
        address=address,
        addresses=_addresses(one.addresses),
        administers=one.administers and tuple(map(_domain, one.administers)),
        retention=one.retention and _retention(one),
        rule=one.rule and tuple(inventory.rule_item(rule_of(each)) for each in one.rule),
    )


def _of_alias(one: AliasItem) -> AliasItem:
    if not one.targets:
        raise Invalid(f"alias {one.address} leads nowhere: name its targets")
    return _with(one, address=_address(one.address), targets=_addresses(one.targets))


def _of_tls_rule(one: TlsRuleItem) -> TlsRuleItem:
    return _with(one, domain=_domain(one.domain))


def _as_it_is(one: Item) -> Item:
    return one


_CHECKS: Final[Mapping[type, Callable[[Any], Item]]] = {
    DomainItem: _of_domain,
    BackupDomainItem: _of_backup,
    AccountItem: _of_account,
    AliasItem: _of_alias,
    TlsRuleItem: _of_tls_rule,
}


def _domains_of(one: Item) -> Sequence[str]:
    """The domains that have to be there for an item, as they are written."""
    if isinstance(one, AccountItem):
        named = [one.address, *(one.addresses or ())]
        return [*(Address.parse(each).domain.unicode for each in named), *(one.administers or ())]
    return [Address.parse(one.address).domain.unicode] if isinstance(one, AliasItem) else ()


def _test_password(one: PasswordItem) -> None:
    for text in (one.salt, one.stored_key, one.server_key):
        octets(text)
    if not one.hash.isascii() or not 0 < one.rounds <= _MAX_ROUNDS:
        raise Invalid("the password is none that an export has written")


def _retention(account: AccountItem) -> tuple[RetentionItem, ...]:
    """By mailbox, of which each stands once; what says nothing is nothing. Raises Invalid."""
    found = {one.mailbox: one for one in account.retention or ()}
    if len(found) < len(account.retention or ()):
        raise Invalid(f"account {account.address} names a mailbox twice under retention")
    said = [one for one in found.values() if (one.days, one.own_days) != (None, None)]
    return tuple(sorted(said, key=lambda one: one.mailbox))


def _with(item: ItemT, **members: object) -> ItemT:
    return msgspec.structs.replace(item, **members)


def _domain(text: str) -> str:
    return names.domain(text).unicode


def _address(text: str) -> str:
    return str(names.address(text))


def _addresses(texts: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if texts is None else tuple(map(_address, texts))
