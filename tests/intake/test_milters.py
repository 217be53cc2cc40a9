"""Milters at a session: what each step brings about, and what a bad one costs."""

import asyncio
from pathlib import Path

import pytest

from postroom.protocol.milter.packets import pack, strings
from postroom.protocol.smtp.replies import Reply
from postroom.telemetry.events import FilterFailed
from tests.conftest import Opener
from tests.fakes import Recorder
from tests.intake.desk import (
    LARGE,
    LETTER,
    Blocks,
    Desk,
    mail,
    nothing_left,
    rcpt,
    said,
    send,
)
from tests.intake.milters import STEPS, asked, stranger, tell
from tests.policy.filters.libmilter import (
    ACCEPT,
    CONTINUE,
    PROGRESS,
    REJECT,
    SHUTDOWN,
    SKIP,
    TEMPFAIL,
    Milter,
    adds,
    inserts,
    options,
    replies,
)

BODY = LETTER.partition(b"\r\n\r\n")[2]


REFUSALS = [
    (REJECT, "550 5.7.1"),
    (TEMPFAIL, "451 4.7.1"),
    (replies("554 5.7.7 No"), "554 5.7.7"),
    (replies("450 later, 100%%"), "450 4.7.1"),
]


def bad() -> list[tuple[str, bytes]]:
    """Steps, and answers to them that no milter may give."""
    return [
        ("O", options(version=7)),
        ("O", options(actions=0x200)),
        ("O", options(steps=0x800)),
        ("O", pack(b"O", b"123")),
        ("O", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("O", CONTINUE),
        ("M", (1 << 30).to_bytes(4, "big") + b"x"),
        ("M", bytes(4)),
        ("M", pack(b"?")),
        ("M", SKIP),
        ("M", adds("X", "y")),
        ("M", CONTINUE + CONTINUE),
        ("R", replies("250 2.0.0 Fine")),
        ("R", replies("550 4.1.1 Odd")),
        ("R", pack(b"y", b"5")),
        ("R", replies("550-a\r\n551 b")),
        ("R", replies("550 x\r\n" * 40)),
        ("E", adds("X Y", "z")),
        ("E", pack(b"h", b"cut")),
        ("E", pack(b"i", b"1")),
        ("E", pack(b"+", strings(b"a\r\nRCPT TO:<b>"))),
        ("E", pack(b"b", b"\0") + CONTINUE),
        ("E", adds("X", "y" * 300_000) + CONTINUE),
        ("E", adds("X", "y") * 2_000 + CONTINUE),
        ("E", pack(b"b", b"x" * 1_000_000) * 27 + CONTINUE),
    ]


def test_every_step_is_told_as_it_happens(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        fake = Milter()
        async with asked(here, fake):
            one = await stranger(here, tls="TLSv1.3 TLS_AES_256_GCM_SHA384")
            assert fake.steps == "OCH"
            assert fake.of("C") == [b"[192.0.2.1]\x004\x0f\xa0192.0.2.1\0"]
            assert fake.of("H") == [b"client.example\0"]
            assert fake.macros("C")[b"j"] == b"mx.local.test"
            assert fake.macros("H")[b"{tls_version}"] == b"TLSv1.3"
            assert said(await one.mail(mail(size=100))) == "250 2.1.0"
            assert fake.of("M") == [b"<ann@client.example>\0SIZE=100\0"]
            assert said(await one.rcpt(rcpt("bob@local.test", notify="NEVER"))) == "250 2.1.5"
            assert fake.of("R") == [b"<bob@local.test>\0NOTIFY=NEVER\0"]
            assert (await one.data()).code == 354
            assert (await one.data()).code == 354  # the next piece of BDAT
            assert fake.steps == "OCHMRT"
            await one.content(LETTER)
            (answer,) = await one.end(None)
            assert said(answer) == "250 2.0.0"
            assert fake.steps == "OCHMRTLNBE"
            assert fake.of("L")[0] == b"From\0Ann <ann@client.example>\0"
            assert fake.of("B") == [BODY]
            assert answer.lines[0].endswith(fake.macros("M")[b"i"].decode())
            assert b"{auth_type}" not in fake.macros("M")
            (filed,) = await here.inbox(here.bob)
            assert filed.endswith(LETTER)
            await send(one, "bob@local.test")
            assert fake.steps == "OCHMRTLNBEMRTLNBE"
            assert fake.connections == 1
            await one.close()
            await fake.ended.wait()
            assert fake.steps.endswith("Q")

    tell(database, data, story)


async def refused(here: Desk, step: str) -> Reply:
    """The reply to the step at which a message is refused; those before are good."""
    one = here.open()
    try:
        greeted = await one.greet("client.example", esmtp=True)
        if step in "CH":
            assert greeted is not None
            assert (await one.mail(mail())).code == greeted.code
            return greeted
        commands = {
            "M": lambda: one.mail(mail()),
            "R": lambda: one.rcpt(rcpt("bob@local.test")),
            "T": one.data,
        }
        for at, command in commands.items():
            answer = await command()
            if at == step:
                return answer
            assert answer.is_positive
        await one.content(LETTER)
        (answer,) = await one.end(None)
        return answer
    finally:
        await one.close()


@pytest.mark.parametrize(("told", "code"), REFUSALS)
def test_a_refusal_is_told_at_its_step(
    database: Opener, data: Path, told: bytes, code: str
) -> None:
    async def story(here: Desk) -> None:
        for step in STEPS:
            async with asked(here, Milter(**{step: told})):
                assert said(await refused(here, step)) == code
        assert await here.inbox(here.bob) == []
        kept = 4 if code[0] == "5" else 0  # those that came whole
        assert await here.counts() == ({"blob": kept, "reject": kept} if kept else {})

    tell(database, data, story)


def test_data_is_refused_again(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        async with asked(here, Milter(T=REJECT)):
            one = await stranger(here)
            await one.mail(mail())
            await one.rcpt(rcpt("bob@local.test"))
            for _ in range(2):
                assert said(await one.data()) == "550 5.7.1"
            await one.close()
        await nothing_left(here)

    tell(database, data, story)


def test_one_recipient_is_refused_and_others_are_not(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        fake = Milter(R=[CONTINUE, REJECT, CONTINUE])
        async with asked(here, fake):
            one = await stranger(here)
            await one.mail(mail())
            assert (await one.rcpt(rcpt("bob@local.test"))).is_positive
            assert said(await one.rcpt(rcpt("bob@local.test"))) == "550 5.7.1"
            assert (await one.rcpt(rcpt("alice@local.test"))).is_positive
            await one.data()
            await one.content(LETTER)
            assert said((await one.end(None))[0]) == "250 2.0.0"
            assert len(await here.inbox(here.alice)) == len(await here.inbox(here.bob)) == 1
            await one.close()

    tell(database, data, story)


def test_what_is_accepted_early_is_not_asked_about_further(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        for step in STEPS:
            fake = Milter(**{step: ACCEPT})
            async with asked(here, fake):
                one = await stranger(here)
                for _ in range(2):
                    assert said((await send(one, "bob@local.test"))[0]) == "250 2.0.0"
                heard = STEPS[: STEPS.index(step) + 1]
                assert fake.steps.startswith("O" + heard)
                assert fake.steps[-1] == step
                assert len(fake.of("M")) == (0 if step in "CH" else 2)
                await one.close()
        assert len(await here.inbox(here.bob)) == 2 * len(STEPS)

    tell(database, data, story)


def test_mail_of_people_here(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        fake = Milter(E=inserts(1, "X-Signed", "yes") + CONTINUE)
        async with asked(here, fake, sees="outgoing"):
            one = await here.logged_in(here.bob)
            assert fake.heard == []
            bare = b"Bcc: x@y.test\r\nFrom: bob@local.test\r\n\r\nhi\r\n"
            (answer,) = await send(one, "far@elsewhere.test", octets=bare, sender="bob@local.test")
            assert said(answer) == "250 2.0.0"
            assert fake.macros("M")[b"{auth_authen}"] == b"bob@local.test"
            assert fake.macros("M")[b"{auth_type}"] == b"SCRAM-SHA-256"
            names = [data.partition(b"\0")[0] for data in fake.of("L")]
            assert sorted(names) == [b"Date", b"From", b"Message-ID"]
            ((_, octets),) = await here.leaving()
            assert b"\r\nX-Signed: yes\r\n" in octets
            assert octets.count(b"Message-ID:") == 1
            await one.close()
            other = await stranger(here)
            await send(other, "bob@local.test")
            await other.close()
            assert fake.steps.count("C") == 1

    tell(database, data, story)


def test_large_bodies_are_shown_in_blocks_until_it_has_enough(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        fake = Milter(B=[CONTINUE, SKIP])
        async with asked(here, fake):
            one = await stranger(here)
            await send(one, "bob@local.test", octets=LARGE, cut=Blocks(1 << 16))
            assert [len(data) for data in fake.of("B")] == [65_535, 65_535]
            await send(one, "bob@local.test", octets=LARGE, cut=Blocks(1 << 16))
            await one.close()
        big = Milter(agreed=options(steps=0x20000000))
        async with asked(here, big):
            one = await stranger(here)
            await send(one, "bob@local.test", octets=LARGE, cut=Blocks(1 << 16))
            assert [len(data) for data in big.of("B")] == [len(LARGE.partition(b"\r\n\r\n")[2])]
            await one.close()

    tell(database, data, story)


@pytest.mark.parametrize("on_failure", ["accept", "defer"])
def test_bad_milters(database: Opener, data: Path, events: Recorder, on_failure: str) -> None:
    async def story(here: Desk) -> None:
        for count, (step, answer) in enumerate(bad(), 1):
            fake = Milter(agreed=answer) if step == "O" else Milter(**{step: answer})
            async with asked(here, fake, on_failure=on_failure):
                one = await stranger(here)
                answers = [await one.mail(mail()), await one.rcpt(rcpt("bob@local.test"))]
                answers.append(await one.data())
                await one.content(LETTER)
                answers += await one.end(None)
                await one.close()
            failures = events.of(FilterFailed)
            assert failures, (step, answer)
            assert all(one.reason.isprintable() and len(one.reason) < 400 for one in failures)
            events.clear()
            if on_failure == "defer":
                assert 451 in [one.code for one in answers]
                continue
            assert [one.code for one in answers] == [250, 250, 354, 250]
            assert len(await here.inbox(here.bob)) == count
            checked = [fact[2] for fact in await here.told(answers[-1]) if fact[0] == "checked"]
            assert checked[0].startswith("milter: failed, went on without it: ")
        assert here.files() == []

    tell(database, data, story)


async def hanging(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    while await reader.read(65_536):
        pass


def test_a_milter_that_dies(database: Opener, data: Path, events: Recorder) -> None:
    async def story(here: Desk) -> None:
        for count, step in enumerate(STEPS, 1):
            async with asked(here, Milter(**{step: b""})):
                one = await stranger(here)
                (answer,) = await send(one, "bob@local.test")
                assert said(answer) == "250 2.0.0"
                assert events.of(FilterFailed)
                events.clear()
                assert len(await here.inbox(here.bob)) == count
                await one.close()

    tell(database, data, story)


def test_one_that_never_answers_has_its_time(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def story(here: Desk) -> None:
        async with asked(here, hanging, on_failure="defer", seconds=0.1):
            one = await stranger(here)
            assert said(await one.mail(mail())) == "451 4.7.1"
            assert events.of(FilterFailed)[0].reason == "no answer within 0.1 s"
            await one.close()

    tell(database, data, story)


def test_progress_is_patience_but_not_for_ever(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(17)
        writer.write(options())
        while True:
            writer.write(PROGRESS)
            await writer.drain()
            await asyncio.sleep(0)

    async def story(here: Desk) -> None:
        fake = Milter(E=PROGRESS + PROGRESS + CONTINUE)
        async with asked(here, fake):
            one = await stranger(here)
            assert said((await send(one, "bob@local.test"))[0]) == "250 2.0.0"
            await one.close()
        assert not events.of(FilterFailed)
        async with asked(here, endless, seconds=0.1):
            one = await stranger(here)
            assert events.of(FilterFailed)
            await one.close()

    tell(database, data, story)


def test_the_connection_ends_where_a_milter_says_so(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        async with asked(here, Milter(R=SHUTDOWN)):
            one = await stranger(here)
            await one.mail(mail())
            assert said(await one.rcpt(rcpt("bob@local.test"))) == "421 4.7.0"
            await one.close()

    tell(database, data, story)


@pytest.mark.parametrize(("gravest", "mailbox"), [("junk", "Junk"), ("note", "INBOX")])
def test_it_can_do_what_the_settings_let_it(
    database: Opener, data: Path, gravest: str, mailbox: str
) -> None:
    async def story(here: Desk) -> None:
        for count, step in enumerate(STEPS, 1):
            async with asked(here, Milter(**{step: REJECT}), gravest=gravest):
                one = await stranger(here)
                assert said((await send(one, "bob@local.test"))[0]) == "250 2.0.0"
                assert len(await here.inbox(here.bob, mailbox)) == count
                await one.close()

    tell(database, data, story)


def test_a_message_that_does_not_come_is_forgotten(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        fake = Milter()
        async with asked(here, fake, max_size=len(LETTER) - 1):
            one = await stranger(here)
            await one.mail(mail())
            one.reset()
            (answer,) = await send(one, "bob@local.test")
            assert fake.steps == "OCHMAMRTA"
            notes = [detail for kind, _, detail in await here.told(answer) if kind == "checked"]
            assert notes == [
                f"milter: not asked: {len(LETTER)} octets, it is shown {len(LETTER) - 1} at most"
            ]
            await one.close()

    tell(database, data, story)


def test_listeners_without_checks_ask_no_milter(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        fake = Milter()
        async with asked(here, fake):
            one = await stranger(here, checks=False)
            await send(one, "bob@local.test")
            assert fake.heard == []
            await one.close()

    tell(database, data, story)
