"""How long messages stay in Junk and Trash without any setting."""

import msgspec
import pytest

from postroom.config.retention import Retention


def test_a_month_is_the_default_and_nothing_is_kept_for_less_than_no_time() -> None:
    assert (Retention().junk_days, Retention().trash_days) == (30, 30)
    for wrong in ('{"junk_days": -1}', '{"trash_days": 36501}', '{"junk": 30}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(wrong, type=Retention)
