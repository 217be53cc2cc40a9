"""What replies mean for recipients."""

import pytest
from hypothesis import given, strategies as st

from postroom.delivery.conclusions import EXPIRED, Conclusion, Judge
from postroom.delivery.schedule import Schedule
from postroom.protocol.smtp.client_replies import ServerReply
from tests.delivery.stock import OK, queued, recipient, refused, told
from tests.fakes import START

MINUTE = 60_000
DAY = 86_400_000
TOO_MANY = refused(452, "4.5.3", "too many recipients")


def judge(now: int = START) -> Judge:
    return Judge(Schedule(), now, 0.5)


def conclude(reply: ServerReply, *, now: int = START, attempts: int = 0) -> Conclusion:
    return judge(now).conclude(queued(), recipient(attempts=attempts), reply, "mx.other.test")


@pytest.mark.parametrize(
    ("reply", "kind", "status"),
    [
        (OK, "delivered", "2.0.0"),
        (refused(250), "delivered", "2.0.0"),
        (refused(250, "2.1.5"), "delivered", "2.1.5"),
        (refused(550, "5.1.1"), "returned", "5.1.1"),
        (refused(554), "returned", "5.0.0"),
        (refused(552, "5.2.2"), "returned", "5.2.2"),
        (refused(450, "4.2.1"), "later", "4.2.1"),
        (refused(421), "later", "4.0.0"),
        (refused(452, "4.2.2"), "later", "4.2.2"),
        (told(451, "4.4.2"), "later", "4.4.2"),
        (told(451, "5.7.1"), "later", "4.7.1"),  # a refusal that we do not believe yet
        (told(550, "4.4.1"), "returned", "5.4.1"),
    ],
)
def test_a_reply_and_its_class(reply: ServerReply, kind: str, status: str) -> None:
    found = conclude(reply)
    assert (found.kind, found.status, found.host) == (kind, status, "mx.other.test")
    assert found.reply is reply
    assert found.next_attempt == (START + 5 * MINUTE if kind == "later" else 0)


def test_attempts_so_far_make_the_wait_longer() -> None:
    waits = [conclude(refused(450), attempts=n).next_attempt - START for n in (0, 1, 2, 10)]
    assert waits == [5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 240 * MINUTE]


def test_at_the_end_of_patience_it_is_returned_as_expired() -> None:
    last = conclude(refused(450, "4.2.1"), now=START + 5 * DAY - 1)
    assert (last.kind, last.next_attempt) == ("later", START + 5 * DAY)
    over = conclude(refused(450, "4.2.1"), now=START + 5 * DAY, attempts=40)
    assert (over.kind, over.status, over.reply.code) == ("returned", EXPIRED, 450)
    assert conclude(OK, now=START + 50 * DAY).kind == "delivered"


def test_what_was_not_its_turn_comes_back_without_an_attempt() -> None:
    found = judge().put_back(recipient(), told(451, "4.4.2"))
    assert (found.kind, found.next_attempt) == ("back", START)
    assert judge().put_back(recipient(), told(451, "4.3.0"), 300).next_attempt == START + 300


@pytest.mark.parametrize("reply", [TOO_MANY, refused(552, "5.5.3")])
@pytest.mark.parametrize("other", [OK, refused(550, "5.1.1"), refused(450)])
def test_recipients_who_were_too_many_go_at_once(reply: ServerReply, other: ServerReply) -> None:
    many = [recipient(number=number) for number in range(3)]
    found = judge().conclude_all(queued(), many, [other, reply, reply], "mx.other.test")
    assert [one.recipient for one in found] == many
    assert found[0] == judge().conclude(queued(), many[0], other, "mx.other.test")
    assert [(one.kind, one.next_attempt) for one in found[1:]] == [("back", START)] * 2


@pytest.mark.parametrize("reply", [TOO_MANY, refused(552, "5.5.3")])
def test_a_server_that_takes_none_is_not_asked_for_ever(reply: ServerReply) -> None:
    many = [recipient(number=number) for number in range(2)]
    found = judge().conclude_all(queued(), many, [reply, reply])
    assert [(one.kind, one.next_attempt) for one in found] == [("later", START + 5 * MINUTE)] * 2
    assert conclude(reply).kind == "later"
    assert conclude(reply, now=START + 5 * DAY, attempts=40).kind == "returned"


def test_each_recipient_has_a_reply() -> None:
    with pytest.raises(ValueError, match="shorter"):
        judge().conclude_all(queued(), [recipient(), recipient(number=1)], [OK])


@given(
    st.lists(
        st.tuples(
            st.sampled_from([200, 250, 354, 421, 450, 451, 452, 500, 550, 552, 554, 599]),
            st.sampled_from(["", "2.0.0", "4.5.3", "5.5.3", "4.0.0", "5.7.1"]),
        ),
        min_size=1,
        max_size=5,
    ),
    st.integers(0, 100),
    st.integers(0, 10 * DAY),
)
def test_every_conclusion_is_one_that_can_be_written(
    replies: list[tuple[int, str]], attempts: int, later: int
) -> None:
    now = START + later
    many = [recipient(number=n, attempts=attempts) for n in range(len(replies))]
    found = judge(now).conclude_all(queued(), many, [refused(*one) for one in replies])
    assert [one.recipient for one in found] == many
    for one in found:
        if one.kind in {"later", "back"}:
            assert one.next_attempt >= now
            assert one.kind == "back" or one.status[0] == "4"
        else:
            assert one.status[0] == ("2" if one.kind == "delivered" else "5")
    assert any(one.kind != "back" for one in found)
