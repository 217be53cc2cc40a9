"""How much a stranger may bring: connections, messages, recipients, mistakes.

Counted by network (an IPv4 address, an IPv6 /64) and by the wide network around it (/24, /48),
which may have ``WIDE`` times as much; messages also by sender and by recipient. What is over is
put off with 4yz and the reason; nothing is lost by it. Unknown recipients and errors beyond
their limits mean a harvester or a flooder: those are banned. Each recipient who gets a message
makes up for one that is not there, so that a mailing list with stale addresses is no harvester; to
name one whom the client knows already, and to send nothing, makes up for none.

Time is an argument, in milliseconds.
"""

from typing import Final

import msgspec

from postroom.config.connections import Rates
from postroom.net.networks import network_of, wide_network_of
from postroom.policy.buckets import HOUR, MINUTE, Buckets
from postroom.protocol.smtp.replies import Reply, reply

WIDE: Final = 8

TOO_MANY_MESSAGES: Final = reply(
    450, "4.7.1", "Too many messages from your network, please try again later"
)
TOO_MANY_RECIPIENTS: Final = reply(
    452, "4.7.1", "Too many recipients from your network, please try again later"
)
TOO_MANY_OF_SENDER: Final = reply(
    450, "4.7.1", "Too many messages from this sender, please try again later"
)
TOO_MANY_TO_RECIPIENT: Final = reply(
    450, "4.2.1", "The recipient gets too many messages at present, please try again later"
)
TURNED_AWAY: Final = reply(421, "4.7.0", "Too many errors from your network")


class Over(msgspec.Struct, frozen=True):
    """A limit that is used up: what of whom, and the reply."""

    what: str
    whose: str
    reply: Reply
    is_abuse: bool = False

    @property
    def reason(self) -> str:
        """In words, for VERB and the log."""
        return f"too many {self.what} of {self.whose}"


class _Pair:
    """One count by network, and by the wide network around it."""

    def __init__(self, what: str, most: int, period: int) -> None:
        self.what = what
        self._narrow = Buckets(most, period)
        self._wide = Buckets(most * WIDE, period)

    def over(self, address: str, now: int, tokens: int = 1) -> str:
        """Count; the network whose limit is used up, or ""."""
        network, wide = network_of(address), wide_network_of(address)
        if not self._narrow.take(network, now, tokens):
            return network
        if not self._wide.take(wide, now, tokens):
            self._narrow.give_back(network, now, tokens)
            return wide
        return ""

    def give_back(self, address: str, now: int, tokens: int) -> None:
        self._narrow.give_back(network_of(address), now, tokens)
        self._wide.give_back(wide_network_of(address), now, tokens)


class Counters:
    """What strangers have brought of late. One a server."""

    def __init__(self, rates: Rates) -> None:
        self._connections = _Pair("connections", rates.connections_per_minute, MINUTE)
        self._floods = _Pair("refused connections", rates.connections_per_minute, MINUTE)
        self._messages = _Pair("messages", rates.messages_per_hour, HOUR)
        self._recipients = _Pair("recipients", rates.recipients_per_hour, HOUR)
        self._unknown = _Pair("unknown recipients", rates.unknown_recipients_per_hour, HOUR)
        self._errors = _Pair("errors", rates.errors_per_hour, HOUR)
        self._senders = Buckets(rates.messages_per_sender_per_hour, HOUR)
        self._mailboxes = Buckets(rates.messages_per_recipient_per_hour, HOUR)

    def connection(self, address: str, now: int) -> str:
        """Count a connection; why it is one too many, or ""."""
        network = self._connections.over(address, now)
        return f"too many connections a minute of {network}" if network else ""

    def flood(self, address: str, now: int) -> Over | None:
        """Count a connection that was one too many."""
        return self._abuse(self._floods, address, now)

    def message(self, address: str, sender: str, now: int) -> Over | None:
        """Count a message that begins. The null reverse-path is nobody's."""
        network = self._messages.over(address, now)
        if network:
            return Over(self._messages.what, network, TOO_MANY_MESSAGES)
        if sender and not self._senders.take(sender, now):
            return Over("messages", sender, TOO_MANY_OF_SENDER)
        return None

    def recipient(self, address: str, recipient: str, now: int) -> Over | None:
        """Count a recipient that is there."""
        network = self._recipients.over(address, now)
        if network:
            return Over(self._recipients.what, network, TOO_MANY_RECIPIENTS)
        if not self._mailboxes.take(recipient, now):
            return Over("messages", recipient, TOO_MANY_TO_RECIPIENT)
        return None

    def accepted(self, address: str, recipients: int, now: int) -> None:
        """A message to so many was accepted."""
        self._unknown.give_back(address, now, recipients)

    def unknown(self, address: str, now: int) -> Over | None:
        """Count a recipient that is not there."""
        return self._abuse(self._unknown, address, now)

    def error(self, address: str, now: int) -> Over | None:
        """Count a session that ended with too many errors or spoke out of turn."""
        return self._abuse(self._errors, address, now)

    def _abuse(self, pair: _Pair, address: str, now: int) -> Over | None:
        """Whose wide network has used up its limit may be the neighbour of an abuser."""
        network = pair.over(address, now)
        if not network:
            return None
        is_abuse = network == network_of(address)
        return Over(pair.what, network, TURNED_AWAY, is_abuse=is_abuse)
