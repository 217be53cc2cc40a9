from postroom.sieve.actions import FileInto, Keep, Outcome


def test_an_action_is_a_value() -> None:
    assert Keep() == Keep(flags=())
    assert FileInto(mailbox="a") != FileInto(mailbox="a", create=True)
    assert Outcome(actions=(Keep(is_implicit=True),)).error is None
