from postroom.admin.mailboxes.why import because


def test_each_reason_is_a_sentence() -> None:
    noted = (
        "Yes, score=7.3 (dmarc: bad.test is not proven; spam: 7.3 points, junk from 5.0;"
        " +4.1 it looks like spam: casino, the word free; +0.5 it is dated in the future; odd)"
    )
    assert because(noted) == [
        "The domain of its author is not proven: bad.test is not proven",
        "The spam filter gives it 7.3 points; from 5.0 on it is junk",
        "It looks like spam: casino, the word free (+4.1 points)",
        "It is dated in the future (+0.5 points)",
        "Odd",
    ]


def test_a_filter_of_this_server_has_its_own_name() -> None:
    assert because("Yes, score=9.0 (rspamd: many signs)") == ["Rspamd: many signs"]


def test_what_another_program_noted_stays_as_it_is() -> None:
    assert because("Yes, score=12 required=5 tests=X") == [
        "Another program noted: Yes, score=12 required=5 tests=X"
    ]
    assert because("") == []
