r"""LIST and LSUB: names by pattern, with their attributes.

RFC 3501 §6.3.8, §6.3.9; RFC 3348 (\HasChildren); RFC 6154 (special use).
"""

from collections.abc import Iterable, Sequence
from typing import Final

from postroom.access.folders import Folder
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.protocol.imap.commands import List, Lsub
from postroom.protocol.imap.patterns import DELIMITER, Pattern, ancestors
from postroom.protocol.imap.responses import list_line

_PLAIN: Final = List("", ())


async def list_mailboxes(talk: Conversation, command: List) -> None:
    """LIST, RFC 3501 §6.3.8."""
    if command.patterns == ("",):  # asks for the delimiter and the root of the reference
        root, delimiter, _ = command.reference.partition(DELIMITER)
        line = _line(talk, b"LIST", [b"\\Noselect"], root + delimiter if delimiter else "")
        talk.session.untagged(line)
    else:
        patterns = [Pattern(command.reference + pattern) for pattern in command.patterns]
        folders = await talk.folders.list()
        lines = [
            _line(talk, b"LIST", _attributes(folder, command), folder.name)
            for folder in folders
            if _is_chosen(folder, command) and _match_any(folder.name, patterns)
        ]
        if b"SUBSCRIBED" in command.selection:
            lines += await _missing(talk, {folder.name for folder in folders}, patterns)
        talk.session.untagged(b"".join(lines))
    await talk.report()
    talk.session.finish("OK", "Listed")


async def list_subscriptions(talk: Conversation, command: Lsub) -> None:
    r"""LSUB, RFC 3501 §6.3.9: a level above subscribed names is \Noselect, after "%"."""
    pattern = Pattern(command.reference + command.pattern)
    names = await talk.folders.subscriptions()
    found = [name for name in names if pattern.matches(name)]
    lines = [_line(talk, b"LSUB", [], name) for name in found]
    if command.pattern.endswith("%"):
        levels = ancestors(names).difference(names)
        lines += [
            _line(talk, b"LSUB", [b"\\Noselect"], name)
            for name in sorted(levels)
            if pattern.matches(name)
        ]
    talk.session.untagged(b"".join(lines))
    await talk.report()
    talk.session.finish("OK", "Listed")


async def _missing(talk: Conversation, known: set[str], patterns: list[Pattern]) -> Iterable[bytes]:
    r"""Subscribed names without a mailbox (RFC 5258 §3.1 \NonExistent)."""
    return [
        _line(talk, b"LIST", [b"\\NonExistent", b"\\Subscribed"], name)
        for name in await talk.folders.subscriptions()
        if name not in known and _match_any(name, patterns)
    ]


async def name_line(talk: Conversation, name: str, old_name: str = "") -> bytes:
    """LIST of one mailbox, which nobody asked for (RFC 9051 §6.3.2).

    ``old_name`` is what the client called it; it is told where that is another (§6.3.9.7).
    """
    folders = await talk.folders.list()
    found = next((folder for folder in folders if folder.name == name), None)
    attributes = [b"\\NonExistent"] if found is None else _attributes(found, _PLAIN)
    if found is not None and found.subscribed:
        attributes.append(b"\\Subscribed")
    old = "" if old_name == name else old_name
    return list_line(b"LIST", attributes, name, utf8=talk.session.modes.utf8, old_name=old)


def _line(talk: Conversation, kind: bytes, attributes: Sequence[bytes], name: str) -> bytes:
    return list_line(kind, attributes, name, utf8=talk.session.modes.utf8)


def _match_any(name: str, patterns: list[Pattern]) -> bool:
    return any(pattern.matches(name) for pattern in patterns)


def _is_chosen(folder: Folder, command: List) -> bool:
    if b"SPECIAL-USE" in command.selection and not folder.special_use:
        return False
    return folder.subscribed or b"SUBSCRIBED" not in command.selection


def _attributes(folder: Folder, command: List) -> list[bytes]:
    words = [b"\\HasChildren" if folder.has_children else b"\\HasNoChildren"]
    if not folder.selectable:
        words.append(b"\\Noselect")
    if folder.special_use:
        words.append(folder.special_use.encode("ascii"))
    if folder.subscribed and b"SUBSCRIBED" in command.selection | command.wanted:
        words.append(b"\\Subscribed")
    return words


HANDLERS: Final[Handlers] = {
    List: list_mailboxes,
    Lsub: list_subscriptions,
}
