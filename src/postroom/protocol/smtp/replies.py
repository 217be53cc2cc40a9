"""Replies: values with an enhanced status; each text stands in one place.

``Reply.encode`` writes a reply so that nothing in its text can end a line early: what is
not printable becomes "?", long texts go on in a further line (RFC 5321 §4.5.3.1.5).

RFC 5321 §4.2 (replies), RFC 2034 and RFC 3463 (enhanced status).
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from postroom.errors import MailError

MAX_TEXT: Final = 480  # octets of text in a line; 512 with code, status and CRLF
MAX_LINES: Final = 1_000  # of one reply; EXPN of a large list stops there


class Reply(msgspec.Struct, frozen=True):
    """One reply. ``status`` is empty where RFC 2034 §4 wants none (greetings, 354, 334).

    ``reasons`` say why; a session in which VERB is on sends them as additional lines.
    """

    code: int
    status: str
    lines: tuple[str, ...]
    reasons: tuple[str, ...] = ()

    @property
    def is_positive(self) -> bool:
        """2yz and 3yz."""
        return self.code < 400

    @property
    def is_permanent(self) -> bool:
        """5yz."""
        return self.code >= 500

    def because(self, reasons: Iterable[str]) -> "Reply":
        """The same reply with reasons."""
        return Reply(self.code, self.status, self.lines, tuple(reasons))

    def encode(self, *, verbose: bool = False, utf8: bool = False) -> bytes:
        """The octets of the reply; ``utf8``: the client asked for UTF-8 (RFC 6531 §3.7.4)."""
        if not verbose and (known := _USUAL.get(self)):
            return known
        lines = self.lines
        if verbose:
            lines += self.reasons
        if len(lines) == 1:
            text = lines[0]
            if len(text) <= MAX_TEXT and text.isascii() and text.isprintable():
                status = f"{self.status} " if self.status else ""
                return f"{self.code} {status}{text}\r\n".encode("ascii")
        prefix = f"{self.code}-{self.status} " if self.status else f"{self.code}-"
        texts = [piece for line in lines for piece in _pieces(line, utf8=utf8)][:MAX_LINES]
        octets = [f"{prefix}{text}\r\n".encode() for text in texts]
        octets[-1] = octets[-1].replace(b"-", b" ", 1)
        return b"".join(octets)


def reply(code: int, status: str, *lines: str) -> Reply:
    """A reply with these lines of text."""
    return Reply(code, status, lines)


def reply_to(error: MailError) -> Reply:
    """The reply for an error; its ``detail`` stays in the log."""
    return Reply(error.code, error.status, (error.text,))


def _pieces(text: str, *, utf8: bool) -> list[str]:
    """Printable pieces that fit a line."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else "?" for letter in text)
    if not text.isascii() and not utf8:
        text = text.encode("ascii", "replace").decode("ascii")
    width = MAX_TEXT if text.isascii() else MAX_TEXT // 4
    return [text[at : at + width] for at in range(0, len(text), width)] or [""]


_USUAL: dict[Reply, bytes] = {}  # what is sent in every transaction

OK: Final = reply(250, "2.0.0", "OK")
RESET: Final = reply(250, "2.0.0", "Forgotten")
BYE: Final = reply(221, "2.0.0", "Bye")
SENDER_OK: Final = reply(250, "2.1.0", "Sender OK")
RECIPIENT_OK: Final = reply(250, "2.1.5", "Recipient OK")
START_CONTENT: Final = reply(354, "", "Send the message, end it with a line that holds one dot")
READY_FOR_TLS: Final = reply(220, "2.0.0", "Ready to start TLS")
VERBOSE_ON: Final = reply(250, "2.0.0", "Verbose mode: replies give their reasons")
VERBOSE_OFF: Final = reply(250, "2.0.0", "Verbose mode is off")
LOGGED_IN: Final = reply(235, "2.7.0", "Authentication succeeded")

LOCAL_ERROR: Final = reply(451, "4.3.0", "Local error, please try again")
TOO_MANY_RECIPIENTS: Final = reply(452, "4.5.3", "Too many recipients; send another message")
STOPPING: Final = reply(421, "4.3.2", "The server is going down, please try again later")
IDLE_TOO_LONG: Final = reply(421, "4.4.2", "Waited too long")
TOO_SLOW: Final = reply(421, "4.4.2", "The message comes too slowly")
TOO_MANY_CONNECTIONS: Final = reply(421, "4.7.0", "Too many connections, please try again later")
TOO_MANY_ERRORS: Final = reply(421, "4.7.0", "Too many errors")
TOO_MANY_LOGINS: Final = reply(421, "4.7.0", "Too many failed logins")
LONG_LINE_AGAIN: Final = reply(421, "4.7.0", "Too many lines that are too long")
LOST_PLACE: Final = reply(421, "4.5.0", "Where the next command begins can't be told; goodbye")
SESSION_FAILED: Final = reply(421, "4.3.0", "Local error, please try again")

UNKNOWN_COMMAND: Final = reply(500, "5.5.2", "Command not recognized; try HELP")
LINE_TOO_LONG: Final = reply(500, "5.5.2", "The line is too long")
BARE_NEWLINE: Final = reply(500, "5.5.2", "A line ends with CR LF and holds neither")
LONG_RESPONSE: Final = reply(500, "5.5.6", "The response is too long")  # RFC 4954 §6
CONTROL_CHARACTER: Final = reply(501, "5.5.2", "A control character stands in the command")
NO_ARGUMENTS: Final = reply(501, "5.5.4", "The command takes no argument")
EHLO_SYNTAX: Final = reply(501, "5.5.4", "Syntax: EHLO your-host-name")
HELO_SYNTAX: Final = reply(501, "5.5.4", "Syntax: HELO your-host-name")
LHLO_SYNTAX: Final = reply(501, "5.5.4", "Syntax: LHLO your-host-name")
MAIL_SYNTAX: Final = reply(501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]")
RCPT_SYNTAX: Final = reply(501, "5.5.4", "Syntax: RCPT TO:<address> [parameters]")
BDAT_SYNTAX: Final = reply(501, "5.5.4", "Syntax: BDAT octets [LAST]")
BURL_SYNTAX: Final = reply(501, "5.5.4", "Syntax: BURL url [LAST]")
VRFY_SYNTAX: Final = reply(501, "5.5.4", "Syntax: VRFY name-or-address")
EXPN_SYNTAX: Final = reply(501, "5.5.4", "Syntax: EXPN alias")
VERB_SYNTAX: Final = reply(501, "5.5.4", "Syntax: VERB [ON|OFF]")
AUTH_SYNTAX: Final = reply(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]")
NOT_UTF8: Final = reply(501, "5.5.4", "The argument is not UTF-8")
NEEDS_SMTPUTF8: Final = reply(553, "5.6.7", "The address needs SMTPUTF8")
NOT_IMPLEMENTED: Final = reply(502, "5.5.1", "Command not implemented")
BAD_SEQUENCE: Final = reply(503, "5.5.1", "Bad sequence of commands")
HELLO_FIRST: Final = reply(503, "5.5.1", "Say EHLO first")
LHLO_FIRST: Final = reply(503, "5.5.1", "Say LHLO first")
NO_RECIPIENTS: Final = reply(503, "5.5.1", "No recipient was accepted")
CHUNKS_FAILED: Final = reply(503, "5.5.1", "The message was refused; say RSET")
NO_SUCH_URL: Final = reply(554, "5.6.6", "The URL names nothing that you may submit from here")
IN_CHUNKS: Final = reply(503, "5.5.1", "Finish the message with BDAT, or say RSET")
LOGGED_IN_ALREADY: Final = reply(503, "5.5.1", "You are logged in already")
UNKNOWN_MECHANISM: Final = reply(504, "5.5.4", "The mechanism is not offered")
TLS_IS_ON: Final = reply(503, "5.5.1", "TLS is on already")
NO_AUTH_PARAMETER: Final = reply(555, "5.5.4", "Parameter AUTH not recognized")
LOGIN_FIRST: Final = reply(530, "5.7.0", "Authentication required")
TLS_AND_LOGIN_FIRST: Final = reply(530, "5.7.0", "Say STARTTLS, then authenticate")
BAD_LOGIN: Final = reply(535, "5.7.8", "Authentication credentials invalid")
TLS_FOR_LOGIN: Final = reply(538, "5.7.11", "Encryption required; say STARTTLS first")
BAD_BASE64: Final = reply(501, "5.5.2", "That is not base64")
LOGIN_CANCELLED: Final = reply(501, "5.7.0", "Authentication cancelled")
BAD_RESPONSE: Final = reply(501, "5.5.2", "The response does not follow the mechanism")
MESSAGE_TOO_BIG: Final = reply(552, "5.3.4", "The message is larger than this server takes")
NOT_ALLOWED_HERE: Final = reply(502, "5.7.0", "Not for strangers")
EARLY_TALK: Final = reply(554, "5.5.0", "Wait for the reply before you go on")
TALK_BEFORE_GREETING: Final = reply(554, "5.5.0", "Wait for the greeting before you speak")
TALK_BEFORE_TLS: Final = reply(554, "5.5.1", "Nothing may follow STARTTLS before TLS begins")
NOT_SMTP: Final = reply(554, "5.5.0", "This is a mail server")

_USUAL |= {one: one.encode() for one in (SENDER_OK, RECIPIENT_OK, START_CONTENT, OK)}
