"""Commands as values, and their verbs.

A command is frozen and holds what its line said, parsed; what the line may say is in
``parse``. Passwords never show in a ``repr``.

RFC 5321 §4.1.1, RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 3461 (DSN),
RFC 3030 (BDAT), RFC 4468 (BURL), RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 2033 (LHLO), RFC 4865 (HOLDFOR,
HOLDUNTIL), RFC 8689 (REQUIRETLS).
"""

from typing import ClassVar, Literal

import msgspec

from postroom.address import Address

Body = Literal["7BIT", "8BITMIME"]
Ret = Literal["FULL", "HDRS"]


class Command(msgspec.Struct, frozen=True):
    """One command line."""

    verb: ClassVar[str] = ""


class Ehlo(Command, frozen=True):
    """RFC 5321 §4.1.1.1. ``name`` is what the client calls itself: nothing is checked."""

    verb: ClassVar[str] = "EHLO"
    name: str


class Helo(Command, frozen=True):
    """RFC 5321 §4.1.1.1."""

    verb: ClassVar[str] = "HELO"
    name: str


class Lhlo(Command, frozen=True):
    """RFC 2033 §4.1."""

    verb: ClassVar[str] = "LHLO"
    name: str


class Mail(Command, frozen=True):
    """RFC 5321 §4.1.1.2. ``sender`` None is the null reverse-path ``<>``.

    ``envid`` is xtext as it came (RFC 3461 §4.4); ``auth`` is the decoded AUTH= parameter
    (RFC 4954 §5), "<>" for nobody. ``hold_for`` is in seconds, ``hold_until`` in UTC
    milliseconds (RFC 4865 §4): one of them at most.
    """

    verb: ClassVar[str] = "MAIL"
    sender: Address | None
    size: int | None = None
    body: Body | None = None
    smtputf8: bool = False
    ret: Ret | None = None
    envid: str | None = None
    auth: str | None = None
    hold_for: int | None = None
    hold_until: int | None = None
    requiretls: bool = False

    @property
    def is_held(self) -> bool:
        """The sender asked for delivery at a later time."""
        return self.hold_for is not None or self.hold_until is not None


class Rcpt(Command, frozen=True):
    """RFC 5321 §4.1.1.3. ``recipient`` None is ``<Postmaster>`` without a domain (§4.5.1).

    ``notify`` is "NEVER" or a comma-separated list of SUCCESS, FAILURE and DELAY;
    ``orcpt`` is the address type, ";" and xtext as it came (RFC 3461 §4.1, §4.2).
    """

    verb: ClassVar[str] = "RCPT"
    recipient: Address | None
    notify: str | None = None
    orcpt: str | None = None


class Data(Command, frozen=True):
    """RFC 5321 §4.1.1.4."""

    verb: ClassVar[str] = "DATA"


class Bdat(Command, frozen=True):
    """RFC 3030 §2: a chunk of ``size`` octets follows the line."""

    verb: ClassVar[str] = "BDAT"
    size: int
    is_last: bool


class Burl(Command, frozen=True):
    """RFC 4468 §3: what the URL names is the next chunk of the message."""

    verb: ClassVar[str] = "BURL"
    url: str
    is_last: bool


class Rset(Command, frozen=True):
    """RFC 5321 §4.1.1.5."""

    verb: ClassVar[str] = "RSET"


class Vrfy(Command, frozen=True):
    """RFC 5321 §4.1.1.6; ``utf8``: the reply may be UTF-8 (RFC 6531 §3.7.4.2)."""

    verb: ClassVar[str] = "VRFY"
    argument: str
    utf8: bool = False


class Expn(Command, frozen=True):
    """RFC 5321 §4.1.1.7."""

    verb: ClassVar[str] = "EXPN"
    argument: str
    utf8: bool = False


class Help(Command, frozen=True):
    """RFC 5321 §4.1.1.8."""

    verb: ClassVar[str] = "HELP"
    topic: str = ""


class Noop(Command, frozen=True):
    """RFC 5321 §4.1.1.9."""

    verb: ClassVar[str] = "NOOP"


class Quit(Command, frozen=True):
    """RFC 5321 §4.1.1.10."""

    verb: ClassVar[str] = "QUIT"


class Verb(Command, frozen=True):
    """Not in an RFC, old as sendmail: replies give their reasons. ``VERB OFF`` ends it."""

    verb: ClassVar[str] = "VERB"
    is_on: bool = True


class StartTls(Command, frozen=True):
    """RFC 3207 §4."""

    verb: ClassVar[str] = "STARTTLS"


class Auth(Command, frozen=True):
    """RFC 4954 §4. ``initial`` is the decoded initial response, None without one."""

    verb: ClassVar[str] = "AUTH"
    mechanism: str
    initial: bytes | None = None

    def __repr__(self) -> str:
        """Without the response: it may hold a password."""
        return f"Auth({self.mechanism!r})"
