from datetime import datetime

import click
import pytest

from postroom.cli.moment import Moment

BOTH = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%MZ")


def test_what_is_a_moment_is_read() -> None:
    asked = Moment(*BOTH)
    assert asked.convert("2026-07-31", None, None) == datetime(2026, 7, 31)  # noqa: DTZ001
    assert asked.convert("2026-07-31T18:30Z", None, None).hour == 18
    there = datetime(2026, 7, 31)  # noqa: DTZ001
    assert asked.convert(there, None, None) is there


@pytest.mark.parametrize(
    ("formats", "typed", "told"),
    [
        (BOTH, "yesterday", "'yesterday' is no moment; write it as 2026-12-24 or 2026-12-24 18:30"),
        (BOTH[:1], "24.12.2026", "'24.12.2026' is no day; write it as 2026-12-24"),
        (BOTH[:1], "2026-02-30", "'2026-02-30' is no day; write it as 2026-12-24"),
        (BOTH[:1], "", "'' is no day; write it as 2026-12-24"),
    ],
)
def test_what_is_none_is_told_how_one_is_written(
    formats: tuple[str, ...], typed: str, told: str
) -> None:
    with pytest.raises(click.BadParameter) as caught:
        Moment(*formats).convert(typed, None, None)
    assert caught.value.message == told
