"""The settings of the spam filter."""

import msgspec
import pytest

from postroom.config.spam import Spam


def test_it_works_by_default() -> None:
    assert Spam().enabled
    assert Spam().junk_at == 5.0


@pytest.mark.parametrize("junk_at", [0, 101])
def test_a_threshold_that_makes_no_sense(junk_at: int) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"junk_at": junk_at}, Spam)
