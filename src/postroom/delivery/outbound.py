"""Delivery as the composition root holds it: every part wired, from a few that are shared."""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

from postroom.blobs.store import BlobStore
from postroom.config.model import Config
from postroom.db.database import Database
from postroom.db.ids import Ids
from postroom.delivery.clerk import Clerk
from postroom.delivery.connector import Connector, Settings
from postroom.delivery.content import Contents
from postroom.delivery.dead_hosts import DeadHosts
from postroom.delivery.detached import Detached, bench_of
from postroom.delivery.dispatcher import Dispatcher
from postroom.delivery.endings import Endings
from postroom.delivery.exchangers import Lookup
from postroom.delivery.finisher import Finish, Finisher
from postroom.delivery.gathering import Gathering
from postroom.delivery.here import Desk, Filer
from postroom.delivery.local import Local
from postroom.delivery.notices import Addressed, Notices
from postroom.delivery.outlet import Outlet
from postroom.delivery.peer import NO_LIMITS
from postroom.delivery.pool import Pool
from postroom.delivery.providers import Slots
from postroom.delivery.reporter import Reporter
from postroom.delivery.router import Router
from postroom.delivery.schedule import Schedule
from postroom.delivery.services import Rules, Services
from postroom.delivery.settler import Settler
from postroom.delivery.signatures import Signatures
from postroom.delivery.sts_cache import StsCache
from postroom.delivery.tls_counts import TlsCounts
from postroom.delivery.tls_policy import TlsPolicy
from postroom.delivery.troubles import Troubles
from postroom.delivery.wire import Limits
from postroom.delivery.workbench import Workbench, left_behind
from postroom.directory.directory import Directory
from postroom.errors import ConfigurationError
from postroom.net import fetch
from postroom.net.addresses import Network
from postroom.net.dns import Resolver
from postroom.net.tls_client import ClientTls
from postroom.notify import Notify
from postroom.post.commit import Post

_ANYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))


@dataclass(frozen=True, slots=True)
class Shared:
    """What delivery shares with the rest of the server."""

    db: Database
    blobs: BlobStore
    directory: Directory
    post: Post
    ids: Ids
    notify: Notify
    resolver: Resolver
    addressed: Addressed
    clock: Callable[[], int]
    desk: Desk | None = None


def schedule_of(config: Config) -> Schedule:
    """The times of ``[delivery]``."""
    delivery = config.delivery
    return Schedule(
        first_retry=delivery.first_retry_minutes * 60_000,
        longest_retry=delivery.longest_retry_minutes * 60_000,
        delay_notice=delivery.delay_notice_hours * 3_600_000,
        give_up=delivery.give_up_hours * 3_600_000,
        backup_give_up=delivery.backup_mx_give_up_hours * 3_600_000,
    )


def client_tls(config: Config) -> ClientTls:
    """TLS with others. Raises ConfigurationError for authorities that can't be read."""
    path = config.delivery.ca_file
    try:
        return ClientTls(path)
    except OSError as error:
        raise ConfigurationError(f"delivery.ca_file: {path} can't be read: {error}") from error


def connector_of(
    config: Config,
    shared: Shared,
    tls: ClientTls,
    counts: TlsCounts,
    limits: Limits = NO_LIMITS,
) -> Connector:
    """Connections as the configuration has them; also for trying a relay out."""
    delivery = config.delivery
    chance = random.SystemRandom()
    sources = tuple([one for one in (delivery.source_ipv4, delivery.source_ipv6) if one])
    return Connector(
        Settings(hostname=config.hostname, port=delivery.port, sources=sources, limits=limits),
        lookup_of(config, shared.resolver),
        Lookup(shared.resolver, config.hostname, shuffle=chance.shuffle, allow_private=_ANYWHERE),
        tls_policy_of(config, shared.db, shared.directory, shared.resolver, shared.clock),
        tls,
        counts,
        DeadHosts(shared.clock),
    )


def lookup_of(config: Config, resolver: Resolver) -> Lookup:
    """Where domains take their mail."""
    chance = random.SystemRandom()
    allowed = _allowed(config)
    return Lookup(resolver, config.hostname, shuffle=chance.shuffle, allow_private=allowed)


def tls_policy_of(
    config: Config,
    db: Database,
    directory: Directory,
    resolver: Resolver,
    clock: Callable[[], int],
) -> TlsPolicy:
    """How their servers are spoken to."""
    file = config.delivery.ca_file
    authorities = Path(file).read_text("utf-8", "replace") if file else None
    rules = fetch.Rules(allow_private=_allowed(config), authorities=authorities)
    return TlsPolicy(directory.tls_rules, StsCache(db, resolver, clock, rules), resolver)


def _allowed(config: Config) -> tuple[Network, ...]:
    return tuple([ip_network(text) for text in config.delivery.allow_private])


def services_of(
    config: Config,
    shared: Shared,
    counts: TlsCounts,
    bench: Workbench,
    finish: Finish,
    *,
    chance: Callable[[], float],
    limits: Limits = NO_LIMITS,
) -> Services:
    """What couriers work with. ``chance`` gives numbers from 0 up to 1.

    ``finish`` writes the ends of messages that nobody is told of.
    """
    delivery, schedule = config.delivery, schedule_of(config)
    db, blobs, clock, ids = shared.db, shared.blobs, shared.clock, shared.ids
    directory = shared.directory
    notices = Notices(
        directory,
        shared.addressed,
        ids,
        clock,
        hostname=config.hostname,
        per_hour=delivery.notices_per_hour,
        schedule=schedule,
    )
    gathering = Gathering(finish)
    settler = Settler(
        db, shared.post, blobs, clock, suppression=config.suppression, hint=directory.hint
    )
    return Services(
        db=db,
        contents=Contents(db, blobs, Signatures(directory.signing_keys, clock), bench),
        router=Router(directory, directory.relays, capture=delivery.capture),
        connector=connector_of(config, shared, client_tls(config), counts, limits),
        pool=Pool(idle_seconds=delivery.idle_seconds),
        slots=Slots(),
        reporter=Reporter(settler, gathering, notices, ids, clock, schedule),
        gathering=gathering,
        local=Local(Filer(db, blobs, directory, ids, clock, shared.desk), directory),
        troubles=Troubles(),
        clock=clock,
        chance=chance,
        rules=Rules(
            schedule,
            max_recipients=delivery.max_recipients,
            max_messages=delivery.max_messages,
            most_per_destination=delivery.max_connections_per_destination,
            places=delivery.max_connections,
            is_alone=db.engine == "sqlite",
        ),
    )


def outbound(config: Config, shared: Shared) -> Outlet:
    """Everything wired, for a server. Raises ConfigurationError."""
    crashed = left_behind(bench_of(config))  # by a delivery process that died with its server
    bench = Workbench(config.folder / "workbench", crashed)
    counts = TlsCounts(shared.db, shared.clock)
    finish = Finisher(shared.db, shared.blobs, shared.clock).finish
    services = _benched(config, shared, counts, bench, finish)
    clerk = Clerk(services, Endings(services), shared.ids, steady=_steady)
    dispatcher = Dispatcher(
        services, shared.ids, shared.notify, clerk=clerk, counts=counts, bench=bench
    )

    def detached(left: Callable[[int], None]) -> Detached:
        return Detached(config, services.troubles, shared.clock, left=left, finish=finish)

    rule = config.delivery.process
    if rule == "auto" and _cores() < 2:
        rule = "never"
    return Outlet(dispatcher, shared.notify, detached, rule, config.limits.drain_seconds)


def carried(
    config: Config, shared: Shared, told: Callable[[str, int], None], finish: Finish
) -> Dispatcher:
    """The same for a delivery process; ``told`` learns which destinations are in trouble."""
    bench = Workbench(bench_of(config))
    counts = TlsCounts(shared.db, shared.clock)
    services = _benched(config, shared, counts, bench, finish)
    services = replace(
        services, troubles=Troubles(told), rules=replace(services.rules, is_alone=False)
    )
    return Dispatcher(services, shared.ids, shared.notify, clerk=None, counts=counts, bench=bench)


def _benched(
    config: Config, shared: Shared, counts: TlsCounts, bench: Workbench, finish: Finish
) -> Services:
    # It spreads attempts and hides nothing: not worth a system call a message.
    chance = random.Random().random  # noqa: S311
    try:
        return services_of(config, shared, counts, bench, finish, chance=chance)
    except BaseException:
        bench.close()
        raise


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _steady() -> int:
    return time.monotonic_ns() // 1_000_000
