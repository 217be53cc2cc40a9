"""Tokens in plain words."""

import pytest

from postroom.policy.words import plain


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pills", 'the word "pills"'),
        ("subject:free", '"free" in the subject'),
        ("subject:free money", '"free money" in the subject'),
        ("site:shop.example", "a link to shop.example"),
        ("link:ip", "a link leads to a bare address"),
        ("from:tld:biz", "the author's address: biz"),
        ("id:shape:0.aA", "a Message-ID of the form 0.aA"),
        ("has:list-id", "a list-id field"),
        ("x-priority:1", "x-priority: 1"),
    ],
)
def test_every_kind(name: str, said: str) -> None:
    assert plain(name) == said
