"""Reads one command line into a value.

What may follow a verb is read strictly, with two kindnesses that hurt nobody: a space
after ``FROM:`` and ``TO:``, and white space at the end of the line (RFC 5321 §4.1.1). Letters
outside ASCII are UTF-8 and stand only where SMTPUTF8 was asked for; control characters
stand nowhere. Source routes are read and forgotten (RFC 5321 appendix C).

RFC 5321 §4.1.1, §4.1.2; parameters in ``parameters``.
"""

import binascii
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from postroom.address import MAX_DOMAIN, MAX_PATH, Address, AddressError, Domain
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.commands import (
    Auth,
    Bdat,
    Burl,
    Command,
    Data,
    Ehlo,
    Expn,
    Helo,
    Help,
    Lhlo,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    Verb,
    Vrfy,
)
from postroom.protocol.smtp.faults import BadArguments, UnknownVerb
from postroom.protocol.smtp.parameters import mail_parameters, rcpt_parameters
from postroom.protocol.smtp.replies import Reply, reply

MAX_SIZE: Final = (1 << 63) - 1
_REPEATED: Final = frozenset({b"MAIL", b"RCPT", b"DATA", b"RSET"})  # none holds a password
_KEPT: Final = 200  # octets of a line that is remembered
# Printable, but nothing that would end a comment or a quoted string in a Received field.
_CLIENT_NAME: Final = re.compile(r"[!#$%&'*+,\-./0-9:=?@A-Z\[\]^_`a-z{|}~]+")
_MECHANISM: Final = re.compile(r"[A-Za-z0-9_-]{1,20}")  # RFC 4422 §3.1
_URL: Final = re.compile(rb"([\x21-\x7e]+)(?: +(LAST))?", re.IGNORECASE)
_CHUNK: Final = re.compile(rb"([0-9]{1,20})(?: +(LAST))?", re.IGNORECASE)
_ASKS_FOR_UTF8: Final = re.compile(rb" +SMTPUTF8\Z", re.IGNORECASE)
_UTF8_KEYWORD: Final = re.compile(rb" SMTPUTF8(?: |\Z)", re.IGNORECASE)


def parse_command(line: bytes, *, utf8: bool = False) -> Command:
    """Read one command line without its CRLF; raises UnknownVerb or BadArguments only.

    ``utf8``: the transaction asked for SMTPUTF8.
    """
    if line[:4] in _REPEATED and len(line) <= _KEPT:
        return _known_command(line, utf8)
    return _read(line, utf8)


@lru_cache(maxsize=1024)
def _known_command(line: bytes, utf8: bool) -> Command:
    """The same few come again and again. Failures are not kept."""
    return _read(line, utf8)


def _read(line: bytes, utf8: bool) -> Command:
    verb, _, rest = line.rstrip(b" \t").partition(b" ")
    reader = _READERS.get(verb) or _READERS.get(verb.upper())
    if reader is None:
        if not line.isascii() or not line.decode("ascii").isprintable():
            raise BadArguments(replies.CONTROL_CHARACTER)
        raise UnknownVerb(verb.upper().decode("ascii"))
    return reader(rest, utf8)


def _mail(rest: bytes, utf8: bool) -> Mail:
    del utf8
    utf8 = _UTF8_KEYWORD.search(rest) is not None
    text = _text(rest, utf8=utf8, otherwise=replies.NEEDS_SMTPUTF8)
    path, parameters = _path(text, "FROM:", replies.MAIL_SYNTAX)
    sender = _mailbox(path, "5.1.7") if path else None
    mail = mail_parameters(sender, parameters) if parameters else Mail(sender)
    if not mail.smtputf8 and not text.isascii():  # the word stood in a quoted string
        raise BadArguments(replies.NEEDS_SMTPUTF8)
    return mail


def _rcpt(rest: bytes, utf8: bool) -> Rcpt:
    text = _text(rest, utf8=utf8, otherwise=replies.NEEDS_SMTPUTF8)
    path, parameters = _path(text, "TO:", replies.RCPT_SYNTAX)
    if not path:
        raise BadArguments(replies.RCPT_SYNTAX)
    recipient = None if path.lower() == "postmaster" else _mailbox(path, "5.1.3")
    if not parameters:
        return Rcpt(recipient)
    return rcpt_parameters(recipient, parameters)


def _path(text: str, keyword: str, syntax: Reply) -> tuple[str, str]:
    """(what stands in the angle brackets without a source route, what follows them)."""
    if text[: len(keyword)].upper() != keyword:
        raise BadArguments(syntax)
    start = len(keyword)
    while text[start : start + 1] == " ":
        start += 1
    if text[start : start + 1] != "<":
        raise BadArguments(syntax)
    end = text.find(">", start) if '"' not in text else _closing(text, start)
    if end < 0:
        raise BadArguments(syntax)
    path, rest = text[start + 1 : end], text[end + 1 :]
    if rest and not rest.startswith(" "):
        raise BadArguments(syntax)
    if path.startswith("@"):
        path = _without_route(path, syntax)
    return path, rest.strip(" ")


def _closing(text: str, start: int) -> int:
    """Where the ">" stands that no quoted string holds."""
    is_quoted = False
    at = start
    while at < len(text):
        letter = text[at]
        if is_quoted and letter == "\\":
            at += 1
        elif letter == '"':
            is_quoted = not is_quoted
        elif letter == ">" and not is_quoted:
            return at
        at += 1
    return -1


def _without_route(path: str, syntax: Reply) -> str:
    """RFC 5321 §4.1.2 A-d-l: "@one,@two:" is checked and dropped."""
    route, colon, mailbox = path.partition(":")
    if not colon or not mailbox or len(path) > MAX_PATH:
        raise BadArguments(syntax)
    for hop in route.split(","):
        if hop[:1] != "@":
            raise BadArguments(syntax)
        try:
            Domain.parse(hop[1:])
        except AddressError:
            raise BadArguments(syntax) from None
    return mailbox


@lru_cache(maxsize=1024)
def _known_mailbox(text: str) -> Address:
    """The same senders and recipients come again and again. Failures are not kept."""
    return Address.parse(text)


def _mailbox(text: str, status: str) -> Address:
    try:
        return _known_mailbox(text)
    except AddressError as error:
        raise BadArguments(reply(553, status, _sentence(str(error)))) from None


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _ehlo(rest: bytes, utf8: bool) -> Ehlo:
    del utf8
    return Ehlo(_client_name(rest, replies.EHLO_SYNTAX))


def _helo(rest: bytes, utf8: bool) -> Helo:
    del utf8
    return Helo(_client_name(rest, replies.HELO_SYNTAX))


def _lhlo(rest: bytes, utf8: bool) -> Lhlo:
    del utf8
    return Lhlo(_client_name(rest, replies.LHLO_SYNTAX))


def _client_name(rest: bytes, syntax: Reply) -> str:
    """A domain or address literal; wrong ones are common, so only their letters count."""
    text = _text(rest, utf8=False, otherwise=syntax)
    if len(text) > MAX_DOMAIN or not _CLIENT_NAME.fullmatch(text):
        raise BadArguments(syntax)
    return text


def _bdat(rest: bytes, utf8: bool) -> Bdat:
    """RFC 3030 §2: after a size that can't be read, nobody knows where commands go on."""
    del utf8
    match = _CHUNK.fullmatch(rest)
    if match is None or int(match[1]) > MAX_SIZE:
        raise BadArguments(replies.BDAT_SYNTAX, replies.LOST_PLACE)
    return Bdat(int(match[1]), match[2] is not None)


def _burl(rest: bytes, utf8: bool) -> Burl:
    """RFC 4468 §4."""
    del utf8
    match = _URL.fullmatch(rest)
    if match is None:
        raise BadArguments(replies.BURL_SYNTAX)
    return Burl(match[1].decode("ascii"), match[2] is not None)


def _vrfy(rest: bytes, utf8: bool) -> Vrfy:
    del utf8
    return Vrfy(*_question(rest, replies.VRFY_SYNTAX))


def _expn(rest: bytes, utf8: bool) -> Expn:
    del utf8
    return Expn(*_question(rest, replies.EXPN_SYNTAX))


def _question(rest: bytes, syntax: Reply) -> tuple[str, bool]:
    """RFC 6531 §3.7.4.2: SMTPUTF8 may follow the argument."""
    asked = _ASKS_FOR_UTF8.search(rest)
    argument = rest[: asked.start()] if asked else rest
    if not argument:
        raise BadArguments(syntax)
    utf8 = asked is not None
    return _text(argument, utf8=utf8, otherwise=replies.NEEDS_SMTPUTF8), utf8


def _verb(rest: bytes, utf8: bool) -> Verb:
    del utf8
    word = _text(rest, utf8=False, otherwise=replies.VERB_SYNTAX).upper()
    if word not in {"", "ON", "OFF"}:
        raise BadArguments(replies.VERB_SYNTAX)
    return Verb(word != "OFF")


def _help(rest: bytes, utf8: bool) -> Help:
    del utf8
    return Help(_text(rest, utf8=False, otherwise=replies.CONTROL_CHARACTER).upper())


def _noop(rest: bytes, utf8: bool) -> Noop:
    """RFC 5321 §4.1.1.9: a parameter is ignored."""
    del utf8
    _text(rest, utf8=False, otherwise=replies.CONTROL_CHARACTER)
    return Noop()


def _auth(rest: bytes, utf8: bool) -> Auth:
    """RFC 4954 §4: a mechanism, and an initial response in base64; "=" is an empty one."""
    del utf8
    words = _text(rest, utf8=False, otherwise=replies.AUTH_SYNTAX).split(" ")
    if len(words) > 2 or not _MECHANISM.fullmatch(words[0]):
        raise BadArguments(replies.AUTH_SYNTAX)
    if len(words) == 1:
        return Auth(words[0].upper())
    return Auth(words[0].upper(), b"" if words[1] == "=" else decode_base64(words[1].encode()))


def decode_base64(octets: bytes) -> bytes:
    """RFC 4648 §4, strictly; raises BadArguments."""
    try:
        return binascii.a2b_base64(octets, strict_mode=True)
    except binascii.Error:
        raise BadArguments(replies.BAD_BASE64) from None


def _bare(command: Command) -> Callable[[bytes, bool], Command]:
    """A reader for a verb that takes no argument; the value is always the same one."""

    def read(rest: bytes, utf8: bool) -> Command:
        del utf8
        if rest:
            raise BadArguments(replies.NO_ARGUMENTS)
        return command

    return read


def _text(rest: bytes, *, utf8: bool, otherwise: Reply) -> str:
    """Printable text; ``otherwise`` is the answer to octets above 127 without SMTPUTF8."""
    if rest.isascii():
        text = rest.decode("ascii")
        if text.isprintable():
            return text
        raise BadArguments(replies.CONTROL_CHARACTER)
    if not utf8:
        raise BadArguments(otherwise)
    try:
        text = rest.decode()
    except UnicodeDecodeError:
        raise BadArguments(replies.NOT_UTF8) from None
    if any(letter < " " or "\x7f" <= letter < "\xa0" for letter in text):
        raise BadArguments(replies.CONTROL_CHARACTER)
    return text


_READERS: Final[Mapping[bytes, Callable[[bytes, bool], Command]]] = {
    b"MAIL": _mail,
    b"RCPT": _rcpt,
    b"DATA": _bare(Data()),
    b"BDAT": _bdat,
    b"BURL": _burl,
    b"EHLO": _ehlo,
    b"HELO": _helo,
    b"LHLO": _lhlo,
    b"RSET": _bare(Rset()),
    b"NOOP": _noop,
    b"QUIT": _bare(Quit()),
    b"HELP": _help,
    b"VRFY": _vrfy,
    b"EXPN": _expn,
    b"VERB": _verb,
    b"STARTTLS": _bare(StartTls()),
    b"AUTH": _auth,
}
