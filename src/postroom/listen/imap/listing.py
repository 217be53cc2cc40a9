r"""LIST and LSUB: names by pattern, with their attributes.

RFC 3501 §6.3.8, §6.3.9; RFC 3348 (\HasChildren); RFC 6154 (special use); RFC 5258
(LIST-EXTENDED); RFC 5819 (LIST-STATUS); RFC 8440 (LIST-MYRIGHTS); RFC 9590 (LIST-METADATA).
"""

from collections.abc import Iterable, Sequence
from typing import Final

from postroom.access.folders import Folder, Status
from postroom.access.rights import Rights, with_obsolete
from postroom.listen.imap.annotating import annotations_of
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.protocol.imap.commands import List, Lsub
from postroom.protocol.imap.metadata import metadata_line
from postroom.protocol.imap.object_ids import mailbox_id
from postroom.protocol.imap.patterns import DELIMITER, Pattern, ancestors
from postroom.protocol.imap.responses import list_line, mailbox_name, status_response

_PLAIN: Final = List("", ())
_HELD: Final = 1000  # lines that are sent at once
_CRITERIA: Final = frozenset((b"SPECIAL-USE", b"SUBSCRIBED"))  # what RECURSIVEMATCH looks for


async def list_mailboxes(talk: Conversation, command: List) -> None:
    """LIST, RFC 3501 §6.3.8, RFC 5258."""
    if command.patterns == ("",) and not command.is_extended:
        # asks for the delimiter and the root of the reference
        root, delimiter, _ = command.reference.partition(DELIMITER)
        line = _line(talk, b"LIST", [b"\\Noselect"], root + delimiter if delimiter else "")
        talk.session.untagged(line)
    else:
        await _list(talk, command)
    await talk.report()
    talk.session.finish("OK", "Listed")


async def _list(talk: Conversation, command: List) -> None:
    patterns = [Pattern(command.reference + pattern) for pattern in command.patterns]
    folders = await talk.folders.list()
    if b"SUBSCRIBED" in command.selection:
        folders = _with_missing(folders, await talk.folders.subscriptions())
    chosen, above = _chosen(folders, patterns, command)
    statuses: dict[int, Status] = {}
    if command.status:
        if b"HIGHESTMODSEQ" in command.status:
            talk.use_condstore()
        statuses = await talk.folders.statuses(chosen)
    criteria = [b'"%s"' % word for word in sorted(command.selection & _CRITERIA)]
    childinfo = b' ("CHILDINFO" (%s))\r\n' % b" ".join(criteria)
    annotated = {}
    if command.entries:
        annotated = await annotations_of(talk).among(chosen, command.entries)
    lines: list[bytes] = []
    for folder in chosen:
        if len(lines) > _HELD:
            talk.session.untagged(b"".join(lines))
            lines.clear()
            await talk.flush()
        line = _line(talk, b"LIST", _attributes(folder, command), folder.name)
        lines.append(line.removesuffix(b"\r\n") + childinfo if folder.name in above else line)
        if b"MYRIGHTS" in command.wanted and folder.selectable:
            lines.append(rights_line(talk, folder.name, folder.rights))
        if folder.id in statuses:
            lines.append(told_status(talk, folder.name, statuses[folder.id], command.status))
        if folder.id in annotated:  # RFC 9590 §3
            utf8 = talk.session.modes.utf8
            lines.append(metadata_line(folder.name, annotated[folder.id], utf8=utf8))
    talk.session.untagged(b"".join(lines))


def _chosen(
    folders: Sequence[Folder], patterns: list[Pattern], command: List
) -> tuple[list[Folder], set[str]]:
    """The mailboxes to tell, and the levels above those that are looked for (RECURSIVEMATCH).

    Such a level that is not looked for itself stands for what is below it and not told (RFC
    5258 §3.5).
    """
    matching = [folder for folder in folders if _match_any(folder.name, patterns)]
    told = {folder.name for folder in folders if _is_selected(folder, command)}
    above = set[str]()
    if b"RECURSIVEMATCH" in command.selection:
        above = ancestors(told)
        told |= ancestors(told.difference([folder.name for folder in matching]))
    return [folder for folder in matching if folder.name in told], above


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


def _with_missing(folders: list[Folder], subscribed: Iterable[str]) -> list[Folder]:
    r"""With subscribed names that have no mailbox, and their levels (RFC 5258 §3: \NonExistent)."""
    known = {folder.name for folder in folders}
    names = {name for name in subscribed if name not in known}
    levels = ancestors(names)
    missing = [
        Folder(0, name, None, name in names, name in levels, False, frozenset())
        for name in sorted((levels | names) - known)
    ]
    return [*folders, *missing]


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


def _is_selected(folder: Folder, command: List) -> bool:
    if b"SPECIAL-USE" in command.selection and not folder.special_use:
        return False
    return folder.subscribed or b"SUBSCRIBED" not in command.selection


def told_status(talk: Conversation, name: str, found: Status, items: Sequence[bytes]) -> bytes:
    """``* STATUS "name" (..)`` with what was asked for (RFC 3501 §7.2.4)."""
    values: dict[bytes, int | bytes] = {
        b"APPENDLIMIT": talk.services.max_message or b"NIL",
        b"MESSAGES": found.messages,
        b"RECENT": found.recent,
        b"UIDNEXT": found.uidnext,
        b"UIDVALIDITY": found.uidvalidity,
        b"UNSEEN": found.unseen,
        b"DELETED": found.deleted,
        b"DELETED-STORAGE": found.deleted_size,
        b"SIZE": found.size,
        b"HIGHESTMODSEQ": found.highestmodseq,
        b"MAILBOXID": b"(%s)" % mailbox_id(found.mailbox_id),
    }
    told = [(item, values[item]) for item in items]
    return status_response(name, told, utf8=talk.session.modes.utf8)


def rights_line(talk: Conversation, name: str, rights: Rights) -> bytes:
    """``* MYRIGHTS "name" lrs`` (RFC 4314 §3.8)."""
    letters = with_obsolete(rights).encode("ascii") or b'""'
    return b"* MYRIGHTS %s %s\r\n" % (mailbox_name(name, utf8=talk.session.modes.utf8), letters)


def _attributes(folder: Folder, command: List) -> list[bytes]:
    words: list[bytes] = []
    if folder.has_children:
        words.append(b"\\HasChildren")
    elif folder.selectable:
        words.append(b"\\HasNoChildren")
    if not folder.selectable:
        words.append(b"\\NonExistent" if command.is_extended else b"\\Noselect")
    if folder.special_use:
        words.append(folder.special_use.encode("ascii"))
    if folder.subscribed and b"SUBSCRIBED" in command.selection | command.wanted:
        words.append(b"\\Subscribed")
    return words


HANDLERS: Final[Handlers] = {
    List: list_mailboxes,
    Lsub: list_subscriptions,
}
