"""Whether an account behaves as if somebody else had its password: points, with reasons.

A pure judgement of one hour against the account's own past. A single sign seldom reaches
``ALARM``: people write to a circle of friends, lists have dead addresses, phones change networks.
Several at once do, and a flood by itself.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

ALARM: Final = 50

MANY: Final = 50  # recipients in an hour; fewer are nobody's flood
FLOOD: Final = 200
TIMES: Final = 5  # as many as in the busiest hour of before
FLOOD_TIMES: Final = 10
SOME_REFUSED: Final = 10
MANY_REFUSED: Final = 30
SOME_NETWORKS: Final = 4
MANY_NETWORKS: Final = 8

Refusal = Literal["unknown", "spam", "other"]

_UNKNOWN: Final = re.compile(
    r"\b5\.1\.(?:1|10)\b|user unknown|unknown user|no such (?:user|recipient|mailbox|address)"
    r"|does(?: not|n't) exist|(?:recipient|mailbox|address) (?:not found|unknown|unavailable)"
    r"|invalid recipient"
)
_SPAM: Final = re.compile(
    r"spam|unsolicited|block(?:ed|ing|list)|black ?list|reputation|\babus|\bjunk\b|\bbulk\b|phish"
    r"|\b[45]\.7\.2[5-9]\b"
)


class Activity(msgspec.Struct, frozen=True):
    """An hour of an account. ``recipients`` are addresses elsewhere.

    ``unknown`` and ``spam`` count recipients for which another server refused, ``networks``
    the networks that it was logged into from.
    """

    recipients: int = 0
    unknown: int = 0
    spam: int = 0
    networks: int = 0


class Reason(msgspec.Struct, frozen=True):
    """What speaks for it, in words, and how much."""

    points: int
    text: str


class Suspicion(msgspec.Struct, frozen=True):
    """``score`` is the sum of the reasons, the heaviest first."""

    score: int = 0
    reasons: tuple[Reason, ...] = ()

    @property
    def is_alarm(self) -> bool:
        """Whether people have to know."""
        return self.score >= ALARM


def judge(activity: Activity, usual: int) -> Suspicion:
    """``usual``: recipients in the account's busiest hour of before, 0 where there was none."""
    found = [
        *_about_recipients(activity.recipients, usual),
        *_about_refusals(activity),
        *_about_networks(activity.networks),
    ]
    found.sort(key=lambda one: (-one.points, one.text))
    return Suspicion(sum(one.points for one in found), tuple(found))


def refusal_of(reply: str) -> Refusal:
    """What another server has refused a recipient for, as far as its words tell."""
    words = reply.lower()
    if _SPAM.search(words):
        return "spam"
    return "unknown" if _UNKNOWN.search(words) else "other"


def _about_recipients(recipients: int, usual: int) -> Iterator[Reason]:
    before = f"{usual} in its busiest hour before" if usual else "never as many before"
    text = f"messages to {recipients} recipients elsewhere within an hour, {before}"
    if recipients >= max(FLOOD, FLOOD_TIMES * usual):
        yield Reason(50, text)
    elif recipients >= max(MANY, TIMES * usual):
        yield Reason(30, text)


def _about_refusals(activity: Activity) -> Iterator[Reason]:
    for count, what, part in (
        (activity.unknown, "addresses that are unknown there", 5),
        (activity.spam, "what they take for spam", 10),
    ):
        if count >= MANY_REFUSED and count * part >= activity.recipients:
            yield Reason(50, f"{count} refusals by other servers for {what}")
        elif count >= SOME_REFUSED and count * part >= activity.recipients:
            yield Reason(30, f"{count} refusals by other servers for {what}")


def _about_networks(networks: int) -> Iterator[Reason]:
    if networks >= SOME_NETWORKS:
        points = 40 if networks >= MANY_NETWORKS else 20
        yield Reason(
            points, f"logins from {networks} networks within an hour that were new that day"
        )
