"""The settings about the audit log."""

from postroom.config.audit import Audit


def test_a_year_is_kept_by_default() -> None:
    assert Audit().keep_days == 365
