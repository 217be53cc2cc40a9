"""Results of a search as they are told and saved (RFC 4731, RFC 5182, RFC 7162 §3.1.6)."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, ParamSpec, TypeVar

from postroom.access.search import highest_modseq
from postroom.access.view import View
from postroom.listen.imap.conversation import Conversation
from postroom.protocol.imap.esearch import Returns, esearch_line
from postroom.protocol.imap.responses import search_line
from postroom.protocol.imap.sets import joined
from postroom.protocol.imap.tokens import BadSyntax

LARGE: Final = 10_000  # results: more are counted and written off the event loop

P = ParamSpec("P")
T = TypeVar("T")


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
) -> None:
    """Write the result, given in its order, and save it if that was asked for.

    ``with_modseq``: the highest MODSEQ of what is told belongs to it.
    """
    view = talk.selected
    modseq = 0
    if with_modseq:
        modseq = await highest_modseq(view, uids if returns is None else returns.chosen(uids))
    if returns is not None and returns.save:
        view.saved = await _run(uids, joined, sorted(returns.chosen(uids)))
    numbers = uids if by_uid else await _run(uids, view.sequences_of, uids)
    if returns is None:
        talk.session.untagged(await _run(uids, search_line, numbers, modseq))
    elif not returns.is_silent:
        tag = talk.session.tag
        line = await _run(uids, esearch_line, tag, returns, numbers, by_uid=by_uid, modseq=modseq)
        talk.session.untagged(line)


async def _run(
    results: Sequence[int], function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    if len(results) > LARGE:
        return await asyncio.to_thread(function, *args, **kwargs)
    return function(*args, **kwargs)
