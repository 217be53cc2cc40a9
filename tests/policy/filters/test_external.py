"""A filter that fails loses no message; what it says counts as far as the settings let it."""

import re

import pytest

from postroom.config.filters import Filter
from postroom.policy.facts import Facts
from postroom.policy.filters import external
from postroom.policy.verdict import Verdict
from postroom.telemetry.events import FilterFailed
from tests.fakes import Recorder
from tests.loop import patiently
from tests.policy.filters.fakes import (
    VIRUS,
    Clamd,
    Talk,
    answering,
    endless,
    hanging,
    listening,
    silent,
    written,
)
from tests.policy.letters import facts, letter

BAD = letter(VIRUS.decode())


def judged(talk: Talk, known: Facts | None = None, **settings: object) -> Verdict:
    async def run() -> Verdict:
        async with listening(talk) as place:
            one = Filter(kind="clamav", address=written(place), **settings)  # type: ignore[arg-type]
            (stage,) = external.stages([one], "mx.local.test")
            return await stage.judge(known or facts(BAD))

    return patiently(run())


def test_a_virus_is_refused_with_its_name() -> None:
    verdict = judged(Clamd(), name="scanner")
    assert (verdict.stage, verdict.action) == ("scanner", "refuse")
    assert verdict.reason == "Our.Test.Virus was found"
    assert verdict.reply is not None
    assert verdict.reply.encode() == (b"550 5.7.1 The message holds malware: Our.Test.Virus\r\n")


@pytest.mark.parametrize(("gravest", "action"), [("junk", "junk"), ("note", "pass")])
def test_it_can_do_what_the_settings_let_it(gravest: str, action: str) -> None:
    verdict = judged(Clamd(), gravest=gravest)
    assert (verdict.action, verdict.reply) == (action, None)
    assert verdict.reason == "Our.Test.Virus was found"
    assert verdict.virus == 5  # for virustest


def test_a_good_message_is_not_spoken_of() -> None:
    assert judged(Clamd(), facts(letter("hi"))) == Verdict(stage="clamav", virus=1)


FAILURES: list[tuple[Talk, str]] = [
    (hanging, "no answer within 0.1 s"),
    (silent, "without an answer|lost"),
    (endless, "longer than|lost|within"),
    (answering(b"stream: Our.Test.Vi"), "cut off"),
    (answering(b"\xff\xfe nonsense\r\n\0"), "it answered"),
    (answering(b"HTTP/1.1 400 Bad Request\r\n\r\n\0"), "it answered"),
    (answering(b"x" * 5_000), "longer than"),
]


@pytest.mark.parametrize(("talk", "reason"), FAILURES)
def test_a_failure_is_noted_and_the_message_goes_on(
    events: Recorder, talk: Talk, reason: str
) -> None:
    verdict = judged(talk, seconds=0.1 if talk is hanging else 20.0)
    assert (verdict.action, verdict.reply) == ("pass", None)
    assert verdict.reason.startswith("failed, went on without it: ")
    (told,) = events.of(FilterFailed)
    assert (told.filter, told.action) == ("clamav", "accept")
    assert verdict.reason.endswith(told.reason)
    assert re.search(reason, told.reason)
    assert told.reason.isprintable()


@pytest.mark.parametrize("talk", [talk for talk, _ in FAILURES])
def test_a_failure_puts_the_message_off(events: Recorder, talk: Talk) -> None:
    verdict = judged(talk, on_failure="defer", seconds=0.1 if talk is hanging else 20.0)
    assert verdict.action == "defer"
    assert verdict.reply == external.UNAVAILABLE
    assert events.of(FilterFailed)[0].action == "defer"


def test_too_large_a_message_is_not_shown_to_it(events: Recorder) -> None:
    fake = Clamd()
    verdict = judged(fake, max_size=len(BAD) - 1, on_failure="defer")
    assert verdict.action == "pass"
    assert verdict.reason.startswith("not asked: ")
    assert fake.seen == []
    assert events == []
    assert judged(fake, max_size=len(BAD)).action == "refuse"


def test_each_sees_the_mail_it_is_for() -> None:
    filters = [
        Filter(kind="clamav", address="a:1", name=sees, sees=sees)
        for sees in ("incoming", "outgoing", "both")
    ]
    assert len(external.stages(filters, "mx.local.test")) == 2
    assert len(external.stages(filters[:1], "mx.local.test", is_outgoing=True)) == 0
    assert len(external.stages(filters[1:], "mx.local.test", is_outgoing=True)) == 2
