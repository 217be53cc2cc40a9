"""Letters for the spam filter, the facts of their arrival, and a filter that has learned."""

from typing import Any

from postroom.db.database import Database, Tx
from postroom.message import headers
from postroom.message.scan import scan
from postroom.policy import knowledge
from postroom.policy.facts import Facts
from postroom.policy.knowledge import EVERYBODY, Lesson
from postroom.policy.tokens import tokens

NOW = 1_790_000_000_000  # 21 Sep 2026 14:13:20


def letter(text: str, subject: str = "Hello", number: int = 1) -> bytes:
    return (
        f"From: Ann <ann@client.example>\r\nTo: bob@here.example\r\nSubject: {subject}\r\n"
        f"Date: Mon, 21 Sep 2026 14:13:20 +0000\r\nMessage-ID: <{number}@client.example>\r\n"
        f"\r\n{text}\r\n"
    ).encode()


def facts(octets: bytes, *accounts: int, **others: Any) -> Facts:
    head, body = headers.split(octets)
    known: dict[str, Any] = {
        "session": "s", "address": "192.0.2.1", "helo": "client.example", "tls": "",
        "sender": "ann@client.example", "recipients": ("bob@here.example",),
        "accounts": accounts, "head": head, "part": scan(octets), "sample": body,
        "is_whole": True, "size": len(octets), "now": NOW,
    }  # fmt: skip
    return Facts(**(known | others))


def lesson(octets: bytes, *, is_spam: bool) -> Lesson:
    head, body = headers.split(octets)
    read = tokens(head, scan(octets), body)
    return Lesson(read.digest, tuple(read.names), is_spam)


SPAM = "cheap pills casino winner prize click now"
HAM = "minutes of the meeting about the garden and the budget"


async def teach(db: Database, count: int, scope: int = EVERYBODY, *, swapped: bool = False) -> None:
    """Learn so many of each kind."""
    lessons = [
        lesson(letter(f"{text} {number % 7}", text.split()[number % 3], number), is_spam=is_spam)
        for number in range(count)
        for text, is_spam in ((SPAM, not swapped), (HAM, swapped))
    ]

    def work(tx: Tx) -> None:
        for one in lessons:
            knowledge.learn(tx, scope, one, NOW)

    await db.write(work)
