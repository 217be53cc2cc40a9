"""What all doors of one server share, wired by hand: the parts of a running server.

Made from the settings and the open office; ``app`` opens doors on it, starts delivery, and
closes everything in order.
"""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from postroom import process
from postroom.access.guard import Guard
from postroom.access.indexer import Indexer, forget_all
from postroom.access.login import Login
from postroom.access.scripts import Scripts
from postroom.access.tokens import Tokens, source_of
from postroom.access.urlauth import submitted
from postroom.access.warning import Warner
from postroom.admin import reporting
from postroom.admin.fetcher import Fetcher
from postroom.admin.office import Office
from postroom.admin.tls.renewal import Renewal
from postroom.admin.watch.pulse import Pulse
from postroom.config.model import Config, Listen
from postroom.delivery.outbound import Shared, outbound
from postroom.directory.scripts import Room
from postroom.directory.sending import Sending
from postroom.errors import MailError, Refused
from postroom.intake.collecting import Collector
from postroom.intake.gate import Gate, Memory
from postroom.intake.intake import Intake
from postroom.intake.peer import SUBMISSION
from postroom.intake.returns import Returns
from postroom.intake.services import Services as IntakeServices
from postroom.intake.waiting import REJECTS_PER_HOUR, waiting
from postroom.listen.caps import Caps
from postroom.listen.connections import Connections
from postroom.listen.door import Contexts, Door
from postroom.listen.imap.conversation import Services as ImapServices
from postroom.listen.imap.door import ImapDoor, Settings as ImapSettings
from postroom.listen.listener import Listener
from postroom.listen.managesieve.door import ManageSieveDoor, Settings as ManageSieveSettings
from postroom.listen.pop3.door import Pop3Door, Settings as Pop3Settings
from postroom.listen.revocation import Revocation
from postroom.listen.smtp.door import Network, Settings as SmtpSettings, SmtpDoor
from postroom.net.dns import Resolver
from postroom.net.tls import Certificates
from postroom.policy import memory, trust
from postroom.policy.bans import Bans
from postroom.policy.blocklists import Blocklist
from postroom.policy.connection import Connection
from postroom.policy.devices import Devices
from postroom.policy.dmarc_counts import DmarcCounts
from postroom.policy.greylist import Greylist
from postroom.policy.keeper import Keeper
from postroom.policy.logins import Logins
from postroom.policy.rates import Counters
from postroom.policy.reputation import Reputation
from postroom.policy.spam import SpamFilter
from postroom.policy.teacher import Teacher
from postroom.policy.verdict import Stage
from postroom.post.commit import Post
from postroom.post.journal import addressed
from postroom.post.notice import Budget
from postroom.protocol.smtp.settings import Settings as SessionSettings
from postroom.queue.listing import stats as queue_stats
from postroom.sieve.limits import Limits as SieveLimits
from postroom.sieve.rules import EXTENSIONS, NOTIFY_METHODS
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble
from postroom.telemetry.trouble import quietly


class House:
    """What all doors of one server share, wired by hand."""

    def __init__(self, config: Config, office: Office) -> None:
        limits = config.limits
        self.config = config
        self.office = office
        self._pulse = Pulse(office)
        self.certificates = Certificates(
            config.hostname,
            config.folder,
            certificate=config.tls.certificate,
            key=config.tls.key,
            minimum=config.tls.minimum,
            client_ca=config.tls.client_ca_file,
            now=dt.datetime.now(dt.UTC),
        )
        self.connections = Connections(
            Caps(
                total=process.connections(limits.max_connections),
                per_network=limits.max_connections_per_ip,
            )
        )
        self.revocation = Revocation(office.db, self.connections)
        self.resolver = Resolver(config.dns.servers)
        self.renewal = Renewal(
            office, self.resolver, self.certificates.install, self.certificates.proofs.show
        )
        source = source_of(config.oauth)
        self.bans = Bans()
        devices = Devices()
        greylist = Greylist(60_000 * config.connections.greylist_minutes)
        logins = Logins(is_kept=config.login.history_days > 0)
        self.keeper = Keeper(office.db, office.clock, self.bans, devices, greylist, logins)
        self._gate = Gate(
            config.connections,
            hostname=config.hostname,
            names=self.resolver,
            blocklists=tuple(map(Blocklist, config.dnsbl)),
            memory=Memory(office.db, Counters(config.rates), self.bans, greylist),
            clock=office.clock,
        )
        self.login = Login(
            office.directory,
            office.clock,
            tokens=Tokens(source, self.resolver, office.clock) if source else None,
            guard=Guard(office.clock, self.bans, devices),
            logins=logins,
            with_scram=config.ldap.url is None,
        )
        self.post = Post(office.db, office.blobs, office.notify, office.clock, warned=self._warned)
        self._delivery = outbound(
            config,
            Shared(
                db=office.db,
                blobs=office.blobs,
                directory=office.directory,
                post=self.post,
                ids=office.ids,
                notify=office.notify,
                resolver=self.resolver,
                addressed=partial(addressed, office, office.directory),
                clock=office.clock,
                desk=waiting(config, office, self.post, self.resolver),
            ),
        )
        self.post.express = self._delivery
        self._delivering: asyncio.Task[bool] | None = None
        self._sending = Sending(office.db, office.clock, limits.sends_per_day)
        self.counts = DmarcCounts(office.db, office.clock)
        self._collector = Collector(
            office.db,
            office.blobs,
            office.ids,
            office.directory,
            Returns(office.db, office.ids, office.directory, office.clock, config.suppression),
            is_receiving=config.reports.receive,
        )
        self._reputation = Reputation(office.db, office.clock) if config.spam.enabled else None
        self.intake = Intake(
            IntakeServices(
                hostname=config.hostname,
                limits=limits,
                directory=office.directory,
                store=office.store,
                blobs=office.blobs,
                post=self.post,
                ids=office.ids,
                clock=office.clock,
                disk=office.blobs.disk,
                sending=self._sending,
                budget=Budget(office.clock, config.delivery.notices_per_hour),
                kept=Budget(office.clock, REJECTS_PER_HOUR),
                stages=(
                    *trust.stages(config.authentication),
                    Connection(config.connections.junk_score),
                    *self._spam_filter(),
                    *_external(config),
                ),
                outgoing=_external(config, is_outgoing=True),
                milters=tuple([one for one in config.filter if one.kind == "milter"]),
                gate=self._gate,
                resolver=self.resolver,
                reputation=self._reputation,
                authentication=config.authentication,
                counts=self.counts if config.reports.send else None,
                collector=self._collector,
                filing=config.filing,
                suppression=config.suppression,
                quotes=partial(
                    submitted,
                    store=office.store,
                    sharing=office.directory,
                    known=self.login.known,
                ),
            )
        )
        self._indexer = Indexer(office.store, config.search.max_text)
        self._listeners: list[Listener] = []
        self._warner = Warner(office.store, office.directory.address_of, config.hostname)

    def _spam_filter(self) -> Sequence[Stage]:
        """The stage that judges by what was learned, unless it is switched off."""
        if self._reputation is None:
            return ()
        known = memory.Memory(self.office.db, self.office.clock)
        return (SpamFilter(known, self.config.spam.junk_at, self._reputation),)

    async def open(self, listen: Listen, opened: Sequence[socket.socket]) -> None:
        """Accept connections on these sockets; they are the listener's from here on."""
        listener = Listener(
            opened,
            self._factory(listen),
            implicit_tls=self._contexts(listen) if listen.is_implicit_tls else None,
        )
        self._listeners.append(listener)
        await listener.open()

    def _factory(self, listen: Listen) -> Callable[[], Door]:
        """What makes a connection of this listener."""
        if listen.protocol in {"imap", "imaps"}:
            return self._imap(listen)
        if listen.protocol in {"pop3", "pop3s"}:
            return self._pop3(listen)
        if listen.protocol == "managesieve":
            return self._managesieve(listen)
        return self._smtp(listen)

    def _contexts(self, listen: Listen) -> Contexts:
        """Other servers show certificates of any kind: only people are asked for theirs."""
        is_for_servers = listen.protocol in {"smtp", "lmtp"}
        return self.certificates.context if is_for_servers else self.certificates.for_people

    def deliver(self) -> None:
        """Begin to deliver what waits for other servers."""
        self._delivering = asyncio.get_running_loop().create_task(
            quietly("delivery", self._delivery.run)
        )

    async def index(self) -> None:
        """Keep the search index up to date, or drop it where it is switched off."""
        if self.config.search.index:
            await self._indexer.run()
        else:
            await forget_all(self.office.store)

    async def learn(self) -> None:
        """Learn what people show to be spam or not, unless the filter is switched off."""
        office, settings = self.office, self.config.spam
        if self._reputation is not None:
            teacher = Teacher(
                office.db, office.blobs, office.clock, together=settings.learn_together
            )
            async with asyncio.TaskGroup() as both:
                both.create_task(teacher.run())
                both.create_task(self._reputation.run())

    async def fetch(self) -> None:
        """Fetch mail from accounts elsewhere."""
        await Fetcher(self.office, self.intake).run()

    async def report(self) -> None:
        """Count for daily reports, and send them."""
        await reporting.run(self.office, self.post, self.resolver, self.counts)

    async def close_doors(self) -> None:
        """No new connections; what has begun, in and out, is finished."""
        for listener in self._listeners:
            await listener.close()
        if self._delivering is not None:
            self._delivering.cancel()
            await asyncio.gather(self._delivering, return_exceptions=True)
        seconds = self.config.limits.drain_seconds
        await self.connections.drain(seconds)
        await self._delivery.stop(seconds)
        await self._sending.close()
        if self._reputation is not None:
            await self._reputation.close()
        await self._collector.close()
        with contextlib.suppress(MailError):  # counts are a courtesy
            await self.counts.flush()
        await self.keeper.close()
        await self.resolver.close()
        await self._warner.close()

    def reload(self) -> None:
        """Read the certificate again (SIGHUP); on an error the old one stays."""
        try:
            self.certificates.reload()
        except Refused as error:
            sink.emit(StorageTrouble(where="tls", reason=str(error)))

    async def check(self) -> None:
        """Raises when the database does not answer."""
        await self.office.db.read(lambda tx: tx.one("SELECT 1"))

    async def gauges(self) -> Mapping[str, float]:
        """The figures of /metrics that are not counted events."""
        waiting = await self.office.db.read(queue_stats)
        emitter = sink.installed()
        return {
            "connections": len(self.connections),
            "bans": len(self.bans),
            "tarpitted": self._gate.tarpit.taken,
            "queue_deliveries": waiting.deliveries,
            "queue_held": waiting.held,
            "queue_quarantined": waiting.quarantined,
            "search_waiting": self._indexer.waiting,
            "log_failures": emitter.failed if isinstance(emitter, sink.Sink) else 0,
            **await self._pulse.figures(),
        }

    def _warned(self, due: Collection[tuple[int, int]]) -> None:
        """Mailboxes are nearly full: tell their people, after the commit."""
        self._warner.send(self.post, due)

    def _smtp(self, listen: Listen) -> Callable[[], Door]:
        limits = self.config.limits
        settings = SmtpSettings(
            session=SessionSettings(
                hostname=self.config.hostname,
                dialect="LMTP" if listen.protocol == "lmtp" else "SMTP",
                max_message=limits.max_message,
                max_recipients=limits.max_recipients,
                auth=listen.auth or "never",
                requires_login=listen.protocol in SUBMISSION,
                offers_tls=True,
                soft_errors=limits.soft_errors,
                hard_errors=limits.hard_errors,
                login_failures=limits.login_failures,
                clock=self.office.clock,
                has_urls=True,
                asks_unknown=any(one.kind == "milter" for one in self.config.filter),
            ),
            intake=self.intake,
            login=self.login,
            connections=self.connections,
            protocol=listen.protocol,
            contexts=self._contexts(listen),
            implicit_tls=listen.is_implicit_tls,
            trusted=_networks(self.config.trusted),
            relay_from=_networks(listen.relay_from),
            checks=listen.checks == "full",
            idle_seconds=limits.smtp_idle_minutes * 60.0,
            gate=self._gate,
            tarpit=self._gate.tarpit,
            greeting_pause=self.config.connections.greeting_pause,
        )
        return partial(SmtpDoor, settings)

    def _imap(self, listen: Listen) -> Callable[[], Door]:
        services = ImapServices(
            login=self.login,
            store=self.office.store,
            sharing=self.office.directory,
            post=self.post,
            clock=self.office.clock,
            max_message=self.config.limits.max_message,
            may_open=self.config.sharing.anyone,
        )
        settings = ImapSettings(
            hostname=self.config.hostname,
            protocol="imaps" if listen.protocol == "imaps" else "imap",
            auth=listen.auth or "tls",
            idle_seconds=self.config.limits.imap_idle_minutes * 60.0,
            login_seconds=self.config.limits.login_seconds,
            soft_errors=self.config.limits.soft_errors,
            hard_errors=self.config.limits.hard_errors,
            login_failures=self.config.limits.login_failures,
        )
        return partial(
            ImapDoor, self.connections, services, settings, contexts=self._contexts(listen)
        )

    def _pop3(self, listen: Listen) -> Callable[[], Door]:
        settings = Pop3Settings(
            hostname=self.config.hostname,
            login=self.login,
            store=self.office.store,
            connections=self.connections,
            protocol=listen.protocol,
            contexts=self._contexts(listen),
            implicit_tls=listen.is_implicit_tls,
            auth=listen.auth or "tls",
            login_seconds=self.config.limits.login_seconds,
            idle_seconds=self.config.limits.pop3_idle_minutes * 60.0,
            soft_errors=self.config.limits.soft_errors,
            login_failures=self.config.limits.login_failures,
        )
        return partial(Pop3Door, settings)

    def _managesieve(self, listen: Listen) -> Callable[[], Door]:
        office, limits = self.office, self.config.limits
        room = Room(self.config.sieve.max_scripts, self.config.sieve.max_script)
        settings = ManageSieveSettings(
            login=self.login,
            scripts=Scripts(office.directory, office.ids, office.clock, room),
            connections=self.connections,
            extensions=EXTENSIONS,
            notify=NOTIFY_METHODS,
            max_redirects=SieveLimits().max_redirects,
            contexts=self._contexts(listen),
            auth=listen.auth or "tls",
            login_seconds=limits.login_seconds,
            idle_seconds=limits.managesieve_idle_minutes * 60.0,
            soft_errors=limits.soft_errors,
            hard_errors=limits.hard_errors,
            login_failures=limits.login_failures,
        )
        return partial(ManageSieveDoor, settings)


def _external(config: Config, *, is_outgoing: bool = False) -> Sequence[Stage]:
    """Other programs that judge messages; most servers have none."""
    if not config.filter:
        return ()
    from postroom.policy.filters import external

    return external.stages(config.filter, config.hostname, is_outgoing=is_outgoing)


def _networks(texts: Sequence[str]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)
