"""What of a file is to be done: the steps from how it is now, in the order of their needs.

Domains, people, aliases, mailing lists, catch-alls, relays, rules, shares; removals last and the other way
round. Accounts are looked at some at a time, shortly before their steps.
"""

import base64
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from postroom.address import Address
from postroom.admin import (
    accounts,
    aliases,
    backup_domains,
    bans,
    domain_suppression,
    domains,
    lists,
    shares,
    webhooks,
)
from postroom.admin.apply import inventory, mailing_lists, persons
from postroom.admin.apply.items import (
    AliasItem,
    BanItem,
    DkimKeyItem,
    DnsProviderItem,
    DomainItem,
    LimitsItem,
    Manifest,
    RelayItem,
    ScriptItem,
    UseItem,
    WebhookItem,
)
from postroom.admin.apply.steps import Step, StepView, There, change, differences, doing, name_of
from postroom.admin.dns import providers
from postroom.admin.domains import DomainChanges
from postroom.admin.filters import scripts
from postroom.admin.office import Office
from postroom.admin.outgoing import relays, tls_rules
from postroom.admin.outgoing.relays import UseView, Wanted
from postroom.directory.allotments import Allotment
from postroom.directory.dkim_keys import Generate, KnownKey, Material
from postroom.directory.relays import UseKind

_NEW_DOMAIN: Final = DomainItem(
    name="",
    catch_all="",
    separators="+",
    case="insensitive",
    dots="significant",
    journal="",
    share_suppression=False,
    limits=LimitsItem(),
)


async def steps(
    office: Office, wanted: Manifest, *, prune: bool, generate: Generate
) -> AsyncIterator[Step]:
    """What there is to do; ``prune``: also what the file does not name is removed.

    ``generate`` makes the keys of new domains.
    """
    now = await inventory.besides_people(office, with_secrets=True)
    for step in _homes(wanted, now, generate):
        yield step
    async for step in _people(office, wanted, now):
        yield step
    for step in _rest(wanted, now):
        yield step
    if prune:
        for step in _removals(wanted, now):
            yield step
        async for step in _departures(office, wanted, now):
            yield step


def _homes(wanted: Manifest, now: Manifest, generate: Generate) -> Iterator[Step]:
    there = There(now.domain)
    for index, domain in _in_order(wanted):
        yield from _domain_steps(domain, there.find(domain), index, generate)
    there = There(now.backup_domain)
    for index, backup in enumerate(wanted.backup_domain):
        if there.find(backup) is None:
            run = doing(backup_domains.add, backup.name)
            view = StepView("add", "backup domain", backup.name)
            yield Step(view, run, ("backup_domain", index))


def _in_order(wanted: Manifest) -> list[tuple[int, DomainItem]]:
    """The domains with their numbers, those that are aliases after the others."""
    return sorted(enumerate(wanted.domain), key=lambda pair: bool(pair[1].alias_of))


async def _people(office: Office, wanted: Manifest, now: Manifest) -> AsyncIterator[Step]:
    quotas = {one.name: one.limits.default_quota for one in now.domain if one.limits}
    for start in range(0, len(wanted.account), inventory.TOGETHER):
        some = wanted.account[start : start + inventory.TOGETHER]
        there = await inventory.named(
            office,
            [one.address for one in some],
            with_secrets=any(one.fetch is not None for one in some),
        )
        for index, account in enumerate(some, start):
            usual = quotas.get(Address.parse(account.address).domain.unicode, 0)
            for step in persons.steps(account, there.get(account.address), index, usual):
                yield step


def _domain_steps(
    one: DomainItem, now: DomainItem | None, index: int, generate: Generate
) -> Iterator[Step]:
    item = ("domain", index)
    if now is None:
        known = [_known(key) for key in one.dkim_key or ()]
        alias_of = one.alias_of or None
        run = doing(domains.add, one.name, alias_of=alias_of, generate=generate, known=known)
        yield Step(StepView("add", "domain", one.name), run, item)
        now = _NEW_DOMAIN
    elif _is_limited(now) and (step := _limits(one, now, item)):  # there may be room then
        yield step
    if said := differences(one, now, {"separators", "case", "dots"}):
        run = doing(domains.change, one.name, DomainChanges(**said))
        yield Step(change("domain", one.name, now, said), run, item)


def _known(one: DkimKeyItem) -> KnownKey:
    private = base64.b64decode(one.private_key)
    return KnownKey(one.selector, one.state, Material.of(one.algorithm, private))


def _address_steps(one: DomainItem, now: DomainItem | None, index: int) -> Iterator[Step]:
    item = ("domain", index)
    now = now or _NEW_DOMAIN
    if not _is_limited(now) and (step := _limits(one, now, item)):
        yield step  # when it has its accounts: their quotas are as the file says
    if one.catch_all is not None and one.catch_all != (now.catch_all or ""):
        run = doing(domains.change, one.name, DomainChanges(catch_all=one.catch_all))
        yield Step(change("domain", one.name, now, {"catch_all": one.catch_all}), run, item)
    if one.journal is not None and one.journal != (now.journal or ""):
        run = doing(domains.set_journal, one.name, one.journal)
        yield Step(change("domain", one.name, now, {"journal": one.journal}), run, item)
    shared = one.share_suppression
    if shared is not None and shared != bool(now.share_suppression):
        run = doing(domain_suppression.share, one.name, shared=shared)
        yield Step(change("domain", one.name, now, {"share_suppression": shared}), run, item)


def _is_limited(one: DomainItem) -> bool:
    return one.limits not in {None, LimitsItem()}


def _limits(one: DomainItem, now: DomainItem, item: tuple[str, int]) -> Step | None:
    if one.limits is None or one.limits == now.limits:
        return None
    limits = Allotment(**msgspec.structs.asdict(one.limits))
    run = doing(domains.set_limits, one.name, limits)
    return Step(change("domain", one.name, now, {"limits": one.limits}), run, item)


def _alias_steps(one: AliasItem, now: AliasItem | None, index: int) -> Iterator[Step]:
    item = ("alias", index)
    if now is None:
        run = doing(
            aliases.add,
            one.address,
            one.targets,
            hidden=bool(one.hidden),
            writers=one.writers or "anyone",
        )
        yield Step(StepView("add", "alias", one.address), run, item)
    elif said := differences(one, now, {"targets", "hidden", "writers"}):
        run = doing(aliases.change, now.address, **said)
        yield Step(change("alias", now.address, now, said), run, item)


def _rest(wanted: Manifest, now: Manifest) -> Iterator[Step]:
    there = There(now.alias)
    for index, alias in enumerate(wanted.alias):
        yield from _alias_steps(alias, there.find(alias), index)
    yield from mailing_lists.steps(wanted.mailing_list, now.mailing_list)
    there = There(now.domain)
    for index, domain in _in_order(wanted):
        yield from _address_steps(domain, there.find(domain), index)
    there = There(now.relay)
    for index, relay in enumerate(wanted.relay):
        yield from _relay_steps(relay, there.find(relay), index)
    there = There(now.tls_rule)
    for index, rule in enumerate(wanted.tls_rule):
        if rule != (before := there.find(rule)):
            view = StepView("add", "tls rule", rule.domain)
            if before:
                view = change("tls rule", rule.domain, before, {"mode": rule.mode})
            yield Step(view, doing(tls_rules.put, rule.domain, rule.mode), ("tls_rule", index))
    there = There(now.share)
    for index, share in enumerate(wanted.share):
        before = there.find(share)
        if before is None or sorted(before.rights) != sorted(share.rights):
            view = StepView("add", "share", share.title)
            if before:
                view = change("share", share.title, before, {"rights": share.rights})
            run = doing(shares.add, share.what, share.grantee, share.rights)
            yield Step(view, run, ("share", index))
    yield from _scripts(wanted, now)
    yield from _site(wanted, now)


def _site(wanted: Manifest, now: Manifest) -> Iterator[Step]:
    """Webhooks, bans, providers."""
    there = There(now.webhook)
    for index, hook in enumerate(wanted.webhook):
        before = there.find(hook)
        if before is None:
            view = StepView("add", "webhook", hook.title)
            yield Step(view, doing(_add_webhook, hook), ("webhook", index))
        elif hook.on is not None and hook.on != before.on:
            view = change("webhook", hook.title, before, {"on": hook.on})
            yield Step(view, doing(_change_webhook, hook), ("webhook", index))
    there = There(now.ban)
    for index, ban in enumerate(wanted.ban):
        before = there.find(ban)
        if before is None or before != ban:
            view = StepView("add", "ban", ban.title)
            if before:
                until = {"reason": ban.reason, "until": ban.until or "for good"}
                view = change("ban", ban.title, before, until)
            yield Step(view, doing(_put_ban, ban), ("ban", index))
    there = There(now.dns_provider or ())
    for index, provider in enumerate(wanted.dns_provider or ()):
        if provider != (before := there.find(provider)):
            view = StepView("add", "dns provider", provider.name)
            if before:
                said = differences(provider, before, set(provider.__struct_fields__))
                view = change("dns provider", provider.name, before, said)
            run = doing(_put_provider, provider, is_there=before is not None)
            yield Step(view, run, ("dns_provider", index))


def _scripts(wanted: Manifest, now: Manifest) -> Iterator[Step]:
    there = There(now.script)
    for index, script in enumerate(wanted.script):
        before = there.find(script)
        run = doing(_put_script, script)
        if before is None:
            yield Step(StepView("add", "script", script.name), run, ("script", index))
        elif said := differences(script, before, {"text", "active"}):
            yield Step(change("script", script.name, before, said), run, ("script", index))


def _relay_steps(one: RelayItem, now: RelayItem | None, index: int) -> Iterator[Step]:
    item = ("relay", index)
    members = {"host", "port", "tls", "verify", "login"}
    if now is None:
        said = {name: getattr(one, name) for name in (*members, "password")}
        wanted = Wanted(preset=one.preset or None, is_token=bool(one.token), **said)
        uses = [UseView(use.kind, use.of) for use in one.use or ()]
        run = doing(relays.add, one.name, wanted, uses)
        yield Step(StepView("add", "relay", one.name), run, item)
        return
    said = differences(one, now, members)
    shown = differences(one, now, {*members, "preset", "password", "token"})
    if {"login", "password", "token"} & set(shown) and one.password:
        said |= {"password": one.password, "is_token": bool(one.token)}
    if "preset" in shown:  # it would fill what is not said
        said |= {name: getattr(one, name) for name in ("preset", "host", "port", "tls")}
    if said:
        run = doing(relays.change, one.name, Wanted(**said))
        yield Step(change("relay", one.name, now, shown), run, item)
    if one.use is not None and _folded(one.use) != _folded(now.use or ()):
        run = doing(_set_uses, one.name, one.use, now.use or ())
        yield Step(change("relay", one.name, now, {"use": one.use}), run, item)


async def _set_uses(
    office: Office, name: str, wanted: Sequence[UseItem], now: Sequence[UseItem]
) -> None:
    new, old = _folded(wanted), _folded(now)
    if more := [UseView(*key) for key in sorted(new - old)]:
        await relays.use(office, name, more)
    if less := [UseView(*key) for key in sorted(old - new)]:
        await relays.unuse(office, name, less)


def _folded(uses: Sequence[UseItem]) -> set[tuple[UseKind, str]]:
    return {(one.kind, one.of.casefold()) for one in uses}


async def _add_webhook(office: Office, one: WebhookItem) -> str | None:
    """What its owner has to be told: the secret that was made up."""
    made = await webhooks.add(
        office, one.url, one.events, domain=one.domain, account=one.account, known=one.secret
    )
    if one.on is False:
        await webhooks.switch(office, made.id, is_on=False)
    return None if one.secret else f"the secret of webhook {one.title} is {made.secret}"


async def _change_webhook(office: Office, one: WebhookItem) -> None:
    for ident in await _webhook_ids(office, one):
        await webhooks.switch(office, ident, is_on=bool(one.on))


async def _remove_webhook(office: Office, one: WebhookItem) -> None:
    for ident in await _webhook_ids(office, one):
        await webhooks.remove(office, ident)


async def _webhook_ids(office: Office, one: WebhookItem) -> list[str]:
    about = one.domain or one.account or ""
    return [
        each.id
        for each in await webhooks.every(office)
        if (each.url, each.within, webhooks.shortest(each.events)) == (one.url, about, one.events)
    ]


async def _put_ban(office: Office, one: BanItem) -> None:
    until = None if one.until is None else datetime.fromisoformat(one.until)
    await bans.bring(office, one.network, reason=one.reason, until=until, doors=one.doors)


async def _put_provider(office: Office, one: DnsProviderItem, *, is_there: bool) -> None:
    if is_there:
        await providers.remove(office, one.name)
    new = providers.New(
        name=one.name, kind=one.kind, zones=one.zones, secret=one.secret, server=one.server,
        key_name=one.key_name, algorithm=one.algorithm or "hmac-sha256",
        authorities=one.authorities,
    )  # fmt: skip
    await providers.bring(office, new)


def _removals(wanted: Manifest, now: Manifest) -> Iterator[Step]:
    """What the file does not name, but accounts and domains; what needs others first."""
    for share in _left(now.share, wanted.share):
        run = doing(shares.remove, share.what, share.grantee)
        yield Step(StepView("remove", "share", share.title), run)
    for hook in _left(now.webhook, wanted.webhook):
        yield Step(StepView("remove", "webhook", hook.title), doing(_remove_webhook, hook))
    for kind, gone, remove in (
        ("script", _left(now.script, wanted.script), _remove_script),
        ("tls rule", _left(now.tls_rule, wanted.tls_rule), tls_rules.remove),
        ("relay", _left(now.relay, wanted.relay), relays.remove),
        ("mailing list", _left(now.mailing_list, wanted.mailing_list), lists.remove),
        ("alias", _left(now.alias, wanted.alias), aliases.remove),
    ):
        for one in gone:
            yield Step(StepView("remove", kind, name_of(one)), doing(remove, name_of(one)))
    for ban in _left(now.ban, wanted.ban):
        run = doing(bans.remove, ban.network, doors=ban.doors)
        yield Step(StepView("remove", "ban", ban.title), run)
    if wanted.dns_provider is not None:
        for provider in _left(now.dns_provider or (), wanted.dns_provider):
            run = doing(providers.remove, provider.name)
            yield Step(StepView("remove", "dns provider", provider.name), run)


async def _departures(office: Office, wanted: Manifest, now: Manifest) -> AsyncIterator[Step]:
    """The accounts and domains that the file does not name."""
    named = {one.address.casefold() for one in wanted.account}
    async for account in accounts.every(office):
        is_kept = account.state not in {"active", "disabled"}
        if not is_kept and account.address.casefold() not in named:
            view = StepView("remove", "account", account.address)
            yield Step(view, doing(accounts.remove, account.address))
    for backup in _left(now.backup_domain, wanted.backup_domain):
        view = StepView("remove", "backup domain", backup.name)
        yield Step(view, doing(backup_domains.remove, backup.name))
    old = _left(now.domain, wanted.domain)
    for domain in sorted(old, key=lambda one: not one.alias_of):
        view = StepView("remove", "domain", domain.name)
        yield Step(view, doing(domains.remove, domain.name))


async def _put_script(office: Office, one: ScriptItem) -> None:
    text = one.text.encode()
    await scripts.put(office, scripts.GLOBAL, one.name, text, active=one.active)
    if not one.active:
        await _stop_script(office, one.name)


async def _remove_script(office: Office, name: str) -> None:
    await _stop_script(office, name)
    await scripts.remove(office, scripts.GLOBAL, name)


async def _stop_script(office: Office, name: str) -> None:
    if any(one.active and one.name == name for one in await scripts.every(office, scripts.GLOBAL)):
        await scripts.deactivate(office, scripts.GLOBAL)


def _left(now: Sequence[Any], wanted: Sequence[Any]) -> list[Any]:
    named = There(wanted)
    return [one for one in now if named.find(one) is None]
