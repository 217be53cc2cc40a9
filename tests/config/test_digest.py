import msgspec
import pytest

from postroom.config.digest import Digest


def test_nobody_is_told_unasked() -> None:
    assert Digest() == Digest(usual="never", daily=(), weekly=(), never=())
    said = '{"usual": "weekly", "daily": ["a.test"], "never": ["b.test", "c.test"]}'
    assert msgspec.json.decode(said, type=Digest).places == (
        ("a.test", "daily"),
        ("b.test", "never"),
        ("c.test", "never"),
    )
    for wrong in ('{"usual": "hourly"}', '{"daily": "a.test"}', '{"usually": "never"}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(wrong, type=Digest)
