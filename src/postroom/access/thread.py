"""THREAD over a selected mailbox (RFC 5256 §3)."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from postroom.access.keys import Columns, columns
from postroom.access.offload import run
from postroom.access.view import View
from postroom.message import threads
from postroom.message.sort_keys import unpack
from postroom.message.threads import Forest, Letters
from postroom.protocol.imap.sort import Algorithm

_NAMES: Final = ("sent", "subject", "is_reply", "ident", "ancestors")
_ALGORITHMS: Final[dict[Algorithm, Callable[[Letters], Forest]]] = {
    Algorithm.ORDEREDSUBJECT: threads.ordered_subject,
    Algorithm.REFERENCES: threads.references,
    Algorithm.REFS: threads.refs,
}


async def thread(view: View, uids: Sequence[int], algorithm: Algorithm) -> tuple[Forest, list[int]]:
    """The trees of these ascending UIDs, and the UIDs of their messages 0, 1, ..

    Messages that another session has expunged are left out.
    """
    pages = [page async for page in columns(view, uids, _NAMES)]
    return await run(len(uids), _threaded, pages, algorithm)


def _threaded(pages: Sequence[Columns], algorithm: Algorithm) -> tuple[Forest, list[int]]:
    whole: list[list[Any]] = [[] for _ in range(4 + len(_NAMES))]
    for page in pages:
        for column, values in zip(whole, page, strict=True):
            column.extend(values)
    uids, received, _, _, sent, subjects, replies, ids, ancestors = whole
    sent = [
        there if moment is None else moment for moment, there in zip(sent, received, strict=True)
    ]
    letters = Letters(ids, list(map(unpack, ancestors)), sent, received, subjects, replies)
    return _ALGORITHMS[algorithm](letters), uids
