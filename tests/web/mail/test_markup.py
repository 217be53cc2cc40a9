import pytest
from hypothesis import given, strategies as st

from postroom.web.mail import markup
from postroom.web.mail.markup import Image

IMAGES = {"a@b": Image("image/png", b"pixel"), "s@b": Image("image/svg+xml", b"<svg/>")}


@pytest.mark.parametrize(
    "text",
    [
        "<script>bad()</script>", "<p onclick='bad()'>x</p>", "<IMG SRC=x OnError=bad()>",
        "<a href='javascript:bad()'>x</a>", "<a href=' JaVaScRiPt:bad()'>x</a>",
        "<iframe src='https://bad.test'></iframe>", "<meta http-equiv=refresh content='0;url=//bad'>",
        "<base href='https://bad.test'>", "<link rel=stylesheet href='https://bad.test'>",
        "<object data='bad'></object>", "<form action='https://bad.test'><button>x</button></form>",
        "<svg><script>bad()</script></svg>", "<button formaction='https://bad.test'>x</button>",
        "<a href=x ping='https://bad.test'>x</a>", "<img srcset='https://bad.test 2x'>",
        "<math><a xlink:href='javascript:bad()'>x</a></math>", "<img src='cid:s@b'>",
        "<a href='data:text/html,bad'>x</a>",
    ],
)  # fmt: skip
def test_what_could_lead_away_is_taken_out(text: str) -> None:
    found = markup.document([f"<html><body>before {text} after</body></html>"], IMAGES)
    assert "bad" not in found
    assert "svg" not in found
    assert "before" in found


def test_what_is_said_stays() -> None:
    found = markup.document(
        [
            "<head><style>p{color:red}</style></head><p style='color:red'>Hi <b>you</b></p>",
            "<pre>x</pre>",
        ],
        {},
    )
    assert "<style>p{color:red}</style>" in found
    assert '<p style="color:red">Hi <b>you</b></p><hr><pre>x</pre>' in found


def test_links_open_elsewhere_and_own_images_are_in_it() -> None:
    found = markup.document(
        ["<a href='https://far.test/?a=1&amp;b=2'>x</a><img src='cid:a@b'>"], IMAGES
    )
    assert 'href="https://far.test/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer"' in found
    assert 'src="data:image/png;base64,cGl4ZWw="' in found


def test_an_image_that_is_shown_a_thousand_times_has_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(markup, "MAX_INLINE", 100)
    found = markup.document(["<img src='cid:a@b'>" * 1_000], IMAGES)
    assert found.count("data:image/png") == 3
    assert found.count("<img") == 1_000


def test_the_policy_lets_nothing_run() -> None:
    for is_open in (False, True):
        policy = markup.headers(is_open=is_open)["Content-Security-Policy"]
        assert policy.startswith(
            "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'"
        )
        assert ("https:" in policy) is is_open


def test_what_would_be_fetched_is_known() -> None:
    for text in ('<img src="https://x/">', "<td background=http://x/>", "a{b:url( 'https://x')}"):
        assert markup.wants_others(text)
    assert not markup.wants_others('<a href="https://x/">https://x</a><img src="cid:a">')


def test_addresses_in_plain_text_are_links() -> None:
    assert markup.linked("<b> (https://a.test/x?y=1&z=2). ok") == (
        '&lt;b&gt; (<a href="https://a.test/x?y=1&amp;z=2" target="_blank" rel="noopener noreferrer">'
        "https://a.test/x?y=1&amp;z=2</a>). ok"
    )
    assert markup.preformatted("<x>") == "<pre>&lt;x&gt;</pre>"


@given(st.text(max_size=200))
def test_plain_text_is_never_markup(text: str) -> None:
    found = markup.linked(f'https://a.test/" onload="{text}')
    assert found.count("<") == 2 * found.count("<a ")
    assert '" onload' not in found


def test_a_quick_look_at_many_blanks_is_quick() -> None:
    assert not markup.wants_others("src=" + " " * 1_000_000)
    assert markup.wants_others("<img src = ' https://x/'>")


def test_no_host_of_a_link_is_looked_up() -> None:
    assert markup.headers(is_open=True)["X-DNS-Prefetch-Control"] == "off"
