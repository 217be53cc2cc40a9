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
    taken = _Taken(wanted, now, places)
    for kind in wanted.__struct_fields__:
        items: list[Item] = []
        for index, item in enumerate(getattr(wanted, kind)):
            try:
                one = _CHECKS.get(type(item), _as_it_is)(item)
                taken.add(kind, index, one)
            except Refused as error:
                faults.append(f"{places.of(kind, index)}: {error}")
            else:
                items.append(one)
        found[kind] = tuple(items)
    if faults:
        raise Faulty(faults)
    return msgspec.convert(found, Manifest)


class _Taken:
    """The names and addresses of the items so far."""

    def __init__(self, wanted: Manifest, now: Manifest, places: Places) -> None:
        self._places = places
        domains = (*now.domain, *wanted.domain)
        self._strict = {one.name.casefold() for one in domains if one.case == "sensitive"}
        self._domains = {one.name for one in now.domain}
        self._names: set[tuple[str, str]] = set()
        self._addresses: dict[str, tuple[str, int]] = {}

    def add(self, kind: str, index: int, one: Item) -> None:
        """One more; raises Invalid when another has its name, or an address has no domain."""
        if (kind, name := name_of(one)) in self._names:
            raise Invalid(f"{kind} {name} stands twice in the file; say it once")
        addresses = _addresses_of(one)
        for address in addresses:
            is_strict = Address.parse(address).domain.unicode in self._strict
            key, here = address if is_strict else address.casefold(), (kind, index)
            if (before := self._addresses.setdefault(key, here)) != here:
                raise Invalid(f"{address} is taken already: {self._places.of(*before)}")
        for domain in [*(Address.parse(each).domain.unicode for each in addresses), *_owned(one)]:
            if domain not in self._domains:
                raise Invalid(f"{domain} is neither a domain here nor one of the file")
        self._names.add((kind, name))
        if kind == "domain":
            self._domains.add(name)


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


def _addresses_of(one: Item) -> Sequence[str]:
    """The addresses that an item takes."""
    if isinstance(one, AccountItem):
        return [one.address, *(one.addresses or ())]
    return [one.address] if isinstance(one, AliasItem) else ()


def _owned(one: Item) -> list[str]:
    """The domains that an account administers."""
    return list(one.administers or ()) if isinstance(one, AccountItem) else []


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
