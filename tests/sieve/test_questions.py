import pytest

from postroom.sieve.questions import Asking, MailboxExists, Question
from tests.sieve.answers import run_with


def both() -> Asking[tuple[object, object]]:
    first = yield MailboxExists("a")
    second = yield MailboxExists("b")
    return first, second


def test_a_table_answers() -> None:
    asked: list[Question] = []
    assert run_with(both(), {MailboxExists("b"): True}, asked) == (None, True)
    assert asked == [MailboxExists("a"), MailboxExists("b")]


def test_what_is_thrown_in_comes_out() -> None:
    asking = both()
    next(asking)
    with pytest.raises(OSError, match="no answer"):
        asking.throw(OSError("no answer"))
