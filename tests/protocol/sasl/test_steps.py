from postroom.protocol.sasl.steps import AskPassword, Challenge, Denied, Granted


def test_a_password_does_not_show() -> None:
    assert repr(AskPassword("alice", "", "secret")) == "AskPassword('alice')"


def test_steps_are_values() -> None:
    assert Challenge(b"x") == Challenge(b"x")
    assert Granted("a", 1) != Granted("a", 2)
    assert Denied() != Denied(is_malformed=True)
