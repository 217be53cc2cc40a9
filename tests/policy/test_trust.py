"""What the results of the checks mean, under every setting."""

import msgspec
import pytest

from postroom.config.authentication import Authentication as Settings
from postroom.message.scan import scan
from postroom.policy.facts import Authentication, Facts
from postroom.policy.trust import stages
from postroom.policy.verdict import Verdict, gravest
from tests.loop import on_loop

PART = scan(b"From: a@a.test\r\n\r\nx\r\n")


async def judged(found: Authentication, settings: Settings | None = None) -> Verdict:
    facts = Facts(
        session="s",
        address="192.0.2.1",
        helo="mx.a.test",
        tls="",
        sender="ann@a.test",
        recipients=("bob@local.test",),
        accounts=(1,),
        head=b"",
        part=PART,
        sample=b"",
        is_whole=True,
        size=1,
        now=0,
        authentication=found,
    )
    verdict = gravest([await stage.judge(facts) for stage in stages(settings or Settings())])
    assert verdict is not None
    assert (verdict.reply is not None) is (verdict.action in {"refuse", "defer"})
    return verdict


def failing(policy: str, **more: str) -> Authentication:
    found = {"dmarc": "fail", "author": "a.test", "policy": policy, **more}
    return Authentication(**found)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "setting", "action"),
    [
        ("reject", "enforce", "refuse"),
        ("quarantine", "enforce", "junk"),
        ("none", "enforce", "pass"),
        ("reject", "junk", "junk"),
        ("quarantine", "junk", "junk"),
        ("reject", "note", "pass"),
        ("quarantine", "note", "pass"),
    ],
)
@on_loop
async def test_the_policy_of_the_author(policy: str, setting: str, action: str) -> None:
    verdict = await judged(failing(policy), Settings(dmarc=setting))  # type: ignore[arg-type]
    assert verdict.action == action


@on_loop
async def test_a_refusal_says_why() -> None:
    verdict = await judged(failing("reject"))
    assert verdict.stage == "dmarc"
    assert verdict.reply is not None
    assert (verdict.reply.code, verdict.reply.status) == (550, "5.7.1")
    assert "a.test" in verdict.reply.lines[0]
    assert "DMARC policy is reject" in verdict.reason


@on_loop
async def test_what_can_not_be_looked_up_waits_only_where_a_policy_asks() -> None:
    for policy, action in (("reject", "defer"), ("quarantine", "defer"), ("none", "pass")):
        verdict = await judged(failing(policy, dmarc="temperror"))
        assert verdict.action == action
    verdict = await judged(failing("reject", dmarc="temperror"))
    assert verdict.reply is not None
    assert (verdict.reply.code, verdict.reply.status) == (451, "4.4.3")


@on_loop
async def test_a_trusted_sealer_stands_in() -> None:
    verdict = await judged(failing("reject", sealer="lists.example"))
    assert verdict.action == "pass"


@on_loop
async def test_a_message_without_one_author() -> None:
    found = Authentication(fault="the message has several From fields")
    verdict = await judged(found)
    assert verdict.reply is not None
    assert (verdict.action, verdict.reply.code, verdict.reply.status) == ("refuse", 550, "5.7.1")
    assert verdict.reply.lines == ("The message has several From fields",)
    assert (await judged(found, Settings(author="junk"))).action == "junk"
    assert (await judged(found, Settings(author="note"))).action == "pass"


@on_loop
async def test_a_message_that_names_nobody() -> None:
    found = Authentication(fault="the message has no From field", is_anonymous=True)
    assert (await judged(found)).action == "pass"
    assert (await judged(found, Settings(no_author="junk"))).action == "junk"
    assert (await judged(found, Settings(no_author="refuse"))).action == "refuse"


@on_loop
async def test_a_bare_fail_of_spf() -> None:
    found = Authentication(spf="fail", spf_domain="a.test", dmarc="none")
    assert (await judged(found)).action == "pass"
    assert (await judged(found, Settings(spf_fail="junk"))).action == "junk"
    verdict = await judged(found, Settings(spf_fail="refuse"))
    assert verdict.reply is not None
    assert (verdict.reply.code, verdict.reply.status) == (550, "5.7.23")
    assert len(verdict.reply.lines) == 1
    said = msgspec.structs.replace(found, explanation="See http://a.test/")
    verdict = await judged(said, Settings(spf_fail="refuse"))
    assert verdict.reply is not None
    assert verdict.reply.lines[1:] == ("a.test explains: See http://a.test/",)
    passed = Authentication(spf="fail", spf_domain="a.test", dmarc="pass")
    assert (await judged(passed, Settings(spf_fail="refuse"))).action == "pass"


@on_loop
async def test_softfail_is_no_fail() -> None:
    for word in ("softfail", "neutral", "none", "temperror", "permerror", "pass"):
        found = Authentication(spf=word, spf_domain="a.test")
        assert (await judged(found, Settings(spf_fail="refuse"))).action == "pass"
