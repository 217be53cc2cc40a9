"""What fills suppression lists, and for how long."""

import msgspec
import pytest

from postroom.config.suppression import Suppression


def test_a_person_who_writes_by_hand_is_never_kept_from_it_by_default() -> None:
    assert Suppression() == Suppression(scope="api", bounce_days=90, complaint_days=365)


@pytest.mark.parametrize("said", [{"scope": "smtp"}, {"bounce_days": -1}, {"days": 1}])
def test_what_makes_no_sense_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(said, Suppression)
