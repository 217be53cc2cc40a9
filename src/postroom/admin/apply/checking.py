"""Whether a ``manifest`` can be made true at all, before anything is changed.

Names become what they are stored as. What is wrong with one item does not hide what is wrong with
the others: all of it is told, each with its place in the file.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

from postroom.access import rights as letters
from postroom.address import Address
from postroom.admin import accounts, bans, names, shares, webhooks
from postroom.admin.apply import members
from postroom.admin.apply.items import (
    AccountItem,
    AliasItem,
    BackupDomainItem,
    BanItem,
    DnsProviderItem,
    DomainItem,
    Item,
    MailingListItem,
    Manifest,
    PasswordItem,
    RelayItem,
    RetentionItem,
    RuleItem,
    ShareItem,
    TlsRuleItem,
    WebhookItem,
)
from postroom.admin.apply.manifest import Places
from postroom.admin.apply.steps import name_of
from postroom.admin.filters import rules
from postroom.directory import senders, suppressions
from postroom.directory.rules import Rule
from postroom.errors import Invalid, Refused
from postroom.mailauth.dkim_key import BadKey, SigningKey

ItemT = TypeVar("ItemT", bound=Item)

_MAX_ROUNDS: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Checked:
    """The items with their names as they are stored and listed, and what is wrong with others.

    ``places`` are those of the good items; ``broken`` what the file calls the others.
    """

    manifest: Manifest
    places: Places
    faults: list[str]
    broken: list[str]


def canonical(wanted: Manifest, domains: Sequence[DomainItem], places: Places) -> Checked:
    """Look at each item by itself, and at whether two take the same name.

    ``domains`` are those that are there: addresses are of them, or of those in the file.
    """
    found: dict[str, tuple[Item, ...] | None] = {}
    kept: dict[str, list[int]] = {}
    faults: list[str] = []
    broken: list[str] = []
    taken = _Taken(wanted, domains, places)
    for kind in wanted.__struct_fields__:
        items: list[Item] = []
        for index, item in enumerate(getattr(wanted, kind) or ()):
            try:
                one = _CHECKS.get(type(item), _as_it_is)(item)
                taken.add(kind, index, one)
            except Refused as error:
                faults.append(f"{places.of(kind, index)}: {error}")
                broken.append(name_of(item))
            else:
                items.append(one)
                kept.setdefault(kind, []).append(index)
        found[kind] = None if getattr(wanted, kind) is None else tuple(items)
    return Checked(msgspec.convert(found, Manifest), places.narrowed(kept), faults, broken)


class _Taken:
    """The names and addresses of the items so far."""

    def __init__(self, wanted: Manifest, domains: Sequence[DomainItem], places: Places) -> None:
        self._places = places
        both = (*domains, *wanted.domain)
        self._strict = {one.name.casefold() for one in both if one.case == "sensitive"}
        self._now = {one.name: one for one in domains}
        self._domains = set(self._now)
        self._names: set[tuple[str, str]] = set()
        self._addresses: dict[str, tuple[str, int]] = {}

    def add(self, kind: str, index: int, one: Item) -> None:
        """One more; raises Invalid when another has its name, or an address has no domain."""
        if (kind, name := name_of(one)) in self._names:
            raise Invalid(f"{kind} {name} stands twice in the file; say it once")
        if isinstance(one, DomainItem) and (there := self._now.get(one.name)) is not None:
            _test_same(one, there)
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


def _test_same(one: DomainItem, now: DomainItem) -> None:
    if one.alias_of is not None and one.alias_of != (now.alias_of or ""):
        kind = f"an alias of {now.alias_of}" if now.alias_of else "no alias"
        raise Invalid(f"domain {one.name} is {kind} here; remove it first, or mend the file")


def _of_domain(one: DomainItem) -> DomainItem:
    for key in one.dkim_key or ():
        try:
            SigningKey.load(octets(key.private_key))
        except BadKey as error:
            raise Invalid(f"the key {key.selector} of {one.name}: {error}") from None
    return _with(
        one,
        name=_domain(one.name),
        alias_of=one.alias_of and _domain(one.alias_of),
        catch_all=one.catch_all and _address(one.catch_all),
        journal=one.journal and _address(one.journal),
    )


def _of_backup(one: BackupDomainItem) -> BackupDomainItem:
    return _with(one, name=_domain(one.name))


def _of_account(one: AccountItem) -> AccountItem:
    address = _address(one.address)
    limit = None if one.send_limit == "default" else one.send_limit
    accounts.test_values(one.name or "", one.quota or 0, one.message_quota or 0, limit)
    if one.password is not None:
        _test_password(one.password)
    scripts = [each.name for each in one.script or ()]
    if len(set(scripts)) < len(scripts) or sum(each.active for each in one.script or ()) > 1:
        raise Invalid(f"{address} has two scripts of one name, or two that are active; drop one")
    return _with(
        one,
        address=address,
        addresses=_addresses(one.addresses),
        administers=one.administers and tuple(map(_domain, one.administers)),
        send_as=one.send_as and tuple(map(_grant, one.send_as)),
        block=one.block and tuple(map(senders.pattern, one.block)),
        allow=one.allow and tuple(map(senders.pattern, one.allow)),
        suppress=one.suppress and tuple(map(suppressions.parsed, one.suppress)),
        forward=one.forward and _with(one.forward, to=_addresses(one.forward.to)),
        mask=one.mask and tuple(_with(each, address=_address(each.address)) for each in one.mask),
        retention=one.retention and _retention(one),
        rule=one.rule and tuple(members.rule_item(rule_of(each)) for each in one.rule),
    )


def _of_alias(one: AliasItem) -> AliasItem:
    if not one.targets:
        raise Invalid(f"alias {one.address} leads nowhere: name its targets")
    return _with(one, address=_address(one.address), targets=_addresses(one.targets))


def _of_list(one: MailingListItem) -> MailingListItem:
    people = {
        name: _addresses(said)
        for name in ("owners", "archive", "members", "suspended")
        if (said := getattr(one, name)) is not None
    }
    found = _with(one, address=_address(one.address), **people)
    if found.members is not None and not {*(found.suspended or ())} <= {*found.members}:
        raise Invalid(f"who is suspended in {found.address} has to be one of its members")
    return found


def _of_relay(one: RelayItem) -> RelayItem:
    return _with(one, name=one.name.strip().lower())


def _of_tls_rule(one: TlsRuleItem) -> TlsRuleItem:
    return _with(one, domain=_domain(one.domain))


def _of_share(one: ShareItem) -> ShareItem:
    given = letters.WORDS.get(one.rights) or letters.parse(one.rights)
    what, grantee = shares.written(one.what, one.grantee)
    word = one.rights if one.rights == "send" else letters.written(given)
    return _with(one, what=what, grantee=grantee, rights=word)


def _of_webhook(one: WebhookItem) -> WebhookItem:
    if one.secret is not None:
        webhooks.read(one.secret)
    return _with(
        one,
        events=webhooks.shortest(webhooks.chosen(one.events)),
        domain=one.domain and names.domain(one.domain).ascii,
        account=one.account and _address(one.account),
    )


def _of_ban(one: BanItem) -> BanItem:
    until = None
    if one.until is not None:
        try:
            until = datetime.fromisoformat(one.until).astimezone(UTC).isoformat()
        except ValueError:
            raise Invalid(
                f"{one.until!r} is no time; write it like 2030-12-24T18:00:00+00:00"
            ) from None
    reason = one.reason or bans.REASON
    return _with(one, network=bans.checked(one.network), until=until, reason=reason)


def _of_provider(one: DnsProviderItem) -> DnsProviderItem:
    zones = tuple(names.domain(each).ascii for each in one.zones)
    return _with(one, name=one.name.strip(), zones=zones, server=one.server.rstrip("/"))


def _as_it_is(one: Item) -> Item:
    return one


_CHECKS: Final[Mapping[type, Callable[[Any], Item]]] = {
    DomainItem: _of_domain,
    BackupDomainItem: _of_backup,
    AccountItem: _of_account,
    AliasItem: _of_alias,
    MailingListItem: _of_list,
    RelayItem: _of_relay,
    TlsRuleItem: _of_tls_rule,
    ShareItem: _of_share,
    WebhookItem: _of_webhook,
    BanItem: _of_ban,
    DnsProviderItem: _of_provider,
}


def _addresses_of(one: Item) -> Sequence[str]:
    """The addresses that an item takes."""
    if isinstance(one, AccountItem):
        return [one.address, *(one.addresses or ()), *(each.address for each in one.mask or ())]
    return [one.address] if isinstance(one, AliasItem | MailingListItem) else ()


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


def _grant(text: str) -> str:
    return f"@{names.domain(text).ascii}" if text.strip().startswith("@") else _address(text)


def _address(text: str) -> str:
    return str(names.address(text))


def _addresses(texts: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if texts is None else tuple(map(_address, texts))
