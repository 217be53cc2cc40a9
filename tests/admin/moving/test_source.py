from postroom.admin.moving.source import LATEST, keywords, moment


def test_keywords_are_those_that_imap_can_say() -> None:
    assert keywords(
        ["$Forwarded", "b", "a", "a", "A", "two words", "\\Seen", "", "ü", "x" * 256]
    ) == ("$Forwarded A b")
    assert keywords(f"word{number}" for number in range(1000)) == ""


def test_moments_are_those_that_imap_can_say() -> None:
    assert moment(-5) == 0
    assert moment(1e30) == LATEST
    assert moment(12.9) == 12
