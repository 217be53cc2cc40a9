import itertools

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.smtp.client_replies import (
    MAX_LINE,
    MAX_LINES,
    MAX_REPLY,
    MAX_TEXT,
    ReplyParser,
    ServerFault,
    ServerReply,
    local_reply,
)
from postroom.protocol.smtp.replies import Reply


def replies(*pieces: bytes) -> list[ServerReply]:
    parser = ReplyParser()
    found = []
    for piece in pieces:
        parser.feed(piece)
        while (reply := parser.next_reply()) is not None:
            found.append(reply)
    return found


@pytest.mark.parametrize(
    ("octets", "reply"),
    [
        (b"250 OK\r\n", ServerReply(250, "", ("OK",))),
        (b"250\r\n", ServerReply(250, "", ("",))),
        (b"250 \r\n", ServerReply(250, "", ("",))),
        (b"250-\r\n250\r\n", ServerReply(250, "", ("", ""))),
        (b"250 2.1.5 Recipient OK\r\n", ServerReply(250, "2.1.5", ("Recipient OK",))),
        (b"550 5.1.1\r\n", ServerReply(550, "5.1.1", ("",))),
        (b"550 5.1.1000 x\r\n", ServerReply(550, "", ("5.1.1000 x",))),
        (b"550 4.1.1 x\r\n", ServerReply(550, "", ("4.1.1 x",))),
        (b"354 3.0.0 x\r\n", ServerReply(354, "", ("3.0.0 x",))),
        (b"550 5.1.1x\r\n", ServerReply(550, "", ("5.1.1x",))),
        (
            b"452-4.2.2 Full\r\n452-4.2.2 Very\r\n452 4.2.2 Ask\r\n",
            ServerReply(452, "4.2.2", ("Full", "Very", "Ask")),
        ),
        (b"550-No\r\n550 5.7.1 Never\r\n", ServerReply(550, "5.7.1", ("No", "Never"))),
        (b"550-5.7.1 a\r\n550 5.7.2 b\r\n", ServerReply(550, "5.7.1", ("a", "5.7.2 b"))),
        ("250 süß\r\n".encode(), ServerReply(250, "", ("süß",))),
        (b"250 s\xfc\r\n", ServerReply(250, "", ("s\ufffd",))),
        (b"250 a\tb\0c\x1b[1m\x7f\r\n", ServerReply(250, "", ("a?b?c?[1m?",))),
        ("250 a\u202eb\u2028c\u0085d\r\n".encode(), ServerReply(250, "", ("a?b?c?d",))),
    ],
)
def test_what_a_server_says(octets: bytes, reply: ServerReply) -> None:
    assert replies(octets) == [reply]
    assert replies(*(octets[at : at + 1] for at in range(len(octets)))) == [reply]


@pytest.mark.parametrize(
    "octets",
    [
        b"\r\n",
        b"2\r\n",
        b"25\r\n",
        b"hello\r\n",
        b"25o x\r\n",
        b"2500 x\r\n",
        b"250_x\r\n",
        b"250\tx\r\n",
        b" 250 x\r\n",
        b"-25 x\r\n",
        b"100 x\r\n",
        b"199 x\r\n",
        b"600 x\r\n",
        b"999 x\r\n",
        b"000 x\r\n",
        b"\xb2\xb3\xb9 x\r\n",
        "２５０ x\r\n".encode(),
        b"250-a\r\n251 b\r\n",
        b"250-a\r\n550 b\r\n",
        b"250-a\r\n250_b\r\n",
        b"250-a\r\n\r\n",
        b"199-a\r\n199 b\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
    ],
)
def test_what_is_no_reply(octets: bytes) -> None:
    for pieces in ([octets], [octets[at : at + 1] for at in range(len(octets))]):
        with pytest.raises(ServerFault) as caught:
            replies(*pieces)
        assert caught.value.reason
        assert caught.value.reason.isprintable()


def test_replies_follow_each_other() -> None:
    assert [reply.code for reply in replies(b"250 a\r\n550-b\r\n550 c\r\n354 d\r\n22")] == [
        250,
        550,
        354,
    ]


def test_a_lone_lf_ends_a_line() -> None:
    assert [reply.lines for reply in replies(b"250-b\n250 c\r\n")] == [("b", "c")]


def test_a_cr_within_a_line_is_no_line_end() -> None:
    parser = ReplyParser()
    parser.feed(b"550 a\r250 b\r\n")
    assert parser.next_reply() == ServerReply(550, "", ("a?250 b",))


def test_what_waits() -> None:
    parser = ReplyParser()
    parser.feed(b"250-a\r\n")
    assert parser.next_reply() is None
    assert len(parser) == 0
    assert not parser.is_empty  # half a reply
    parser.feed(b"250 b\r\n2")
    assert parser.next_reply() is not None
    assert len(parser) == 1


def test_empty_is_when_not_even_half_a_reply_waits() -> None:
    parser = ReplyParser()
    seen = [parser.is_empty]
    for octets in (b"25", b"0-a\r\n", b"250 b\r\n"):
        parser.feed(octets)
        parser.next_reply()
        seen.append(parser.is_empty)
    assert seen == [True, False, False, True]


def test_the_longest_line() -> None:
    line = b"250 " + b"x" * (MAX_LINE - 6) + b"\r\n"
    (reply,) = replies(line)
    assert len(reply.lines[0]) == MAX_LINE - 6
    with pytest.raises(ServerFault, match="longer than 4096"):
        replies(b"250 x" + line[4:])
    with pytest.raises(ServerFault, match="longer than 4096"):
        replies(*(b"x" for _ in range(MAX_LINE)))


def test_the_longest_reply() -> None:
    most = b"250-x\r\n" * (MAX_LINES - 1)
    (reply,) = replies(most + b"250 x\r\n")
    assert len(reply.lines) == MAX_LINES
    with pytest.raises(ServerFault, match="100 lines"):
        replies(most + b"250-x\r\n250 x\r\n")


def test_the_largest_reply() -> None:
    line = b"250-" + b"x" * 4000 + b"\r\n"
    count = MAX_REPLY // len(line)
    assert len(replies(line * count + b"250 x\r\n")) == 1
    with pytest.raises(ServerFault, match="65536 octets"):
        replies(line * (count + 1) + b"250 x\r\n")


def test_text_is_short_and_one_line() -> None:
    (reply,) = replies(b"550-5.7.1 No\r\n550 5.7.1 " + b"x" * 2000 + b"\r\n")
    assert reply.text.startswith("No / xxx")
    assert len(reply.text) == MAX_TEXT
    assert str(reply) == f"550 5.7.1 {reply.text}"
    assert str(ServerReply(250, "", ("",))) == "250"


@pytest.mark.parametrize(
    ("code", "is_positive", "is_temporary", "is_permanent"),
    [
        (250, True, False, False),
        (354, True, False, False),
        (421, False, True, False),
        (499, False, True, False),
        (500, False, False, True),
        (599, False, False, True),
    ],
)
def test_kinds(code: int, is_positive: bool, is_temporary: bool, is_permanent: bool) -> None:
    reply = ServerReply(code, "", ("",))
    assert reply.is_positive == is_positive
    assert reply.is_temporary == is_temporary
    assert reply.is_permanent == is_permanent


def test_our_own_replies_are_marked_and_printable() -> None:
    reply = local_reply(451, "4.4.2", "Connection\r\nlost")
    assert reply.is_local
    assert reply.text == "Connection??lost"
    assert not replies(b"451 4.4.2 Connection lost\r\n")[0].is_local


PIECES = st.lists(
    st.sampled_from(
        [
            b"250",
            b"550",
            b"-",
            b" ",
            b"\r\n",
            b"\n",
            b"\r",
            b"5.1.1 ",
            b"x",
            b"\xff",
            b"\0",
            b"421 ",
        ]
    )
).map(b"".join)


def outcome(pieces: list[bytes]) -> tuple[list[ServerReply], str]:
    parser = ReplyParser()
    found = []
    try:
        for piece in pieces:
            parser.feed(piece)
            while (reply := parser.next_reply()) is not None:
                found.append(reply)
    except ServerFault as fault:
        return found, fault.reason
    return found, ""


@given(PIECES | st.binary(max_size=60), st.lists(st.integers(0, 100)))
def test_cutting_changes_nothing_and_all_is_printable(octets: bytes, places: list[int]) -> None:
    edges = sorted({0, len(octets), *(place % (len(octets) + 1) for place in places)})
    cut = [octets[a:b] for a, b in itertools.pairwise(edges)]
    assert outcome(cut) == outcome([octets])
    found, reason = outcome([octets])
    assert reason.isprintable()
    assert all(reply.text.isprintable() for reply in found)
    assert all(200 <= reply.code <= 599 for reply in found)


@given(
    st.integers(200, 599),
    st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126)), min_size=1, max_size=9),
)
def test_what_our_server_writes_is_read_back(code: int, lines: list[str]) -> None:
    short = tuple(line[:480] for line in lines)
    (reply,) = replies(Reply(code, "", short).encode())
    if reply.status:
        assert any(line.startswith(reply.status) for line in short)
    else:
        assert reply == ServerReply(code, "", short)
