import pytest

from postroom.config.connections import Connections, Dnsbl, Rates, pattern


def test_without_any_setting_nobody_is_put_off_for_being_unknown() -> None:
    settings = Connections()
    assert not settings.greylist
    assert settings.helo == "score"
    assert settings.early_talk == "refuse"
    rates = Rates()
    assert rates.messages_per_sender_per_hour == 0
    assert rates.connections_per_minute >= 1_000


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("127.0.0.2", ((127, 127), (0, 0), (0, 0), (2, 2))),
        (" 127.0.0.4-11 ", ((127, 127), (0, 0), (0, 0), (4, 11))),
        ("127.0.*.2-3", ((127, 127), (0, 0), (0, 255), (2, 3))),
    ],
)
def test_answers_are_read(text: str, octets: tuple[tuple[int, int], ...]) -> None:
    assert pattern(text) == octets
    assert Dnsbl(zone="bl.test", answers=(text,)).patterns == (octets,)


@pytest.mark.parametrize(
    "text",
    ["", "127.0.0", "127.0.0.1.2", "10.0.0.2", "*.0.0.2", "127.0.0.256", "127.0.0.5-4", "127.0.0.x",
     "127.0.0.-2", "127.0.0.", "127.0.0.٣", "127..0.2"],
)  # fmt: skip
def test_what_is_no_answer(text: str) -> None:
    with pytest.raises(ValueError, match="127|is no"):
        pattern(text)
