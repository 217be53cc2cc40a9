"""Header fields of mailing lists.

A list adds fields and touches nothing that an author has signed: subject, addresses and body stay.
Fields of another list that the post came through are replaced (RFC 2369 §4).

RFC 2919 (List-Id), RFC 2369 (List-Post and others), RFC 8058 (List-Unsubscribe-Post), RFC 3834.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.message import headers
from postroom.message.compose import words

_REPLACED: Final = frozenset((b"precedence", b"list-unsubscribe-post"))
_PREFIX: Final = b"list-"


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
