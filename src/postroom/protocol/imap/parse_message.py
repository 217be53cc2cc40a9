"""Reading commands about messages by their numbers: FETCH, STORE, COPY, MOVE, SEARCH, UID.

RFC 3501 §6.4, §9, RFC 4315 (UID EXPUNGE), RFC 6851 (MOVE), RFC 4466 §2.4, §2.5 (modifiers),
RFC 7162 (CHANGEDSINCE, VANISHED, UNCHANGEDSINCE), RFC 9394 (PARTIAL).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from postroom.protocol.imap import commands
from postroom.protocol.imap.commands import Command
from postroom.protocol.imap.esearch import Partial
from postroom.protocol.imap.flags import read_flag_list, read_flags
from postroom.protocol.imap.parse_fetch import parse_fetch_items
from postroom.protocol.imap.parse_mailbox import read_mailbox
from postroom.protocol.imap.parse_return import read_partial, read_returns
from postroom.protocol.imap.parse_search import read_criteria, read_set
from postroom.protocol.imap.parse_sort import parse_sort, parse_thread
from postroom.protocol.imap.tokens import BadSyntax, Reader


def parse_fetch(reader: Reader, *, by_uid: bool = False) -> Command:
    ranges = read_set(reader)
    reader.space()
    items = parse_fetch_items(reader)
    since: int | None = None
    partial: Partial | None = None
    vanished = False
    for modifier in _modifiers(reader):
        if modifier == b"CHANGEDSINCE" and since is None:
            reader.space()
            since = reader.modseq()
        elif modifier == b"VANISHED" and by_uid and reader.modes.qresync:
            vanished = True
        elif modifier == b"PARTIAL" and by_uid and partial is None:
            partial = read_partial(reader)
        else:
            raise BadSyntax("This modifier of FETCH can't be used here")
    if vanished and since is None:
        raise BadSyntax("VANISHED needs CHANGEDSINCE")
    return commands.Fetch(ranges, items, by_uid, since, vanished, partial)


def _modifiers(reader: Reader) -> Iterator[bytes]:
    """RFC 4466 §6 fetch-modifiers: names, whose values the caller reads."""
    if not reader.skip(b" "):
        return
    reader.expect(b"(")
    yield reader.word()
    while not reader.skip(b")"):
        reader.space()
        yield reader.word()


_ACTIONS: Final[Mapping[bytes, tuple[commands.Action, bool]]] = {
    b"FLAGS": ("replace", False),
    b"FLAGS.SILENT": ("replace", True),
    b"+FLAGS": ("add", False),
    b"+FLAGS.SILENT": ("add", True),
    b"-FLAGS": ("remove", False),
    b"-FLAGS.SILENT": ("remove", True),
}


def parse_store(reader: Reader, *, by_uid: bool = False) -> Command:
    ranges = read_set(reader)
    since: int | None = None
    reader.space()
    if reader.skip(b"("):
        if reader.word() != b"UNCHANGEDSINCE":
            raise BadSyntax("There is no such modifier of STORE")
        reader.space()
        since = reader.modseq()
        reader.expect(b")")
        reader.space()
    action = _ACTIONS.get(reader.word())
    if action is None:
        raise BadSyntax("Expected FLAGS, +FLAGS or -FLAGS")
    reader.space()
    flags, keywords = read_flag_list(reader) if reader.peek(b"(") else read_flags(reader)
    return commands.Store(ranges, action[0], flags, keywords, action[1], by_uid, since)


def parse_copy(reader: Reader, *, by_uid: bool = False) -> Command:
    ranges = read_set(reader)
    reader.space()
    return commands.Copy(ranges, read_mailbox(reader), by_uid)


def parse_move(reader: Reader, *, by_uid: bool = False) -> Command:
    ranges = read_set(reader)
    reader.space()
    return commands.Move(ranges, read_mailbox(reader), by_uid)


def parse_search(reader: Reader, *, by_uid: bool = False) -> Command:
    returns = read_returns(reader)
    return commands.Search(read_criteria(reader), by_uid, returns)


def parse_uid(reader: Reader) -> Command:
    name = reader.word()
    reader.space()
    if name == b"EXPUNGE":
        return commands.Expunge(read_set(reader))
    parse = _NUMBERED.get(name)
    if parse is None:
        raise BadSyntax("Unknown command")
    return parse(reader, by_uid=True)


_NUMBERED: Final[dict[bytes, Callable[..., Command]]] = {
    b"COPY": parse_copy,
    b"FETCH": parse_fetch,
    b"MOVE": parse_move,
    b"SEARCH": parse_search,
    b"SORT": parse_sort,
    b"STORE": parse_store,
    b"THREAD": parse_thread,
}
