from postroom.protocol.smtp.penalties import MAX_JUNK, Penalties, Verdict
from postroom.protocol.smtp.settings import Settings

SETTINGS = Settings(hostname="mx.test", soft_errors=2, hard_errors=4, login_failures=2)
GO_ON, SLOW, END = Verdict.GO_ON, Verdict.SLOW, Verdict.END


def test_errors_slow_down_then_end() -> None:
    penalties = Penalties(SETTINGS)
    assert [penalties.error() for _ in range(4)] == [GO_ON, GO_ON, SLOW, END]


def test_junk_is_free_up_to_a_number() -> None:
    penalties = Penalties(SETTINGS)
    assert {penalties.junk() for _ in range(MAX_JUNK)} == {GO_ON}
    assert [penalties.junk() for _ in range(4)] == [GO_ON, GO_ON, SLOW, END]


def test_a_message_clears_the_account_of_errors_only() -> None:
    penalties = Penalties(SETTINGS)
    for _ in range(3):
        penalties.error()
    penalties.failed_login()
    penalties.long_line()
    penalties.clear()
    assert penalties.error() is GO_ON
    assert penalties.failed_login() is END
    assert penalties.long_line() is END
