"""Sets of messages: those that a command names, and results of searches.

How results are told and saved: RFC 4731, RFC 5182, RFC 7162 §3.1.6.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from postroom.access.offload import run
from postroom.access.search import highest_modseq
from postroom.access.view import View
from postroom.errors import Invalid
from postroom.listen.imap.conversation import Conversation
from postroom.protocol.imap.esearch import Returns, esearch_line
from postroom.protocol.imap.responses import search_line
from postroom.protocol.imap.sets import Ranges, joined
from postroom.protocol.imap.tokens import BadSyntax

UidRanges = list[tuple[int, int]]


def numbered(view: View, ranges: Ranges, *, by_uid: bool) -> UidRanges:
    """The UIDs that a sequence set names; a number of no message is BAD."""
    try:
        return view.uid_ranges(ranges, by_uid=by_uid)
    except Invalid as error:
        raise BadSyntax(str(error)) from None


@contextmanager
def saving(view: View, returns: Returns | None) -> Iterator[None]:
    """A search that fails with NO and was to be saved leaves ``$`` empty (RFC 5182 §2.1)."""
    try:
        yield
    except BadSyntax:
        raise
    except Exception:
        if returns is not None and returns.save:
            view.saved = ()
        raise


async def tell(
    talk: Conversation,
    uids: Sequence[int],
    returns: Returns | None,
    *,
    by_uid: bool,
    with_modseq: bool = False,
    kind: bytes = b"SEARCH",
) -> None:
    """Write the result, given in its order, and save it if that was asked for.

    ``with_modseq``: the highest MODSEQ of what is told belongs to it. ``kind`` is the name
    of the response when there is no RETURN.
    """
    view = talk.selected
    count = len(uids)
    modseq = 0
    if with_modseq:
        modseq = await highest_modseq(view, uids if returns is None else returns.chosen(uids))
    if returns is not None and returns.save:
        view.saved = await run(count, lambda: joined(sorted(returns.chosen(uids))))
    numbers = uids if by_uid else await numbers_of(view, uids)
    if returns is None:
        talk.session.untagged(await run(count, search_line, kind, numbers, modseq))
    elif not returns.is_silent:
        tag = talk.session.tag
        line = await run(count, esearch_line, tag, returns, numbers, by_uid=by_uid, modseq=modseq)
        talk.session.untagged(line)


async def numbers_of(view: View, uids: Sequence[int]) -> list[int]:
    """The sequence numbers of UIDs in any order, all of which the session knows."""
    return await run(len(uids), _numbers, view, uids)


def _numbers(view: View, uids: Sequence[int]) -> list[int]:
    ascending = sorted(uids)
    numbers = view.sequences_of(ascending)
    if ascending == uids:
        return numbers
    by_uid = dict(zip(ascending, numbers, strict=True))
    return [by_uid[uid] for uid in uids]
