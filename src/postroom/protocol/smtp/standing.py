"""What a client may do at the moment: what EHLO and HELP tell it.

An extension is offered only where it works in full, and only while it can be used.
"""

import datetime as dt
from functools import lru_cache
from typing import Final

from postroom.protocol.smtp import replies
from postroom.protocol.smtp.commands import Auth, Burl, Command, Mail, StartTls
from postroom.protocol.smtp.replies import Reply, reply
from postroom.protocol.smtp.settings import Settings

MAX_HOLD: Final = 30 * 24 * 3600  # seconds
CLOCKS_DIFFER: Final = 60_000  # milliseconds that a time may be over: "now" is no error

NO_HOLD: Final = reply(555, "5.5.4", "HOLDFOR and HOLDUNTIL are for who has logged in to submit")
TOO_FAR: Final = reply(
    501, "5.5.4", f"A message is held for {MAX_HOLD // 86_400} days at most; name an earlier time"
)
TOO_LATE: Final = reply(501, "5.5.4", "The time of HOLDUNTIL is over; name a later one")
NO_REQUIRETLS: Final = reply(555, "5.5.4", "REQUIRETLS can be asked for inside TLS only")

RESTRICTED: Final = frozenset({Mail, Auth, Burl, StartTls})
"""Commands that ``refusal`` may have something against."""

_BASE: Final = ("MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "HELP", "VRFY", "EXPN")


class Standing:
    """Changes with EHLO, STARTTLS and AUTH."""

    __slots__ = (
        "_mechanisms",
        "_settings",
        "has_tls",
        "is_authenticated",
        "is_esmtp",
        "is_trusted",
    )

    def __init__(self, settings: Settings, *, has_tls: bool, is_trusted: bool) -> None:
        self._settings = settings
        self._mechanisms = settings.mechanisms
        self.has_tls = has_tls
        self.is_trusted = is_trusted
        self.is_esmtp = False
        self.is_authenticated = False

    def begin_again(self, mechanisms: tuple[str, ...] = ()) -> None:
        """TLS has begun: forget what was said before (RFC 3207 §4.2)."""
        self._mechanisms = mechanisms or self._mechanisms
        self.has_tls = True
        self.is_esmtp = False
        self.is_authenticated = False

    @property
    def is_lmtp(self) -> bool:
        """RFC 2033."""
        return self._settings.dialect == "LMTP"

    @property
    def may_login(self) -> bool:
        """A password may come over the connection as it is (RFC 4954 §4)."""
        auth = self._settings.auth
        return not self.is_authenticated and (auth == "plain" or (auth == "tls" and self.has_tls))

    @property
    def may_start_tls(self) -> bool:
        """TLS is offered and not on."""
        return self._settings.offers_tls and not self.has_tls

    @property
    def may_verb(self) -> bool:
        """Replies may give their reasons."""
        return self.is_authenticated or self.is_trusted

    @property
    def knows_auth(self) -> bool:
        """MAIL may carry AUTH= (RFC 4954 §5)."""
        return self.is_authenticated or self.may_login

    @property
    def may_hold(self) -> bool:
        """RFC 4865 §3: who submits may name a later time."""
        return self._submits and self._settings.clock is not None

    @property
    def may_quote(self) -> bool:
        """RFC 4468 §3.3: who submits may name parts of a message."""
        return self._submits and self._settings.has_urls

    @property
    def _submits(self) -> bool:
        """Who is to log in next is told what there is: few clients say EHLO again after it."""
        return self._settings.requires_login and self.knows_auth

    @property
    def must_login(self) -> bool:
        """RFC 6409 §4.3: who has not logged in submits nothing."""
        return self._settings.requires_login and not self.is_authenticated

    def refusal(self, command: Command) -> Reply | None:
        """Why this command is not for this client now."""
        match command:
            case Mail():
                return self._mail(command)
            case Auth():
                return self._auth(command)
            case Burl() if not self.may_quote:
                return replies.NOT_IMPLEMENTED
            case StartTls() if not self.may_start_tls:
                return replies.TLS_IS_ON if self.has_tls else replies.NOT_IMPLEMENTED
            case _:
                return None

    def _mail(self, command: Mail) -> Reply | None:
        limit = self._settings.max_message
        if self.must_login:
            needs_tls = self.may_start_tls and not self.may_login
            return replies.TLS_AND_LOGIN_FIRST if needs_tls else replies.LOGIN_FIRST
        if command.size is not None and 0 < limit < command.size:
            return replies.MESSAGE_TOO_BIG
        if command.auth is not None and not self.knows_auth:
            return replies.NO_AUTH_PARAMETER
        if command.requiretls and not self.has_tls:
            return NO_REQUIRETLS
        return self._hold(command) if command.is_held else None

    def _hold(self, command: Mail) -> Reply | None:
        clock = self._settings.clock
        if clock is None or not self.may_hold:
            return NO_HOLD
        now = clock()
        until = now + 1000 * (command.hold_for or 0)
        if command.hold_until is not None:
            until = command.hold_until
        if until < now - CLOCKS_DIFFER:
            return TOO_LATE
        return TOO_FAR if until > now + 1000 * MAX_HOLD else None

    def _auth(self, command: Auth) -> Reply | None:
        if self.is_authenticated:
            return replies.LOGGED_IN_ALREADY
        if not self.is_esmtp:
            return replies.HELLO_FIRST
        if not self.may_login:
            is_tls_missing = self._settings.auth == "tls"
            return replies.TLS_FOR_LOGIN if is_tls_missing else replies.NOT_IMPLEMENTED
        if command.mechanism not in self._mechanisms:
            return replies.UNKNOWN_MECHANISM
        return None

    def hello(self) -> bytes:
        """The reply to EHLO and LHLO, or to HELO."""
        settings = self._settings
        if not self.is_esmtp:
            return reply(250, "", settings.hostname).encode()
        return _hello(settings.hostname, tuple(self.extensions()))

    def extensions(self) -> list[str]:
        """The lines of the reply to EHLO and LHLO after the first one.

        RFC 5321 §4.1.1.1 and §3.5.2 (VRFY, EXPN, HELP), RFC 2920, RFC 1870, RFC 6152,
        RFC 6531, RFC 2034, RFC 3030, RFC 3461, RFC 9422, RFC 3207, RFC 4954, RFC 8689 §2,
        RFC 4865 §3, RFC 4468 §3.3.
        """
        settings = self._settings
        lines = [
            "PIPELINING",
            f"SIZE {settings.max_message}",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            "CHUNKING",
            "DSN",
            f"LIMITS RCPTMAX={settings.max_recipients}",
        ]
        if self.may_start_tls:
            lines.append("STARTTLS")
        if self.has_tls:
            lines.append("REQUIRETLS")
        if self.may_login:
            lines.append("AUTH " + " ".join(self._mechanisms))
        if settings.clock is not None and self.may_hold:
            lines.append(f"FUTURERELEASE {MAX_HOLD} {_latest(settings.clock())}")
        if self.may_quote:
            lines.append("BURL imap")
        if self.may_verb:
            lines.append("VERB")
        return [*lines, "VRFY", "EXPN", "HELP"]

    def verbs(self) -> list[str]:
        """The commands that HELP tells of."""
        verbs = ["LHLO"] if self.is_lmtp else ["EHLO", "HELO"]
        verbs += _BASE
        if self.may_start_tls:
            verbs.append("STARTTLS")
        if self.may_login:
            verbs.append("AUTH")
        if self.may_quote:
            verbs.append("BURL")
        if self.may_verb:
            verbs.append("VERB")
        return verbs


def _latest(now: int) -> str:
    """The latest time that HOLDUNTIL may name, to the minute: so greetings are alike."""
    moment = dt.datetime.fromtimestamp(now // 60_000 * 60 + MAX_HOLD, dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=64)
def _hello(hostname: str, further: tuple[str, ...]) -> bytes:
    """The same few for all sessions."""
    return reply(250, "", hostname, *further).encode()
