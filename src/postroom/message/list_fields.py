"""Header fields of mailing lists.

A list adds fields and touches nothing that an author has signed: subject, addresses and body stay.
Fields of another list that the post came through are replaced (RFC 2369 §4). Only where it must be,
the list stands in From itself (``by_list``).

RFC 2919 (List-Id), RFC 2369 (List-Post and others), RFC 8058 (List-Unsubscribe-Post), RFC 3834.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.message import headers
from postroom.message.addresses import mailboxes, parse
from postroom.message.charset import decode_words
from postroom.message.compose import Person, mailbox, one_line, words

_REPLACED: Final = frozenset((b"precedence", b"list-unsubscribe-post"))
_PREFIX: Final = b"list-"
_ORIGINAL: Final = b"X-Original-From"
_MAX_NAME: Final = 100  # characters of an author's name that stand before "via"


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """What a list says of itself; all are addresses, ``post`` and ``subscribe`` may be "" for none."""

    address: str
    title: str
    owner: str
    help: str
    post: str
    subscribe: str


def list_id(address: str) -> bytes:
    """``dev.example.org`` for ``dev@example.org``: the identifier, in lower case."""
    return address.replace("@", ".").lower().encode()


def common(post: Post) -> bytes:
    """The fields that everybody gets."""
    lines = [
        b"List-Id: " + _phrase(post.title) + b"<" + list_id(post.address) + b">",
        b"List-Post: " + (_mailto(post.post) if post.post else b"NO (only owners post)"),
        b"List-Help: " + _mailto(post.help),
        b"List-Owner: " + _mailto(post.owner),
        *([b"List-Subscribe: " + _mailto(post.subscribe)] if post.subscribe else []),
        b"Precedence: list",
    ]
    return b"".join(line + b"\r\n" for line in lines)


def personal(address: str, url: str) -> bytes:
    """How one member leaves: by a letter to ``address``, or by one click (RFC 8058 §3.1)."""
    return (
        b"List-Unsubscribe: <" + url.encode() + b">,\r\n " + _mailto(address) + b"\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    )


def stripped(head: bytes) -> bytes:
    """Without what another list has said of itself."""
    return headers.strip_where(
        head, lambda field: field.name.startswith(_PREFIX) or field.name in _REPLACED
    )


def by_list(head: bytes, address: str, title: str) -> bytes:
    """The header block of a post with the list as its author: ``Ann via Dev <dev@example.org>``.

    From stands in X-Original-From as it was, and in Reply-To, unless the author names another
    address there. ``head`` has one From field.
    """
    head = headers.strip(head, (_ORIGINAL.lower(),))
    found = next(field for field in headers.fields(head) if field.name == b"from")
    value = head[found.value_start : found.end].rstrip(b"\r\n") + b"\r\n"
    name = f"{_authors(value)} via {title or address.partition('@')[0]}"
    said = b"From: " + mailbox(Person(address, name)).encode("utf-8", "replace") + b"\r\n"
    if not headers.values(head, b"reply-to"):
        said += b"Reply-To:" + value
    said += _ORIGINAL + b":" + value
    return head[: found.start] + said + head[found.end :]


def before_list(head: bytes) -> bytes:
    """A From field as the author wrote it, of a post that ``by_list`` may have changed."""
    found = headers.values(head, _ORIGINAL.lower())
    return b"From: " + found[0] + b"\r\n\r\n" if found else head


def came_through(head: bytes, address: str) -> bool:
    """Whether the message says that it comes from this list."""
    wanted = b"<" + list_id(address) + b">"
    return any(wanted in one.lower() for one in headers.values(head, b"list-id"))


def is_automatic(head: bytes) -> bool:
    """Whether no person has written it: RFC 3834 §5, and reports of any kind (RFC 6522)."""
    said: Sequence[bytes] = headers.values(head, b"auto-submitted")
    if any(one.partition(b";")[0].strip().lower() != b"no" for one in said):
        return True
    kinds = headers.values(head, b"content-type")
    return any(one.lower().startswith(b"multipart/report") for one in kinds)


def _authors(value: bytes) -> str:
    """What the first author is called."""
    found = mailboxes(parse(value))
    if not found:
        return "Somebody"
    first = found[0]
    name = one_line(decode_words(first.name)) or first.local.decode("utf-8", "replace")
    if len(name) > _MAX_NAME:
        name = name[:_MAX_NAME].rstrip() + "..."
    return name + " and others" if len(found) > 1 else name


def _mailto(address: str) -> bytes:
    """``+`` has its own meaning for some readers of URLs, so it is escaped (RFC 6068 §2)."""
    return b"<mailto:" + address.replace("%", "%25").replace("+", "%2B").encode() + b">"


def _phrase(title: str) -> bytes:
    if not title:
        return b""
    if not title.isascii():
        return "\r\n ".join(words(title)).encode() + b"\r\n "
    quoted = " ".join(words(title)).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" '.encode()
