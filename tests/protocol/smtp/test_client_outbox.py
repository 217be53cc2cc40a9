from postroom.protocol.smtp.client_outbox import Outbox
from postroom.protocol.smtp.client_states import Wait


def answered(outbox: Outbox) -> Wait:
    wait = outbox.due.popleft()
    outbox.say_next()
    return wait


def test_without_pipelining_commands_leave_one_by_one() -> None:
    outbox = Outbox(Wait.GREETING)
    outbox.say(b"one", Wait.MAIL)
    outbox.say(b"two", Wait.RCPT)
    assert outbox.take() == b""
    assert answered(outbox) is Wait.GREETING
    assert outbox.take() == b"one"
    assert answered(outbox) is Wait.MAIL
    assert outbox.take() == b"two"
    assert answered(outbox) is Wait.RCPT
    assert outbox.take() == b""


def test_what_waits_is_told() -> None:
    outbox = Outbox(Wait.GREETING)
    seen = [outbox.has_unsaid]
    outbox.say(b"one", Wait.MAIL)
    seen.append(outbox.has_unsaid)
    answered(outbox)
    seen.append(outbox.has_unsaid)
    assert seen == [False, True, False]


def test_with_pipelining_they_leave_together() -> None:
    outbox = Outbox(Wait.GREETING)
    outbox.is_pipelining = True
    outbox.say(b"one", Wait.MAIL)
    outbox.say(b"two", Wait.RCPT)
    outbox.write(b"three")
    outbox.expect(Wait.END, 2)
    assert outbox.take() == b"onetwothree"
    assert list(outbox.due) == [Wait.GREETING, Wait.MAIL, Wait.RCPT, Wait.END, Wait.END]


def test_several_answers_hold_the_next_command_back() -> None:
    outbox = Outbox(Wait.GREETING)
    answered(outbox)
    outbox.expect(Wait.END, 2)
    outbox.say(b"x", Wait.MAIL)
    answered(outbox)
    assert outbox.take() == b""
    answered(outbox)
    assert outbox.take() == b"x"


def test_what_is_dropped_is_not_said() -> None:
    outbox = Outbox(Wait.GREETING)
    outbox.say(b"x", Wait.MAIL)
    outbox.drop_unsaid()
    answered(outbox)
    assert outbox.take() == b""
    outbox.say(b"y", Wait.MAIL)
    outbox.clear()
    assert outbox.take() == b""
    assert not outbox.due
