"""What is set up here now, as ``items``."""

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

import msgspec

from postroom.address import Address, Domain
from postroom.admin import (
    accounts,
    aliases,
    backup_domains,
    bans,
    domains,
    lists,
    shares,
    webhooks,
)
from postroom.admin.accounts import AccountView
from postroom.admin.apply import members
from postroom.admin.apply.items import (
    AccountItem,
    AliasItem,
    BackupDomainItem,
    BanItem,
    DkimKeyItem,
    DnsProviderItem,
    DomainItem,
    LimitsItem,
    MailingListItem,
    Manifest,
    RelayItem,
    ShareItem,
    TlsRuleItem,
    UseItem,
    WebhookItem,
)
from postroom.admin.office import Office
from postroom.admin.outgoing import relays, tls_rules
from postroom.db.database import Tx
from postroom.directory import (
    accounts as rows,
    dkim_keys,
    dns_providers,
    domain_suppressions,
    domains as domain_rows,
    scripts,
)
from postroom.directory.allotments import NOTHING, Allotment
from postroom.directory.sealing import open_sealed

TOGETHER: Final = 200  # accounts in one transaction


async def besides_people(office: Office, *, with_secrets: bool = False) -> Manifest:
    """Everything but the accounts; with keys, passwords of relays and other secrets, if wanted."""
    providers: Sequence[DnsProviderItem] | None = None
    if with_secrets:
        providers = await office.directory.look(lambda tx: _providers(office, tx))
    return Manifest(
        domain=tuple(await _domains(office, with_secrets=with_secrets)),
        backup_domain=tuple(
            [BackupDomainItem(name=one.name) async for one in backup_domains.every(office)]
        ),
        alias=tuple(
            [
                AliasItem(
                    address=one.address,
                    targets=one.targets,
                    hidden=one.hidden,
                    writers=one.writers,
                )
                async for one in aliases.every(office)
            ]
        ),
        mailing_list=tuple([await _list(office, one) async for one in lists.every(office)]),
        relay=tuple(await _relays(office, with_secrets=with_secrets)),
        tls_rule=tuple(
            [TlsRuleItem(domain=one.domain, mode=one.mode) async for one in tls_rules.every(office)]
        ),
        share=tuple(
            sorted(
                [
                    ShareItem(what=one.what, grantee=one.grantee, rights=one.rights)
                    async for one in shares.every(office)
                ],
                key=lambda one: (one.what, one.grantee),
            )
        ),
        script=tuple(await office.directory.look(lambda tx: members.scripts_of(tx, scripts.SITE))),
        webhook=tuple(await office.directory.look(lambda tx: _webhooks(office, tx, with_secrets))),
        ban=tuple([_ban(one) async for one in bans.every(office) if one.by_hand]),
        dns_provider=tuple(providers) if providers else None,
    )


async def _list(office: Office, one: lists.ListView) -> MailingListItem:
    people = [each async for each in lists.members(office, one.address)]
    return MailingListItem(
        address=one.address,
        name=one.name,
        posting=one.posting,
        moderation=one.moderation,
        subscribing=one.subscribing,
        rewrite_from=one.rewrite_from,
        own_copy=one.own_copy,
        max_size=one.max_size,
        owners=one.owners,
        archive=one.archive,
        members=tuple([each.address for each in people]),
        suspended=tuple([each.address for each in people if each.suspended]),
    )


async def domains_now(office: Office) -> list[DomainItem]:
    """The domains, without secrets."""
    return await _domains(office, with_secrets=False)


async def people(office: Office, *, with_secrets: bool) -> AsyncIterator[list[AccountItem]]:
    """The accounts that are not removed, some at a time, by domain and name.

    ``with_secrets``: what recognises their passwords, too.
    """
    some: list[AccountView] = []
    async for one in accounts.every(office):
        if one.state in {"active", "disabled"}:
            some.append(one)
        if len(some) == TOGETHER:
            yield await _read(office, some, with_secrets=with_secrets)
            some = []
    if some:
        yield await _read(office, some, with_secrets=with_secrets)


async def _read(
    office: Office, some: Sequence[AccountView], *, with_secrets: bool
) -> list[AccountItem]:
    key = office.directory.secrets.seal if with_secrets else None
    return await office.directory.look(lambda tx: [members.account(tx, one, key) for one in some])


async def named(
    office: Office, addresses: Sequence[str], *, with_secrets: bool
) -> Mapping[str, AccountItem]:
    """Those of these accounts that are there, by the address that was asked for."""
    key = office.directory.secrets.seal if with_secrets else None

    def read(tx: Tx) -> dict[str, AccountItem]:
        there = {}
        for text in addresses:
            found = rows.find(tx, Address.parse(text))
            if found is not None and str(found.address).casefold() == text.casefold():
                there[text] = found
        views = accounts.views(tx, list(there.values()), office.now())
        return {
            text: members.account(tx, view, key) for text, view in zip(there, views, strict=True)
        }

    return await office.directory.look(read)


async def _domains(office: Office, *, with_secrets: bool) -> list[DomainItem]:
    found = []
    limits = await domains.limits(office)
    sharing = await office.directory.look(domain_suppressions.sharing)
    async for one in domains.every(office):
        keys: list[DkimKeyItem] | None = None
        if with_secrets:
            keys = await office.directory.look(lambda tx, name=one.ascii: _keys(office, tx, name))  # type: ignore[misc]
        is_shared = one.ascii in sharing
        found.append(_domain(one, limits.get(one.ascii, NOTHING), keys, is_shared=is_shared))
    return found


def _domain(
    one: domains.DomainView,
    limits: Allotment,
    keys: Sequence[DkimKeyItem] | None,
    *,
    is_shared: bool,
) -> DomainItem:
    dkim_key = None if keys is None else tuple(keys)
    if one.alias_of:
        alias_of = Domain(one.alias_of).unicode
        return DomainItem(name=one.name, alias_of=alias_of, dkim_key=dkim_key)
    return DomainItem(
        name=one.name,
        catch_all=one.catch_all,
        separators=one.separators,
        case=one.case,
        dots=one.dots,
        journal=one.journal,
        share_suppression=is_shared,
        limits=LimitsItem(**msgspec.structs.asdict(limits)),
        dkim_key=dkim_key,
    )


def _keys(office: Office, tx: Tx, name: str) -> list[DkimKeyItem]:
    own = domain_rows.require(tx, Domain(name))
    opened = [
        dkim_keys.opened(tx, key, office.directory.secrets.seal)
        for key in dkim_keys.of(tx, own.id)
        if key.state != "retired"
    ]
    return [
        DkimKeyItem(
            selector=one.selector,
            algorithm=one.material.algorithm,
            state=one.state,
            private_key=base64.b64encode(one.material.private).decode("ascii"),
        )
        for one in opened
    ]


async def _relays(office: Office, *, with_secrets: bool) -> Sequence[RelayItem]:
    found = []
    async for one in relays.every(office):
        password = None
        if with_secrets and one.password:
            password = (await relays.load(office, one.name)).password
        found.append(
            RelayItem(
                name=one.name,
                host=one.host,
                port=one.port,
                tls=one.tls,
                verify=one.verify,
                login=one.login,
                password=password,
                token=one.mechanism == "xoauth2",
                preset=one.preset,
                use=tuple(UseItem(kind=use.kind, of=use.of) for use in one.uses),
            )
        )
    return found


def _webhooks(office: Office, tx: Tx, with_secrets: bool) -> list[WebhookItem]:
    found: dict[str, WebhookItem] = {}
    for hook in webhooks.present(tx):
        of_account = "@" in hook.within
        one = WebhookItem(
            url=hook.url,
            events=webhooks.shortest(hook.events),
            domain=hook.within if hook.within and not of_account else None,
            account=hook.within if of_account else None,
            on=hook.is_on,
            secret=webhooks.written(webhooks.secret_of(office, hook)) if with_secrets else None,
        )
        found.setdefault(one.title, one)  # of two alike, one
    return list(found.values())


def _ban(one: bans.BanView) -> BanItem:
    until = None if one.until is None else one.until.isoformat()
    return BanItem(network=one.network, doors=one.doors, reason=one.reason, until=until)


def _providers(office: Office, tx: Tx) -> list[DnsProviderItem]:
    key = office.directory.secrets.seal
    return [
        DnsProviderItem(
            name=one.name,
            kind=one.kind,
            zones=one.zones,
            secret=open_sealed(key, one.secret, dns_providers.context(one.name)).decode(),
            server=one.server,
            key_name=one.key_name,
            algorithm=one.algorithm,
            authorities=one.authorities,
        )
        for one in dns_providers.listing(tx)
    ]
