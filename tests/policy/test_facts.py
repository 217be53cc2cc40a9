"""Facts say nothing good of a message about which nothing was found out."""

from postroom.policy.facts import Authentication


def test_without_checks_nothing_is_known() -> None:
    unknown = Authentication()
    assert {unknown.iprev, unknown.spf, unknown.dmarc, unknown.arc} == {"none"}
    assert not unknown.dkim
    assert unknown.policy == "none"
