"""SearchSnippet/get: where the words that were looked for stand (RFC 8621 §5).

What is found is marked with <mark>; everything else is escaped, so that it is HTML. A message is
looked at from its beginning, as far as its preview is.
"""

import asyncio
import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from postroom.access.offload import run
from postroom.message.casemap import casemap
from postroom.message.htmltext import html_text
from postroom.message.preview import ENOUGH
from postroom.message.scan import scan
from postroom.store import outline as rows
from postroom.web.jmap import arguments as read, bodies, condition
from postroom.web.jmap.account import Account
from postroom.web.jmap.condition import Text, Tree
from postroom.web.jmap.emails import number_of
from postroom.web.jmap.errors import invalid
from postroom.web.jmap.filters import Operator
from postroom.web.jmap.headers import CONVENIENT, Block
from postroom.web.jmap.letters import Stored
from postroom.web.jmap.limits import MAX_GET
from postroom.web.jmap.method import Call, Method, Result
from postroom.web.jmap.outline import outline_of
from postroom.web.jmap.threads import email_id

MOST_PREVIEW: Final = 255  # octets, §5
MOST_SUBJECT: Final = 2_000
MAX_TEXT: Final = 64 * 1024  # characters of a body that are looked through
BEFORE: Final = 40  # characters that stand before the first word that is found
TOGETHER: Final = 4  # messages that are in memory at once

_OPEN: Final = "<mark>"
_CLOSE: Final = "</mark>"


class Words(NamedTuple):
    """What is looked for in subjects and in bodies, mapped."""

    subject: tuple[str, ...]
    body: tuple[str, ...]


async def get(call: Call) -> Result:
    """SearchSnippet/get."""
    read.only(call.arguments, "accountId", "filter", "emailIds")
    account = await call.account()
    wanted = words(condition.tree(call.arguments.get("filter")))
    ids = read.some_ids(call.arguments, "emailIds", MAX_GET)
    if ids is None:
        raise invalid("emailIds must be an Id[]")
    outline = await outline_of(account)
    found = await run(len(ids) * len(outline.boxes), outline.emails, map(number_of, ids))
    numbers = [email.id for email in found]
    told: dict[str, dict[str, Any]] = {}
    for start in range(0, len(numbers), TOGETHER):
        told |= await _told(account, numbers[start : start + TOGETHER], wanted)
    return {
        "accountId": account.id,
        "list": [told[one] for one in ids if one in told],
        "notFound": [one for one in ids if one not in told] or None,
    }


def words(tree: Tree | None) -> Words:
    """The words of a filter that messages have because they match it."""
    subject: dict[str, None] = {}
    body: dict[str, None] = {}
    waiting = [] if tree is None else [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Operator):
            waiting += one.parts if one.operator != "NOT" else ()
            continue
        for test in one:
            if isinstance(test, Text):
                mapped = dict.fromkeys(filter(None, map(casemap, test.words)))
                subject |= mapped if test.where in {"text", "subject"} else {}
                body |= mapped if test.where in {"text", "body"} else {}
    return Words(tuple(subject), tuple(body))


async def _told(account: Account, ids: Sequence[int], wanted: Words) -> dict[str, dict[str, Any]]:
    stored = await account.store.read(rows.stored, account.number, ids)
    told: dict[str, dict[str, Any]] = {}
    for ident, one in stored.items():
        letter = await Stored(account.store, one.blob_id).octets(0, ENOUGH)
        subject, preview = await asyncio.to_thread(_snippets, one.prefix, letter, wanted)
        name = email_id(ident)
        told[name] = {"emailId": name, "subject": subject, "preview": preview}
    return told


def _snippets(prefix: bytes, letter: bytes, wanted: Words) -> tuple[str | None, str | None]:
    tree = scan(letter)
    subject = preview = None
    if wanted.subject:
        block = Block(prefix + letter[: tree.body_start])
        subject = marked(CONVENIENT["subject"].of(block) or "", wanted.subject, MOST_SUBJECT, 0)
    if wanted.body:
        texts = _texts(letter, bodies.shown(bodies.nodes(tree)).text)
        found = (marked(text, wanted.body, MOST_PREVIEW, BEFORE) for text in texts)
        preview = next((one for one in found if one is not None), None)
    return subject, preview


def _texts(letter: bytes, nodes: Sequence[bodies.Node]) -> Iterator[str]:
    for node in nodes:
        part = node.part
        if part.content_type[0] == "text":
            octets = letter[part.body_start : part.end]
            text = bodies.value_of(part, octets, 0, is_cut=len(letter) == ENOUGH).value
            if part.content_type[1] == "html":
                text = html_text(text)
            yield " ".join(text[:MAX_TEXT].split())


def marked(text: str, wanted: Sequence[str], most: int, before: int) -> str | None:
    """Some of a text as HTML, at most ``most`` octets, with the words marked; None without any."""
    spans = _spans(text, wanted)
    if not spans:
        return None
    at = max(0, spans[0][0] - before) if spans[0][0] > before else 0
    written: list[str] = []
    room = most
    inside = False
    ends = {end for _, end in spans}
    starts = {start for start, _ in spans}
    for place in range(at, len(text) + 1):
        if inside and place in ends:
            written.append(_CLOSE)
            inside = False
        if place == len(text):
            break
        letter = html.escape(text[place])
        cost = len(letter.encode("utf-8"))
        opens = place in starts
        if opens:
            cost += len(_OPEN) + len(_CLOSE)
        if cost > room:
            break
        room -= cost
        if opens:
            written.append(_OPEN)
            inside = True
        written.append(letter)
    if inside:
        written.append(_CLOSE)
    return "".join(written)


def _spans(text: str, wanted: Sequence[str]) -> list[tuple[int, int]]:
    """Where the mapped words stand, apart from each other."""
    pieces = [casemap(letter) for letter in text]
    mapped = "".join(pieces)
    of_mapped = [at for at, piece in enumerate(pieces) for _ in piece]
    found: list[tuple[int, int]] = []
    for word in wanted:
        at = mapped.find(word)
        while at >= 0:
            found.append((of_mapped[at], of_mapped[at + len(word) - 1] + 1))
            at = mapped.find(word, at + len(word))
    joined: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


METHODS: Final[Mapping[str, Method]] = {"SearchSnippet/get": get}
