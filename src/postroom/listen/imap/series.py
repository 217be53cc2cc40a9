"""Series: pipelined FETCHes of one message each, answered together where that is the same.

A client that fetches a mailbox message by message has sent the next commands before it
reads the first answer. Those whose messages were read ahead already are answered in one
go: nothing is waited for, so nothing can happen between them, and what has to be told
between two commands is looked for once, before the first.

RFC 3501 §5.5, §6.4.8.
"""

from typing import Final

from postroom.access.pages import FetchRow
from postroom.listen.imap.conversation import TOGETHER, Conversation
from postroom.listen.imap.plan import Plan
from postroom.protocol.imap.fetch_lines import CLOSE
from postroom.protocol.imap.responses import status_line
from postroom.protocol.imap.series import Single

FETCHED: Final = "Fetched"


def answer_at_hand(talk: Conversation, plan: Plan) -> bool:
    """Answer UID FETCHes that go on with a series of this plan; False: none could be.

    At most ``TOGETHER`` octets and one message.
    """
    whole = plan.whole
    if whole is None or not plan.lasts or (ahead := talk.at_hand(plan)) is None:
        return False
    singles: list[Single] = []
    rows: list[FetchRow] = []
    octets = 0
    for single in talk.session.singles():
        row = ahead.take(single.number)
        if row is None:
            break
        singles.append(single)
        rows.append(row)
        octets += row.size
        if octets > TOGETHER:
            break
    if not rows:
        return False
    ending = status_line(b"", "OK", FETCHED)
    pieces = [b""] * (5 * len(rows))
    pieces[0::5] = plan.plain.open_whole(rows, whole.label)
    pieces[1::5] = [row.prefix for row in rows]
    pieces[2::5] = [row.head for row in rows]
    pieces[3::5] = [row.body or b"" for row in rows]
    pieces[4::5] = [b"%b%b%b" % (CLOSE, single.tag, ending) for single in singles]
    talk.session.finish_singles(singles, pieces)
    return True
