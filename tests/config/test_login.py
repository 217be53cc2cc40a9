import msgspec
import pytest

from postroom.config.login import Login


def test_a_second_factor_is_everybodys_own_choice_by_default() -> None:
    assert Login().second_factor == "optional"
    assert Login().notices
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode('{"second_factor": "never"}', type=Login)
