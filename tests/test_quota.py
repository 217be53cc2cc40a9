"""Quota: what is a limit."""

import pytest

from postroom.quota import NO_QUOTA, Quota


@pytest.mark.parametrize("quota", [Quota(1), Quota(messages=1), Quota(5, 6)])
def test_one_limit_is_a_quota(quota: Quota) -> None:
    assert quota
    assert quota != NO_QUOTA


def test_none_is_none() -> None:
    assert not NO_QUOTA
    assert Quota() == NO_QUOTA
