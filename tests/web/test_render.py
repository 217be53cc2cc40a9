from datetime import UTC, datetime

import jinja2
import pytest

from postroom.web.render import Renderer, moment


def test_what_others_wrote_is_text_and_the_browser_is_told_to_stay() -> None:
    page = Renderer("mx.test").page(
        "login.html", status=403, visitor=None, problem="<script>alert(1)</script>", options="", provider="", address="",
        following="",
    )  # fmt: skip
    assert page.status_code == 403
    assert b"<script>" not in page.body
    assert b"&lt;script&gt;" in page.body
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src 'self';" in policy
    assert "connect-src 'self';" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"


def test_a_name_that_was_forgotten_is_a_fault_not_a_blank() -> None:
    with pytest.raises(jinja2.UndefinedError):
        Renderer("mx.test").page("login.html", visitor=None)


def test_times_are_utc() -> None:
    assert moment(datetime(2026, 11, 26, 7, 5, 9, tzinfo=UTC)) == "2026-11-26 07:05"
    assert moment(None) == ""
