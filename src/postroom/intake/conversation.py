"""One SMTP or LMTP session: what is allowed on MAIL, RCPT and at the end of data.

What is legal was settled by ``protocol.smtp``. Each method answers one command and leaves
a state from which the session can go on, whatever happened: a fault of ours is answered
451 and told to the operator, an unfinished message leaves neither file nor row.

RFC 5321 §3.3 (mail transactions), §4.2.5 (who is responsible after DATA), §6.3 (loops);
RFC 6409 §6.1 (whose sender addresses), RFC 1870 §6 (sizes), RFC 2033 §4.2 (LMTP).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from postroom.directory.login import Identity
from postroom.errors import OutcomeUnknown, StorageFull
from postroom.intake import (
    examine,
    forwarding,
    relay,
    stopped,
    submission,
    suppressed,
    verify,
    writers,
)
from postroom.intake.arrival import Arrival
from postroom.intake.closing import Closing, Party
from postroom.intake.examine import Inquiry
from postroom.intake.gate import Visit
from postroom.intake.limits import MAX_COPIES
from postroom.intake.peer import Peer
from postroom.intake.plan import NOBODY, Envelope
from postroom.intake.refusals import Refusals
from postroom.intake.relay import Accepted
from postroom.intake.services import Quote, Services
from postroom.intake.stamp import Session
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.commands import Mail, Rcpt
from postroom.protocol.smtp.events import Unknown
from postroom.protocol.smtp.replies import Reply, reply_to
from postroom.queue.submissions import Wish

if TYPE_CHECKING:
    from postroom.intake.milters import Milters

DISK_FULL: Final = reply_to(StorageFull())
_NOBODY: Final = Mail(None)


class Conversation:
    """Made by ``Intake.open``. Called by one task, one call at a time."""

    def __init__(self, services: Services, peer: Peer) -> None:
        self._services = services
        self._peer = peer
        self._session = Session(peer, services.hostname)
        self._identity: Identity | None = None
        self._refusals = Refusals(peer)
        self._mail: Mail | None = None
        self._sender = ""
        self._accepted: list[Accepted] = []
        self._full = NOBODY  # accounts that others behind their address do not wait for
        self._copies = 0
        self._wish: Wish | None = None
        self._arrival: Arrival | None = None
        self._forgotten: list[Arrival] = []
        self._inquiry: Inquiry | None = None
        self._milters = _milters(services, self._session)
        self._visit = Visit(services.gate, peer)

    @property
    def _may_relay(self) -> bool:
        return self._identity is not None or self._peer.relay

    @property
    def _may_ask(self) -> bool:
        return self._identity is not None or self._peer.trusted

    # -- commands

    async def greet(self, helo: str, esmtp: bool) -> Reply | None:
        """EHLO, HELO or LHLO. None: welcome."""
        self._session.helo = helo
        self._session.is_esmtp = esmtp
        self._visit.greet(helo)
        self.reset()
        refusal = None if self._milters is None else await self._milters.greet()
        return None if refusal is None else self._refusals.sender(None, *refusal)

    async def authenticated(self, identity: Identity, mechanism: str = "") -> None:
        """The peer has logged in, by this SASL mechanism."""
        self._identity = identity
        self._session.mechanism = mechanism
        self._session.authenticated = True
        self._visit.excuse()

    async def mail(self, event: Mail) -> Reply:
        """A transaction begins, or why not."""
        sender = "" if event.sender is None else str(event.sender)
        try:
            refusal = await self._refused_sender(event)
            if refusal is not None:
                return refusal
            self.reset()
            if self._milters is not None:
                login = "" if self._identity is None else self._identity.address
                unwanted = await self._milters.mail(event, sender, login, is_ours=self._may_relay)
                if unwanted is not None:
                    return self._refusals.sender(event.sender, *unwanted)
        except Exception as error:  # noqa: BLE001 - our fault costs a retry, never the session
            return self._refusals.failed(error)
        self._mail = event
        self._sender = sender
        return replies.SENDER_OK

    async def rcpt(self, event: Rcpt) -> Reply:
        """One recipient, or why not."""
        try:
            return await self._rcpt(event)
        except Exception as error:  # noqa: BLE001 - see mail
            return self._refusals.failed(error)

    async def data(self) -> Reply:
        """Content may come."""
        try:
            await self._clear()
            unwanted = None if self._milters is None else await self._milters.data()
        except Exception as error:  # noqa: BLE001 - see mail
            return self._refusals.failed(error)
        if unwanted is not None:
            sender = None if self._mail is None else self._mail.sender
            return self._refusals.sender(sender, *unwanted)
        return replies.START_CONTENT

    def keep(self, wish: Wish) -> None:
        """The message of this transaction can be asked for later (``queue.submissions``)."""
        self._wish = wish

    async def quote(self, url: str) -> Quote | Reply:
        """Content that a URL names, or why not."""
        try:
            return await submission.quote(self._services, self._identity, url)
        except Exception as error:  # noqa: BLE001 - see mail
            return self._refusals.failed(error)

    async def content(self, octets: bytes) -> None:
        """Some octets of the message."""
        arrival = self._arrival or self._begin()
        try:
            await arrival.take(octets)
        except Exception as error:  # noqa: BLE001 - the reply belongs to the end
            await arrival.refuse(self._refusals.failed(error))

    async def end(self, defect: str | None) -> list[Reply]:
        """The message is complete: one reply, or one a recipient over LMTP."""
        arrival = self._arrival or self._begin()
        envelope = Envelope(
            self._mail or _NOBODY,
            self._sender,
            None if self._identity is None else self._identity.account_id,
            self._accepted,
            self._may_relay,
            full=self._full,
            wish=self._wish,
        )
        party = Party(self._session, self._refusals, self._visit, self._inquiry, self._milters)
        try:
            answers = await Closing(self._services, party, envelope, arrival).replies(defect)
        except OutcomeUnknown:
            raise  # the door cuts the connection: any reply could turn out to be untrue
        except Exception as error:  # noqa: BLE001 - nothing was promised
            answers = [self._refusals.failed(error)]
        finally:
            self._arrival = None
            self.reset()
            await arrival.abort()
        if self._peer.is_lmtp and len(answers) == 1:
            return answers * len(envelope.accepted)
        return answers

    def reset(self) -> None:
        """Forget the transaction; what was begun on disk goes with the next command."""
        if self._identity is not None and self._accepted:
            self._services.sending.give_back(self._identity.account_id, len(self._accepted))
        self._mail = None
        self._sender = ""
        self._accepted = []
        self._full = NOBODY
        self._copies = 0
        self._wish = None
        if self._inquiry is not None:
            self._inquiry.close()
            self._inquiry = None
        if self._milters is not None:
            self._milters.forget()
        if self._arrival is not None:
            self._forgotten.append(self._arrival)
            self._arrival = None

    async def close(self) -> None:
        """The session is over."""
        self.reset()
        if self._milters is not None:
            self._milters.close()
        self._visit.close()
        await self._clear()

    def explain(self) -> None:
        """Replies have their reasons from here on, whoever asks."""
        self._refusals.is_verbose = True

    def spoke_early(self) -> bool:
        """The peer spoke before the greeting: whether it may go on all the same."""
        return self._visit.spoke_early()

    async def score(self, seconds: float) -> int:
        """How suspicious the peer is, as far as is known after so many seconds at most."""
        return await self._visit.score(seconds)

    # -- questions

    async def vrfy(self, argument: str, *, utf8: bool = False) -> Reply:
        """RFC 5321 §3.5; strangers learn nothing."""
        if not self._may_ask:
            return verify.UNTOLD
        try:
            services, may_relay = self._services, self._may_relay
            return await verify.vrfy(
                services.directory,
                argument,
                hostname=services.hostname,
                may_relay=may_relay,
                utf8=utf8,
            )
        except Exception as error:  # noqa: BLE001 - see mail
            return self._refusals.failed(error)

    async def expn(self, argument: str, *, utf8: bool = False) -> Reply:
        """RFC 5321 §3.5; strangers learn nothing."""
        if not self._may_ask:
            return verify.UNTOLD_LIST
        try:
            services = self._services
            return await verify.expn(
                services.directory, argument, hostname=services.hostname, utf8=utf8
            )
        except Exception as error:  # noqa: BLE001 - see mail
            return self._refusals.failed(error)

    async def verb(self) -> Reply:
        """Replies give their reasons from here on; not to strangers."""
        if not self._may_ask:
            return replies.NOT_ALLOWED_HERE
        self._refusals.is_verbose = True
        return replies.VERBOSE_ON

    async def unknown(self, command: Unknown) -> Reply:
        """A line with no command of ours: milters may have another answer."""
        if self._milters is None:
            return command.reply
        try:
            unwanted = await self._milters.unknown(command.line)
        except Exception as error:  # noqa: BLE001 - see mail
            return self._refusals.failed(error)
        return command.reply if unwanted is None else unwanted[0].because([unwanted[1]])

    # -- decisions

    async def _refused_sender(self, event: Mail) -> Reply | None:
        services = self._services
        if event.size is not None and 0 < services.limits.max_message < event.size:
            return self._refusals.sender(event.sender, replies.MESSAGE_TOO_BIG)
        if not services.disk.has_room(event.size or 0):
            return self._refusals.sender(event.sender, DISK_FULL)
        identity = self._identity
        if identity is None:
            if self._peer.is_submission:
                return replies.LOGIN_FIRST
            over = self._visit.mail(event.sender)
            return None if over is None else self._refusals.sender(event.sender, *over)
        if event.sender is None:  # a read receipt: its From decides, at the end of data
            return None
        if await services.directory.may_send_as(identity.account_id, event.sender):
            return None
        return self._refusals.sender(event.sender, submission.NOT_YOURS, submission.NOT_GRANTED)

    async def _rcpt(self, event: Rcpt) -> Reply:
        services = self._services
        if len(self._accepted) >= services.limits.max_recipients:
            return replies.TOO_MANY_RECIPIENTS
        accepted = await self._judged(event)
        if isinstance(accepted, Reply):
            return accepted
        copies = self._copies + len(accepted.local) + len(accepted.remote)
        if copies > MAX_COPIES and self._accepted:
            return replies.TOO_MANY_RECIPIENTS
        full = await services.full(accepted.local)
        if full and self._is_full(accepted, full):
            return self._bad_recipient(event, relay.FULL, "the account is over its quota")
        refusal = await self._withheld(event, accepted)
        if refusal is not None:
            return refusal
        unwanted = await self._unwanted(event, accepted)
        if unwanted is not None:
            if self._identity is not None:
                services.sending.give_back(self._identity.account_id, 1)
            return self._bad_recipient(event, *unwanted)
        self._copies = copies
        self._accepted.append(accepted)
        self._full = self._full.union(full)
        if self._inquiry is None:
            self._inquiry = examine.begin(
                services, self._peer, self._session.helo, self._sender, is_ours=self._may_relay
            )
        if self._refusals.is_verbose:
            return replies.RECIPIENT_OK.because(relay.reasons(accepted))
        return replies.RECIPIENT_OK

    def _is_full(self, accepted: Accepted, full: Sequence[int]) -> bool:
        """Whether nobody would get the message now, and nothing of it waits for them yet."""
        return relay.is_full(accepted, full) and not self._full.issuperset(full)

    async def _unwanted(self, event: Rcpt, accepted: Accepted) -> tuple[Reply, str] | None:
        """Why this message is not wanted for this recipient."""
        unwanted = await self._visit.rcpt(self._sender, event.recipient, accepted.address)
        if unwanted is None and self._milters is not None:
            return await self._milters.rcpt(event, accepted)
        return unwanted

    async def _judged(self, event: Rcpt) -> Accepted | Reply:
        """Where the recipient's letters go, or why not there."""
        directory = self._services.directory
        recipient = event.recipient
        may_relay = self._may_relay
        if recipient is not None:
            returned = await forwarding.returned(
                directory, recipient, self._services.clock(), is_notice=not self._sender
            )
            if returned is not None:
                if returned.address is None:
                    return self._bad_recipient(event, returned.refusal, returned.reason)
                recipient, may_relay = returned.address, True
        resolution = await relay.resolve(directory, recipient, self._services.hostname)
        found = relay.judge(recipient, resolution, may_relay=may_relay)
        if isinstance(found, Reply):
            over = self._visit.unknown() if found.is_permanent else None
            return self._bad_recipient(event, *(over or (found, relay.REASONS[resolution.kind])))
        denied = writers.refused(resolution, recipient, self._identity, is_ours=may_relay)
        if denied is not None:
            return self._bad_recipient(event, *denied)
        return relay.accept(str(event.recipient), resolution, found, event.orcpt, event.notify)

    async def _withheld(self, event: Rcpt, accepted: Accepted) -> Reply | None:
        """Why somebody here may not write to a recipient now.

        None: they may, and it is held as one of those that they may write to in a day.
        """
        identity = self._identity
        if identity is None:
            return None
        unwished = await suppressed.refusal(self._services, identity, self._peer, accepted)
        if unwished is not None:
            return self._bad_recipient(event, *unwished)
        denied = await self._services.sending.take(identity.account_id)
        if denied is None:
            return None
        if denied.is_first:
            await stopped.tell(self._services, identity, denied)
        return self._bad_recipient(event, stopped.refusal(identity, denied), stopped.reason(denied))

    def _bad_recipient(self, event: Rcpt, refusal: Reply, reason: str) -> Reply:
        return self._refusals.recipient(self._sender, event.recipient, refusal, reason)

    # -- the message that is coming

    def _begin(self) -> Arrival:
        is_strange = self._inquiry is not None and not self._may_relay and not self._peer.is_fetched
        self._arrival = Arrival(
            self._services.blobs,
            max_message=self._services.limits.max_message,
            mends=self._may_relay,
            reader=None if self._inquiry is None else self._inquiry.seals,
            is_judged=is_strange and self._services.marks_spam,
        )
        return self._arrival

    async def _clear(self) -> None:
        """Remove what forgotten messages have left on disk."""
        while self._forgotten:
            await self._forgotten.pop().abort()


def _milters(services: Services, session: Session) -> "Milters | None":
    """Those of the settings, where there are any and they are to see this peer."""
    if not services.milters or not session.peer.checks or session.peer.is_fetched:
        return None
    from postroom.intake.milters import Milters

    return Milters(services, session)
