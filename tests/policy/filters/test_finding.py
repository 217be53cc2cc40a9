from postroom.policy.filters.finding import Finding


def test_a_finding_of_nothing_holds_nothing_against_a_message() -> None:
    nothing = Finding()
    assert (nothing.action, nothing.reason, nothing.score) == ("pass", "", 0.0)
