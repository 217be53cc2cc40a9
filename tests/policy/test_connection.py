import asyncio

import pytest

from postroom.message.scan import scan
from postroom.policy.connection import STAGE, Connection
from postroom.policy.facts import Facts
from postroom.policy.suspicion import Mark, Suspicion
from postroom.policy.verdict import Verdict


def judged(junk_score: int, *marks: Mark) -> Verdict:
    facts = Facts(
        session="s",
        address="192.0.2.1",
        helo="mx.a.test",
        tls="",
        sender="",
        recipients=(),
        accounts=(),
        head=b"",
        part=scan(b"\r\n"),
        sample=b"",
        is_whole=True,
        size=1,
        now=0,
        suspicion=Suspicion(marks),
    )
    return asyncio.run(Connection(junk_score).judge(facts))


def test_nothing_is_said_of_who_is_not_suspicious() -> None:
    assert judged(5) == Verdict(stage=STAGE)


@pytest.mark.parametrize(
    ("junk_score", "action"), [(5, "pass"), (4, "junk"), (1, "junk"), (0, "pass")]
)
def test_much_suspicion_is_junk(junk_score: int, action: str) -> None:
    verdict = judged(junk_score, Mark("it is listed", 3), Mark("no name", 1))
    assert verdict.action == action
    assert verdict.score == 4.0
    assert verdict.reason == "it is listed (+3); no name (+1)"
    assert verdict.reply is None


def test_good_lists_speak_for_a_client() -> None:
    verdict = judged(3, Mark("it is listed", 3), Mark("it is good", -5))
    assert (verdict.action, verdict.score) == ("pass", -2.0)
