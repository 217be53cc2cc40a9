from postroom.sieve.actions import Remember
from postroom.sieve.duplicates import DEFAULT_SECONDS
from postroom.sieve.limits import Limits
from postroom.sieve.questions import Question, WasSeen
from tests.sieve.desk import outcome

NEEDED = 'require ["duplicate", "variables"];'


def key_of(test: str, letter: bytes = b"Message-ID: <1@x>\r\nX-A: <1@x>\r\n\r\n") -> str:
    asked: list[Question] = []
    outcome(f"{NEEDED} if {test} {{ }}", letter, asked=asked)
    (question,) = asked
    assert isinstance(question, WasSeen)
    return question.key


def test_what_is_new_is_to_be_remembered() -> None:
    key = key_of("duplicate")
    script = NEEDED + "if duplicate { discard; }"
    letter = b"Message-ID: <1@x>\r\n\r\n"
    first = outcome(script, letter)
    assert first.remember == (Remember(key, DEFAULT_SECONDS),)
    second = outcome(script, letter, answers={WasSeen(key): True})
    assert second.remember == ()
    assert second.actions != first.actions


def test_last_starts_anew_each_time() -> None:
    script = NEEDED + "if duplicate :last :seconds 60 { discard; }"
    letter = b"Message-ID: <1@x>\r\n\r\n"
    key = key_of("duplicate")
    assert outcome(script, letter, answers={WasSeen(key): True}).remember == (Remember(key, 60),)


def test_what_counts_is_the_value_and_the_handle() -> None:
    assert key_of('duplicate :header "x-a"') == key_of("duplicate")
    assert key_of('duplicate :uniqueid "<1@x>"') == key_of("duplicate")
    assert key_of('duplicate :handle "h"') != key_of("duplicate")
    assert key_of('duplicate :handle "h"') == key_of('duplicate :uniqueid "<1@x>" :handle "h"')
    assert key_of("duplicate", b"Message-ID: <2@x>\r\n\r\n") != key_of("duplicate")
    assert key_of('duplicate :handle "1" :uniqueid "1a"') != key_of('duplicate :uniqueid "11a"')


def test_a_letter_without_an_id_is_no_duplicate() -> None:
    asked: list[Question] = []
    found = outcome(NEEDED + "if duplicate { discard; }", b"S: x\r\n\r\n", asked=asked)
    assert not asked
    assert not found.remember


def test_the_same_test_says_the_same_twice() -> None:
    asked: list[Question] = []
    script = NEEDED + "if duplicate { discard; } if duplicate { discard; }"
    found = outcome(script, b"Message-ID: <1@x>\r\n\r\n", asked=asked)
    assert len(asked) == len(found.remember) == 1


def test_the_time_is_bounded_and_a_script_that_fails_remembers_nothing() -> None:
    script = NEEDED + "if duplicate :seconds 999999999 { }"
    letter = b"Message-ID: <1@x>\r\n\r\n"
    (found,) = outcome(script, letter, limits=Limits(max_tracked=100)).remember
    assert found.seconds == 100
    failed = outcome(script + 'redirect "${none}";', letter)
    assert failed.error
    assert not failed.remember
