"""GENURLAUTH, RESETKEY and URLFETCH (RFC 4467, RFC 5524).

Content flows in pieces, as in FETCH. A URL that names nothing the person may have is told as
NIL, whatever the reason is.
"""

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from postroom.access import binary, quoting
from postroom.access.binary import UnknownEncoding
from postroom.access.fetch import tree
from postroom.access.quoting import Quoted
from postroom.access.urlauth import UrlAuth
from postroom.errors import MailError, NotFound
from postroom.listen.imap.contents import BrokenLiteral
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.message.section import part_at
from postroom.message.structure import bodystructure
from postroom.protocol.imap import commands as c
from postroom.protocol.imap.responses import URLMECH, string
from postroom.protocol.imap.tokens import BadSyntax
from postroom.protocol.imap.urlauth import AuthorizedUrl
from postroom.protocol.imap.urls import BadUrl


class _Part(msgspec.Struct, frozen=True):
    """What follows the URL: what stands before the content, the content, what stands behind."""

    head: bytes
    content: AsyncIterator[bytes] | None = None
    end: bytes = b""


async def generate(talk: Conversation, command: c.GenUrlAuth) -> None:
    """GENURLAUTH: all URLs or none."""
    urls = _urls(talk)
    try:
        made = [string(await urls.generate(url)) for url, _ in command.wanted]
    except BadUrl as error:
        raise BadSyntax(f"This can't be authorized: {error}") from None
    talk.session.untagged(b" ".join([b"* GENURLAUTH", *made]) + b"\r\n")
    await talk.report()
    talk.session.finish("OK", "Authorized")


async def reset(talk: Conversation, command: c.ResetKey) -> None:
    """RESETKEY."""
    await _urls(talk).reset(command.mailbox)
    await talk.report()
    talk.session.finish("OK", "Nothing that was authorized counts any more", URLMECH)


async def fetch(talk: Conversation, command: c.UrlFetch) -> None:
    """URLFETCH."""
    urls = _urls(talk)
    talk.session.untagged(b"* URLFETCH")
    for url, wanted in command.wanted:
        talk.session.untagged(b" " + string(url))
        try:
            parsed, quoted = await urls.find(url)
            parts = [await _part(parsed, quoted, item) for item in wanted or (b"",)]
        except (BadUrl, NotFound, MailError):
            parts = [_Part(b" NIL")]
        for part in parts:
            await _write(talk, part)
    talk.session.untagged(b"\r\n")
    await talk.report()
    talk.session.finish("OK", "Done")


async def _part(url: AuthorizedUrl, quoted: Quoted, wanted: bytes) -> _Part:
    """RFC 5524 §3: b"" is the content without a name."""
    section = url.message.section
    if wanted == b"BODYPARTSTRUCTURE":
        part = part_at(await tree(quoted.row), section.path)
        if part is None:
            raise NotFound("there is no such part")
        return _Part(b" (BODYPARTSTRUCTURE %b)" % bodystructure(part))
    if wanted == b"BINARY" and not section.piece:
        return await _decoded(url, quoted)
    head, end = (b" (%b " % wanted, b")") if wanted else (b" ", b"")
    return _Part(b"%b{%d}\r\n" % (head, quoted.size), quoting.read(quoted), end)


async def _decoded(url: AuthorizedUrl, quoted: Quoted) -> _Part:
    try:
        found = await binary.find(quoted.row, url.message.section.path)
    except UnknownEncoding:
        found = None
    if found is None:
        return _Part(b" (BINARY NIL)")
    start, length = url.message.partial or (0, None)
    start = min(start, found.size)
    size = found.size - start if length is None else min(length, found.size - start)
    head = b" (BINARY %b{%d}\r\n" % (b"~" if found.has_nul else b"", size)
    return _Part(head, binary.read(quoted.row, found, start, size), b")")


async def _write(talk: Conversation, part: _Part) -> None:
    talk.session.untagged(part.head)
    if part.content is None:
        return
    await talk.flush()
    try:
        async for piece in part.content:
            await talk.wire.send(piece)
    except (MailError, NotFound) as error:
        raise BrokenLiteral from error
    talk.session.untagged(part.end)


def _urls(talk: Conversation) -> UrlAuth:
    services = talk.services
    return UrlAuth(talk.person, services.store, services.sharing, talk.places, services.login.known)


HANDLERS: Final[Handlers] = {
    c.GenUrlAuth: generate,
    c.ResetKey: reset,
    c.UrlFetch: fetch,
}
