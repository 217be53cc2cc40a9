import pytest
from hypothesis import given, strategies as st

from postroom.message.dsn_texts import Explanation, explain


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("5.1.1", "There is no such mailbox."),
        ("4.1.1", "There is no such mailbox."),
        ("5.1.2", "There is no such mail domain."),
        ("5.1.10", "The domain says that it accepts no mail at all."),
        ("5.1.99", "Something is wrong with the address."),
        ("5.2.1", "The mailbox is switched off and takes no mail."),
        ("4.2.1", "The mailbox takes no mail at the moment."),
        ("4.2.2", "The mailbox is full."),
        ("5.3.4", "The message is too large for the recipient's mail server."),
        ("4.4.1", "No connection to the recipient's mail server could be made."),
        ("5.4.4", "No mail server could be found for the domain."),
        ("4.4.7", "The message could not be delivered in the time allowed for it."),
        ("5.4.7", "The message could not be delivered in the time allowed for it."),
        ("5.5.2", "The mail servers did not understand each other."),
        ("5.6.7", "An address needs international mail, which the recipient's mail server can't do."),
        ("5.7.1", "The recipient's mail server refused the message by its rules."),
        ("4.7.1", "The recipient's mail server wants to see the message again later."),
        ("4.7.0", "The message was refused for reasons of security or policy."),
        ("5.0.0", "The message can't be delivered."),
        ("4.0.0", "The message could not be delivered for now."),
        ("4.9.9", "The message could not be delivered for now."),
        ("2.1.5", "The message has arrived."),
        ("2.6.0", "The message has arrived."),
    ],
)  # fmt: skip
def test_reasons(status: str, reason: str) -> None:
    assert explain(status).reason == reason


@pytest.mark.parametrize(
    ("status", "reply", "reason"),
    [
        ("5.0.0", "550 No such user", "There is no such mailbox."),
        ("5.5.0", "550 5.5.0 mailbox unavailable", "There is no such mailbox."),
        ("5.0.0", "550 Mailbox quota exceeded", "The mailbox is full."),
        ("5.5.2", "550 5.5.2 What?", "The mail servers did not understand each other."),
        ("5.0.0", "550 Why not", "The message can't be delivered."),
        ("5.7.1", "554 5.7.1 No such user", "The recipient's mail server refused the message by its rules."),
        ("5.7.1", "554 5.7.1 [192.0.2.1] blocked using x.example", "The recipient's mail server takes no mail from the address of our mail server."),
        ("2.1.5", "250 blocked using x.example", "The message has arrived."),
    ],
)  # fmt: skip
def test_words_help_where_a_status_says_nothing(status: str, reply: str, reason: str) -> None:
    assert explain(status, reply).reason == reason


@given(st.one_of(st.text(max_size=12), st.from_regex(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")))
def test_every_status_has_a_reason_and_an_advice(status: str) -> None:
    found = explain(status)
    assert isinstance(found, Explanation)
    for text in (found.reason, found.advice):
        assert text.endswith(".")
        assert text[:1].isupper()
        assert text.isascii()
