"""Trace fields: the lines we put on top of a letter, and what others left there.

What goes into a Received field from the peer (its HELO name, its host name) is cleaned,
so it can neither end the line nor open or close a comment.

RFC 5321 §4.4 (Received, Return-Path), RFC 3848 and RFC 6531 §4.3 (protocol names),
RFC 8601 §5 (forged Authentication-Results), RFC 9228 (Delivered-To).
"""

import re
from functools import lru_cache
from typing import Final

import msgspec

from postroom.message import headers
from postroom.message.headers import Field
from postroom.message.parameters import without_comments

MAX_LINE: Final = 78  # RFC 5322 §2.1.1
MAX_CLAUSE: Final = 700  # octets; keeps a line below the 998 that are allowed

_UNSAFE: Final = re.compile(r"[^!-'*-:<-\[\]-~\u00a1-\U0010ffff]+")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]+")
_FIRST_WORD: Final = re.compile(rb"[\s\0]*+([^\s;]++)")
_NAME: Final = re.compile(rb"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_NOISE: Final = re.compile(rb'[\x00-\x20"\\]+')


class Client(msgspec.Struct, frozen=True):
    """Who handed the letter over: the HELO name, the address, the verified host name."""

    helo: str
    ip: str
    host: str = ""


def protocol_name(
    *, lmtp: bool = False, esmtp: bool = True, utf8: bool = False, tls: bool, authenticated: bool
) -> str:
    """The ``with`` word of the IANA registry: SMTP, ESMTPSA, UTF8SMTPS, LMTPA .."""
    suffix = ("S" if tls else "") + ("A" if authenticated else "")
    if lmtp:
        return ("UTF8LMTP" if utf8 else "LMTP") + suffix
    if utf8:
        return "UTF8SMTP" + suffix
    return "ESMTP" + suffix if esmtp else "SMTP"


def received(
    client: Client,
    *,
    by: str,
    protocol: str,
    ident: str,
    date: str,
    tls: str = "",
    recipient: str | None = None,
) -> bytes:
    """A Received field with its CRLF. ``recipient`` only when the letter has just one.

    ``tls`` names version and cipher; ``date`` is written by ``dates.write``.
    """
    clauses = [f"id {_clean(ident)}"]
    if recipient is not None:
        clauses.append(f"for <{_path(recipient)}>")
    clauses[-1] += ";"
    clauses.append(date)
    return _octets(_continued(_opening(client, by, protocol, tls), clauses) + "\r\n")


@lru_cache(maxsize=256)
def _opening(client: Client, by: str, protocol: str, tls: str) -> str:
    """The clauses that all messages of a session have in common."""
    clauses = [f"({_tcp_info(client)})", f"by {by}", f"with {protocol}"]
    if tls:
        clauses.append(f"({_clean(tls, blanks=True)})")
    return _continued(f"Received: from {_clean(client.helo) or 'unknown'}", clauses)


def return_path(sender: str) -> bytes:
    """The Return-Path field; "" is the null reverse-path."""
    return _octets(f"Return-Path: <{_path(sender)}>\r\n")


def delivered_to(address: str) -> bytes:
    """The Delivered-To field (RFC 9228)."""
    return _octets(f"Delivered-To: {_path(address)}\r\n")


def junk(reason: str, score: float) -> bytes:
    """The fields that mail programs know of a message filed as junk, and why it is.

    X-Spam-Flag and X-Spam-Status are SpamAssassin's, and in use everywhere.
    """
    words = _words(reason) or ["no reason"]
    words[0] = f"({words[0]}"
    words[-1] += ")"
    status = _folded([f"X-Spam-Status: Yes, score={score:.1f}", *words])
    return b"X-Spam-Flag: YES\r\n" + status


MARKS: Final = frozenset({b"x-spam-flag", b"x-spam-status", b"x-spam-score", b"x-sieve-error"})
"""Fields for people and their programs that this server writes."""


def noted(name: str, text: str) -> bytes:
    """A field of ours with a text for people."""
    return _folded([f"{name}:", *_words(text)])


def _words(text: str) -> list[str]:
    """Words that can stand in a comment, in ASCII."""
    said = "".join([letter if " " <= letter <= "~" else "?" for letter in text[:MAX_CLAUSE]])
    said = said.replace("(", "[").replace(")", "]").replace("\\", "/")
    return [word[:MAX_LINE] for word in said.split()]


def count_received(head: bytes) -> int:
    """How many Received fields there are: the hop count (RFC 5321 §6.3)."""
    lower = head.lower()
    return lower.count(b"\nreceived:") + lower.startswith(b"received:")


def delivered_addresses(head: bytes) -> list[str]:
    """The values of Delivered-To: where the letter has already been delivered."""
    if b"delivered-to" not in head.lower():
        return []
    found = headers.values(head, b"delivered-to")
    return [value.decode("utf-8", "replace").strip("<> \t") for value in found]


def strip_own(head: bytes, authserv_id: str, *, is_judged: bool = False) -> bytes:
    """Remove Return-Path, and Authentication-Results in our name (RFC 8601 §5).

    Of a message that our own spam filter judges also MARKS: a rule or a mail program that trusts
    them means this filter.

    The name is compared without case, after comments, folding and quoting are removed, and also
    as readers would see it who take no notice of blanks, or of what can't be in a name.
    """
    lower = head.lower()
    if is_judged and any(name in lower for name in MARKS):
        head = headers.strip(head, MARKS)
    if b"return-path" not in lower and b"authentication-results" not in lower:
        return head
    own = authserv_id.lower().rstrip(".").encode("utf-8", "replace")
    return headers.strip_where(head, lambda field: _is_own(head, field, own))


def _is_own(head: bytes, field: Field, own: bytes) -> bool:
    if field.name == b"return-path":
        return True
    if field.name != b"authentication-results":
        return False
    value = without_comments(headers.unfold(head[field.value_start : field.end])).lower()
    word = _FIRST_WORD.match(value)
    if word and _NOISE.sub(b"", word[1]).rstrip(b".") == own:
        return True
    compact = _NOISE.sub(b"", value).partition(b";")[0]
    name = _NAME.search(compact)
    if name and name[0] == own:
        return True
    return compact.rstrip(b"0123456789").rstrip(b".") == own  # a version may follow the name


def _tcp_info(client: Client) -> str:
    """RFC 5321 §4.4 TCP-info: ``host [192.0.2.1]`` or ``[IPv6:2001:db8::1]``."""
    ip = client.ip.partition("%")[0]
    literal = f"[IPv6:{ip}]" if ":" in ip else f"[{ip}]"
    host = _clean(client.host)
    return f"{host} {literal}" if host else literal


def _clean(text: str, *, blanks: bool = False) -> str:
    """Without control characters, white space, parentheses, backslash and semicolon."""
    if blanks:
        return " ".join([word for part in text.split() if (word := _clean(part))])
    return _UNSAFE.sub("?", text)[:255]


def _path(address: str) -> str:
    """An address as it stands, without what could end its line."""
    return _CONTROLS.sub("?", address)[:MAX_CLAUSE]


def _folded(clauses: list[str]) -> bytes:
    return _octets(_continued(clauses[0], clauses[1:]) + "\r\n")


def _continued(text: str, clauses: list[str]) -> str:
    """The text with further clauses, each in a new line where the last one is too long for it."""
    width = len(text) - text.rfind("\n") - 1
    for clause in clauses:
        size = len(clause) + 1  # with the blank before it
        if width + size > MAX_LINE:
            text, width = f"{text}\r\n\t{clause}", size
        else:
            text, width = f"{text} {clause}", width + size
    return text


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "replace")
