r"""Commands of a client as octets; nothing in an argument can end a line or an address early.

What could, a control character, a space or an angle bracket outside a quoted string, UTF-8
where SMTPUTF8 is not asked for, raises ``UnsafeArgument`` and is never repaired:
``a@b>\r\nRCPT TO:<x@y`` does not reach the wire. Parameters are written only where the
server offers them.

RFC 5321 §4.1.1, §4.1.2 (Mailbox, Path); RFC 1870 (SIZE), RFC 3030 (BDAT), RFC 3461 and RFC
6533 (DSN), RFC 4954 (AUTH), RFC 6152 (BODY), RFC 6531 (SMTPUTF8), RFC 8689 (REQUIRETLS).
"""

import binascii
import re
import unicodedata
from typing import Final

from postroom.protocol.sasl.mechanisms import MAX_RESPONSE
from postroom.protocol.smtp.client_transaction import Recipient, Transaction
from postroom.protocol.smtp.extensions import Extensions

DATA: Final = b"DATA\r\n"
RSET: Final = b"RSET\r\n"
QUIT: Final = b"QUIT\r\n"
STARTTLS: Final = b"STARTTLS\r\n"
CANCEL: Final = b"*\r\n"  # RFC 4954 §4
MAX_COMMAND: Final = 512  # octets of AUTH with an initial response, RFC 4954 §4
MAX_ADDRESS: Final = 320  # octets: 64 of the local part, 255 of the domain
MAX_ENVID: Final = 100  # RFC 3461 §4.4
MAX_ORCPT: Final = 500  # RFC 3461 §4.2

_PLAIN: Final = re.compile(rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]*+")  # nearly every address
_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")
_UNQUOTED: Final = re.compile(rb'[^<>" \\]*+')
_NAME: Final = re.compile(r"[!-~]{1,255}+")
_MECHANISM: Final = re.compile(r"[A-Z0-9_-]{1,20}")  # RFC 4422 §3.1
_XTEXT: Final = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*+")  # RFC 3461 §4
_ORCPT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*+;[!-<>-~\u00a0-\u2027\u202a-\U0010ffff]++")
_NOTIFY: Final = frozenset({"SUCCESS", "FAILURE", "DELAY"})


class UnsafeArgument(ValueError):
    """An argument that must not be sent; the message names it and says why."""


def ehlo(name: str) -> bytes:
    """RFC 5321 §4.1.1.1; ``name`` is our own host name or address literal."""
    return b"EHLO %b\r\n" % _host(name)


def helo(name: str) -> bytes:
    """RFC 5321 §4.1.1.1."""
    return b"HELO %b\r\n" % _host(name)


def lhlo(name: str) -> bytes:
    """RFC 2033 §4.1."""
    return b"LHLO %b\r\n" % _host(name)


def mail(transaction: Transaction, extensions: Extensions) -> bytes:
    """RFC 5321 §4.1.1.2. Raises UnsafeArgument."""
    utf8 = transaction.needs_smtputf8 and extensions.smtputf8
    words = [b"MAIL FROM:<%b>" % _path(transaction.sender, utf8=utf8)]
    if extensions.size is not None and transaction.size > 0:
        words.append(b"SIZE=%d" % transaction.size)
    if transaction.is_eightbit and extensions.eightbitmime:
        words.append(b"BODY=8BITMIME")
    if utf8:
        words.append(b"SMTPUTF8")
    if transaction.requiretls and extensions.requiretls:
        words.append(b"REQUIRETLS")
    if transaction.disclaims_auth and extensions.auth:
        words.append(b"AUTH=<>")
    if extensions.dsn:
        if transaction.ret is not None:
            words.append(b"RET=" + _ret(transaction.ret))
        if transaction.envid is not None:
            words.append(b"ENVID=" + _envid(transaction.envid))
    return b" ".join(words) + b"\r\n"


def rcpt(recipient: Recipient, extensions: Extensions, *, utf8: bool = False) -> bytes:
    """RFC 5321 §4.1.1.3; ``utf8``: MAIL said SMTPUTF8. Raises UnsafeArgument."""
    address = _path(recipient.address, utf8=utf8)
    if not address:
        raise UnsafeArgument("a recipient is empty")
    if not extensions.dsn:
        return b"RCPT TO:<%b>\r\n" % address
    words = [b"RCPT TO:<%b>" % address]
    if recipient.notify is not None:
        words.append(b"NOTIFY=" + _notify(recipient.notify))
    if recipient.orcpt is not None:
        words.append(b"ORCPT=" + _orcpt(recipient.orcpt, utf8=utf8))
    return b" ".join(words) + b"\r\n"


def bdat(size: int, *, is_last: bool) -> bytes:
    """RFC 3030 §2: ``size`` octets follow."""
    if size < 0:
        raise UnsafeArgument(f"{size} octets are no chunk")
    return b"BDAT %d%b\r\n" % (size, b" LAST" if is_last else b"")


def auth(mechanism: str, initial: bytes | None = None) -> bytes:
    """RFC 4954 §4; an initial response that does not fit the line raises UnsafeArgument."""
    if not _MECHANISM.fullmatch(mechanism):
        raise UnsafeArgument(f"{mechanism[:40]!r} is no SASL mechanism")
    line = b"AUTH " + mechanism.encode("ascii")
    if initial is not None:  # "=" is an empty one
        line += b" " + (binascii.b2a_base64(initial, newline=False) or b"=")
    if len(line) + 2 > MAX_COMMAND:
        raise UnsafeArgument("the initial response is too long for the command")
    return line + b"\r\n"


def response(octets: bytes) -> bytes:
    """RFC 4954 §4: the answer to a challenge; raises UnsafeArgument when it is too long."""
    line = binascii.b2a_base64(octets, newline=False) + b"\r\n"
    if len(line) > MAX_RESPONSE:
        raise UnsafeArgument(f"the response is longer than {MAX_RESPONSE} octets")
    return line


def _host(name: str) -> bytes:
    if not _NAME.fullmatch(name):
        raise UnsafeArgument(f"{name[:80]!r} is no host name")
    return name.encode("ascii")


def _path(address: bytes, *, utf8: bool) -> bytes:
    """The address, when nothing in it can be misread; what is wrong is for the server."""
    if len(address) > MAX_ADDRESS:
        raise UnsafeArgument(f"the address {_shown(address)} is longer than {MAX_ADDRESS} octets")
    if _PLAIN.fullmatch(address):
        return address
    if _CONTROL.search(address):
        raise UnsafeArgument(f"the address {_shown(address)} holds a control character")
    if not address.isascii():
        _check_unicode(address, utf8=utf8)
    rest = _after_quoted(address) if address.startswith(b'"') else address
    if not _UNQUOTED.fullmatch(rest):
        raise UnsafeArgument(f"the address {_shown(address)} could be read in two ways")
    return address


def _check_unicode(address: bytes, *, utf8: bool) -> None:
    """RFC 6531 §3.3; C1 controls and line separators are no text (RFC 6532 §3.1)."""
    if not utf8:
        raise UnsafeArgument(f"the address {_shown(address)} needs SMTPUTF8")
    try:
        text = address.decode()
    except UnicodeDecodeError:
        raise UnsafeArgument(f"the address {_shown(address)} is not UTF-8") from None
    if any(unicodedata.category(letter) in {"Cc", "Zl", "Zp"} for letter in text):
        raise UnsafeArgument(f"the address {_shown(address)} holds a control character")


def _after_quoted(address: bytes) -> bytes:
    """What follows the quoted local part: it must be "@" (RFC 5321 §4.1.2)."""
    at = 1
    while at < len(address) and address[at] != 0x22:
        at += 2 if address[at] == 0x5C else 1
    rest = address[at + 1 :]
    if not rest.startswith(b"@"):
        raise UnsafeArgument(f"the address {_shown(address)} is quoted badly")
    return rest


def _ret(value: str) -> bytes:
    if value not in {"FULL", "HDRS"}:
        raise UnsafeArgument(f"RET={value[:40]!r} is neither FULL nor HDRS")
    return value.encode("ascii")


def _envid(value: str) -> bytes:
    if not 0 < len(value) <= MAX_ENVID or not _XTEXT.fullmatch(value):
        raise UnsafeArgument(f"ENVID={value[:MAX_ENVID]!r} is no xtext")
    return value.encode("ascii")


def _notify(value: str) -> bytes:
    words = value.split(",")
    if words != ["NEVER"] and not (len(set(words)) == len(words) and set(words) <= _NOTIFY):
        raise UnsafeArgument(f"NOTIFY={value[:40]!r} is no list of SUCCESS, FAILURE and DELAY")
    return value.encode("ascii")


def _orcpt(value: str, *, utf8: bool) -> bytes:
    """RFC 6533 §3: where SMTPUTF8 is not asked for, letters are written in hexadecimal."""
    if len(value) > MAX_ORCPT or not _ORCPT.fullmatch(value):
        raise UnsafeArgument(f"ORCPT={value[:80]!r} is no address type with xtext")
    if not utf8:
        value = "".join(
            letter if letter < "\x7f" else f"\\x{{{ord(letter):02X}}}" for letter in value
        )
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise UnsafeArgument(f"ORCPT={value[:80]!r} is no Unicode text") from None


def _shown(address: bytes) -> str:
    return ascii(address[:80].decode("utf-8", "replace"))
