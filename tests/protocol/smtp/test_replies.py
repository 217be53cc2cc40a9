import re

import pytest
from hypothesis import given, strategies as st

from postroom.errors import MailboxFull
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.replies import MAX_LINES, Reply, reply, reply_to

LINE = re.compile(rb"[2-5][0-9]{2}[ -](?:[245]\.[0-9]{1,3}\.[0-9]{1,3} )?[ -~]*\r\n")


@pytest.mark.parametrize(
    ("given", "octets"),
    [
        (reply(250, "2.1.0", "Sender OK"), b"250 2.1.0 Sender OK\r\n"),
        (reply(354, "", "Go on"), b"354 Go on\r\n"),
        (reply(250, "", "mx.test", "SIZE 1-2"), b"250-mx.test\r\n250 SIZE 1-2\r\n"),
        (
            reply(214, "2.0.0", "one", "", "three"),
            b"214-2.0.0 one\r\n214-2.0.0 \r\n214 2.0.0 three\r\n",
        ),
        (reply(550, "5.1.1", "no\r\n250 yes"), b"550 5.1.1 no??250 yes\r\n"),
        (reply(550, "5.1.1", "nö"), b"550 5.1.1 n?\r\n"),
    ],
)
def test_encoding(given: Reply, octets: bytes) -> None:
    assert given.encode() == octets


def test_utf8_where_the_client_asked_for_it() -> None:
    assert (
        reply(250, "2.1.5", "Jörg <j@x>").encode(utf8=True) == "250 2.1.5 Jörg <j@x>\r\n".encode()
    )


def test_reasons_are_further_lines_in_verbose_sessions() -> None:
    answer = replies.RECIPIENT_OK.because(["it is local", "quota 10 %"])
    assert answer.encode() == b"250 2.1.5 Recipient OK\r\n"
    assert answer.encode(verbose=True) == (
        b"250-2.1.5 Recipient OK\r\n250-2.1.5 it is local\r\n250 2.1.5 quota 10 %\r\n"
    )


def test_long_texts_go_on_in_the_next_line() -> None:
    octets = reply(250, "2.0.0", "x" * 1000).encode()
    assert [len(line) for line in octets.splitlines()] == [490, 490, 50]
    assert octets.replace(b"\r\n", b"").count(b"x") == 1000


def test_replies_end() -> None:
    assert reply(250, "2.1.5", *(["member"] * 5000)).encode().count(b"\r\n") == MAX_LINES


@given(st.lists(st.text(max_size=1200), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_no_text_can_break_out_of_its_line(lines: list[str], verbose: bool, utf8: bool) -> None:
    answer = Reply(250, "2.0.0", ("first",), tuple(lines))
    octets = answer.encode(verbose=verbose, utf8=utf8)
    split = octets.split(b"\r\n")[:-1]
    assert all(len(line) <= 510 for line in split)
    assert [line[3:4] for line in split] == [b"-"] * (len(split) - 1) + [b" "]
    assert b"\r" not in octets.replace(b"\r\n", b"")
    if not utf8:
        assert all(LINE.fullmatch(line + b"\r\n") for line in split)


def test_errors_have_replies() -> None:
    assert reply_to(MailboxFull(detail="secret")).encode() == b"452 4.2.2 Mailbox full\r\n"


def test_every_constant_is_a_reply_that_agrees_with_itself() -> None:
    constants = [value for value in vars(replies).values() if isinstance(value, Reply)]
    assert len(constants) > 40
    for constant in constants:
        assert LINE.fullmatch(constant.encode())
        if constant.status:
            assert constant.status[0] == {2: "2", 4: "4", 5: "5"}[constant.code // 100]
        assert constant.is_positive == (constant.code < 400)
        assert constant.is_permanent == (constant.code >= 500)
