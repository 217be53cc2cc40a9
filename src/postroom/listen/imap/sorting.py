"""SORT and THREAD on the selected mailbox (RFC 5256, RFC 5267 §3)."""

from array import array
from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.access.offload import run
from postroom.access.sort import sort as in_order
from postroom.access.thread import thread as threaded
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.listen.imap.progress import progress
from postroom.listen.imap.results import numbers_of, saving, tell
from postroom.listen.imap.searching import matches
from postroom.listen.imap.updating import begin, keep
from postroom.protocol.imap import commands as c
from postroom.protocol.imap.search import names_modseq, names_numbers
from postroom.protocol.imap.sort import Algorithm
from postroom.protocol.imap.thread_line import thread_line


class Told(msgspec.Struct, frozen=True):
    """A THREAD response that was made before, and of which messages."""

    uids: "array[int]"
    numbers: "array[int]"
    line: bytes


async def sort(talk: Conversation, command: c.Sort) -> None:
    """SORT and UID SORT; with RETURN an ESEARCH response in the order of the sort."""
    view = talk.selected
    with_modseq = names_modseq(command.criteria.key)
    if with_modseq:
        talk.use_condstore()
    await begin(talk, command.returns)
    with progress(talk), saving(view, command.returns):
        uids = await matches(view, command.criteria)
        uids = await in_order(view, uids, command.program, talk.services.kept)
        await tell(
            talk,
            uids,
            command.returns,
            by_uid=command.by_uid,
            with_modseq=with_modseq,
            kind=b"SORT",
        )
    key, program = command.criteria.key, command.program
    keep(talk, key, program, command.returns, uids, by_uid=command.by_uid)
    await talk.report(expunges=command.by_uid and not names_numbers(key))
    talk.session.finish("OK", "Sorted")


async def thread(talk: Conversation, command: c.Thread) -> None:
    """THREAD and UID THREAD."""
    view = talk.selected
    if names_modseq(command.criteria.key):
        talk.use_condstore()
    with progress(talk):
        uids = await matches(view, command.criteria)
        line = await _line(talk, uids, command.algorithm, by_uid=command.by_uid)
    talk.session.untagged(line)
    await talk.report(expunges=command.by_uid and not names_numbers(command.criteria.key))
    talk.session.finish("OK", "Threaded")


async def _line(
    talk: Conversation, uids: Sequence[int], algorithm: Algorithm, *, by_uid: bool
) -> bytes:
    """The response; the same question about the same messages is answered from memory."""
    view, kept = talk.selected, talk.services.kept
    numbers = uids if by_uid else await numbers_of(view, uids)
    key = (view.mailbox_id, view.uidvalidity, algorithm, by_uid)
    asked = array("I", uids), array("I", numbers)
    held = kept.get(key, Told)
    if held is not None and (held.uids, held.numbers) == asked:
        return held.line
    forest, found = await threaded(view, uids, algorithm)
    if len(found) != len(uids):  # another session has expunged some in this moment
        numbers = found if by_uid else await numbers_of(view, found)
    line = await run(len(found), thread_line, forest, numbers)
    kept.put(key, Told(*asked, line), len(line) + 8 * len(uids))
    return line


HANDLERS: Final[Handlers] = {
    c.Sort: sort,
    c.Thread: thread,
}
