"""One Email as JMAP has it: which properties are asked for, and what they are (RFC 8621 §4.1, §4.2).

The same is told of a stored message and of one that is only read (Email/parse): what differs, its
ids, mailboxes and keywords, comes from who has it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from postroom.access.fetch import SMALL
from postroom.message.headers import MAX_HEADER
from postroom.message.part import Part
from postroom.web.jmap import arguments as read, bodies, headers
from postroom.web.jmap.bodies import Node, Shown, Value
from postroom.web.jmap.errors import invalid
from postroom.web.jmap.headers import CONVENIENT, PREFIX, Block, Wanted
from postroom.web.jmap.letters import Letter, decoded_size
from postroom.web.jmap.method import Arguments

MAX_VALUE: Final = 4 << 20  # octets of a body that are told, as encoded
MAX_VALUES: Final = 32 << 20  # of all bodies of one call
MAX_HEADERS: Final = 100  # different header properties of a call

STORED: Final = ("id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt")
BODIES: Final = frozenset({"bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments"})
DEFAULT: Final = (
    *STORED, "messageId", "inReplyTo", "references", "sender", "from", "to", "cc", "bcc",
    "replyTo", "subject", "sentAt", "hasAttachment", "preview", "bodyValues", "textBody",
    "htmlBody", "attachments",
)  # fmt: skip
PROPERTIES: Final = frozenset({*DEFAULT, "headers", "bodyStructure"})
ARGUMENTS: Final = (
    "properties", "bodyProperties", "fetchTextBodyValues", "fetchHTMLBodyValues",
    "fetchAllBodyValues", "maxBodyValueBytes",
)  # fmt: skip


class Asked(msgspec.Struct):
    """What a call wants of each Email. ``room`` is what is left for bodies, in octets."""

    properties: Sequence[str]
    headers: dict[str, Wanted]
    part_properties: Sequence[str]
    part_headers: dict[str, Wanted]
    text_values: bool
    html_values: bool
    all_values: bool
    most: int
    room: int

    def has(self, names: Iterable[str]) -> bool:
        """Whether any of these is asked for."""
        return not set(names).isdisjoint(self.properties)

    @property
    def wants_head(self) -> bool:
        """Whether the header block is read."""
        return bool(self.headers) or "headers" in self.properties

    @property
    def wants_bodies(self) -> bool:
        """Whether the message itself is read."""
        return self.has(BODIES)


def asked(arguments: Arguments, default: Sequence[str] = DEFAULT) -> Asked:
    """Read the arguments of an Email/get or Email/parse; raises ``invalidArguments``."""
    named = read.texts(arguments, "properties")
    properties = list(dict.fromkeys(default if named is None else named))
    parts = read.texts(arguments, "bodyProperties")
    part_properties = list(dict.fromkeys(bodies.DEFAULT if parts is None else parts))
    wanted, part_wanted = {}, {}
    for name in properties:
        if name in CONVENIENT:
            wanted[name] = CONVENIENT[name]
        elif name.startswith(PREFIX):
            wanted[name] = headers.read(name)
        elif name not in PROPERTIES:
            raise invalid(f"an Email has no property {name!r}")
    for name in part_properties:
        if name.startswith(PREFIX):
            part_wanted[name] = headers.read(name)
        elif name not in bodies.PROPERTIES:
            raise invalid(f"a part of an Email has no property {name!r}")
    if len(wanted) + len(part_wanted) > MAX_HEADERS:
        raise invalid(f"more than {MAX_HEADERS} header fields are asked for")
    return Asked(
        properties,
        wanted,
        part_properties,
        part_wanted,
        read.flag(arguments, "fetchTextBodyValues"),
        read.flag(arguments, "fetchHTMLBodyValues"),
        read.flag(arguments, "fetchAllBodyValues"),
        read.unsigned(arguments, "maxBodyValueBytes", 0) or 0,
        MAX_VALUES,
    )


def of_head(wanted: Asked, head: bytes) -> dict[str, Any]:
    """The properties that the whole header block tells."""
    block = Block(head)
    found = {name: one.of(block) for name, one in wanted.headers.items()}
    if "headers" in wanted.properties:
        found["headers"] = [field.told() for field in block.fields]
    return found


async def of_bodies(
    wanted: Asked, letter: Letter, prefix: bytes, blob_id: Callable[[tuple[int, ...]], str | None]
) -> dict[str, Any]:
    """The properties that the MIME tree tells, and ``hasAttachment``.

    ``prefix``: the lines before the header block. ``blob_id`` names the blob of a part.
    """
    tree = await letter.tree()
    top = bodies.nodes(tree)
    shown = bodies.shown(top)
    writer = _Parts(wanted, letter, prefix, blob_id)
    found: dict[str, Any] = {"hasAttachment": shown.has_attachment}
    if "bodyStructure" in wanted.properties:
        found["bodyStructure"] = await writer.structure(top)
    for name, nodes in zip(("textBody", "htmlBody", "attachments"), shown, strict=True):
        if name in wanted.properties:
            found[name] = [await writer.part(node) for node in nodes]
    if "bodyValues" in wanted.properties:
        found["bodyValues"] = {
            node.id: (await _value(wanted, letter, node.part)).told()
            for node in _valued(wanted, top, shown)
        }
    return found


def _valued(wanted: Asked, top: Node, shown: Shown) -> list[Node]:
    """The text parts whose content is asked for."""
    chosen: list[Node] = []
    if wanted.all_values:
        chosen += [node for node in top.below() if not node.is_multipart]
    if wanted.text_values:
        chosen += shown.text
    if wanted.html_values:
        chosen += shown.html
    return list(
        {node.path: node for node in chosen if node.part.content_type[0] == "text"}.values()
    )


async def _value(wanted: Asked, letter: Letter, part: Part) -> Value:
    most = min(part.size, MAX_VALUE, wanted.room)
    if wanted.most:
        most = min(most, 8 * wanted.most + 1024)
    wanted.room -= most
    octets = await letter.octets(part.body_start, part.body_start + most)
    is_cut = most < part.size
    if len(octets) > SMALL:
        return await asyncio.to_thread(bodies.value_of, part, octets, wanted.most, is_cut=is_cut)
    return bodies.value_of(part, octets, wanted.most, is_cut=is_cut)


class _Parts:
    """Writes parts as EmailBodyParts; what costs a look at the message is kept by path."""

    def __init__(
        self,
        wanted: Asked,
        letter: Letter,
        prefix: bytes,
        blob_id: Callable[[tuple[int, ...]], str | None],
    ) -> None:
        self._wanted = wanted
        self._letter = letter
        self._prefix = prefix
        self._blob_id = blob_id
        self._known: dict[tuple[int, ...], dict[str, Any]] = {}

    async def structure(self, top: Node) -> dict[str, Any]:
        """A part with all in it, in ``subParts``; the scanner has bounded how deep it is."""
        found = dict(await self.part(top))
        if top.is_multipart:  # asked for or not: without them it would be no structure
            found["subParts"] = [await self.structure(child) for child in top.children]
        return found

    async def part(self, node: Node) -> dict[str, Any]:
        """A part by itself."""
        if node.path not in self._known:
            self._known[node.path] = await self._written(node)
        return self._known[node.path]

    async def _written(self, node: Node) -> dict[str, Any]:
        wanted, has_parts = self._wanted, node.is_multipart
        block = None
        if wanted.part_headers or "headers" in wanted.part_properties:
            block = await self._head(node)
        found: dict[str, Any] = {}
        for name in wanted.part_properties:
            if block is not None and name in wanted.part_headers:
                found[name] = wanted.part_headers[name].of(block)
            elif name == "headers" and block is not None:
                found[name] = [field.told() for field in block.fields]
            elif name == "size":
                found[name] = 0 if has_parts else await decoded_size(self._letter, node.part)
            elif name == "partId":
                found[name] = None if has_parts else node.id
            elif name == "blobId":
                found[name] = None if has_parts else self._blob_id(node.path)
            elif name == "subParts":
                found[name] = [] if has_parts else None
            else:
                found[name] = getattr(node, name)
        return found

    async def _head(self, node: Node) -> Block:
        part = node.part
        end = min(part.body_start, part.header_start + MAX_HEADER)
        octets = await self._letter.octets(part.header_start, end)
        return Block(octets if part.header_start else self._prefix + octets)
