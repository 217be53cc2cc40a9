import pytest
from hypothesis import given, strategies as st

from postroom.message import headers, list_fields
from postroom.message.addresses import mailboxes, parse
from postroom.message.list_fields import Post

POST = Post(
    address="Dev@example.org",
    title="",
    owner="dev+owner@example.org",
    help="dev+help@example.org",
    post="Dev@example.org",
    subscribe="",
)


def test_the_fields_of_rfc_2369_and_2919() -> None:
    assert list_fields.common(POST) == (
        b"List-Id: <dev.example.org>\r\n"
        b"List-Post: <mailto:Dev@example.org>\r\n"
        b"List-Help: <mailto:dev%2Bhelp@example.org>\r\n"
        b"List-Owner: <mailto:dev%2Bowner@example.org>\r\n"
        b"Precedence: list\r\n"
    )


def test_a_list_that_only_owners_post_to_says_so() -> None:
    closed = Post(
        address="a@b.test",
        title="",
        owner="o@b.test",
        help="h@b.test",
        post="",
        subscribe="s@b.test",
    )
    said = list_fields.common(closed)
    assert b"\r\nList-Post: NO" in said
    assert b"\r\nList-Subscribe: <mailto:s@b.test>\r\n" in said


@pytest.mark.parametrize(
    ("title", "value"),
    [
        ('The "old" list', b'"The \\"old\\" list" <dev.example.org>'),
        ("Grüße", b"=?utf-8?b?R3LDvMOfZQ==?= <dev.example.org>"),
    ],
)
def test_a_title_stands_before_the_identifier(title: str, value: bytes) -> None:
    said = list_fields.common(
        Post(address=POST.address, title=title, owner="", help="", post="", subscribe="")
    )
    found = headers.value(said + b"\r\n", b"list-id")
    assert found is not None
    assert b" ".join(found.split()).lower() == value.lower()


def test_one_click_of_rfc_8058() -> None:
    said = list_fields.personal("dev+leave-x@example.org", "https://mx.example.org/lists/leave/x")
    assert headers.value(said + b"\r\n", b"list-unsubscribe") == (
        b"<https://mx.example.org/lists/leave/x>, <mailto:dev%2Bleave-x@example.org>"
    )
    assert headers.value(said + b"\r\n", b"list-unsubscribe-post") == (
        b"List-Unsubscribe=One-Click"
    )


def test_only_what_another_list_said_goes() -> None:
    head = (
        b"Subject: a\r\nList-Id: <x>\r\nlist-unsubscribe: <mailto:a@b>,\r\n <https://c>\r\n"
        b"Precedence: bulk\r\nX-List: y\r\n\r\n"
    )
    assert list_fields.stripped(head) == b"Subject: a\r\nX-List: y\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "is_automatic"),
    [
        (b"Auto-Submitted: auto-generated\r\n", True),
        (b"Auto-Submitted: No; x=y\r\n", False),
        (b"Content-Type: Multipart/Report; x=y\r\n", True),
        (b"Content-Type: multipart/mixed\r\n", False),
        (b"Subject: Auto-Submitted: auto-replied\r\n", False),
    ],
)
def test_what_a_program_has_written(head: bytes, is_automatic: bool) -> None:
    assert list_fields.is_automatic(head + b"\r\n") is is_automatic


def test_a_post_that_comes_back_is_known() -> None:
    assert list_fields.came_through(b"List-Id: Dev <DEV.example.org>\r\n\r\n", "Dev@example.org")
    assert not list_fields.came_through(b"List-Id: <de.example.org>\r\n\r\n", "dev@example.org")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"Ann B <ann@a.test>", b"Ann B via Dev <dev@b.test>"),
        (b"ann@a.test", b"ann via Dev <dev@b.test>"),
        (b'"B, Ann" <ann@a.test>, c@d.test', b'"B, Ann and others via Dev" <dev@b.test>'),
        (b"=?utf-8?q?J=C3=B6rg?= <j@a.test>", b"=?utf-8?B?SsO2cmcgdmlhIERldg==?= <dev@b.test>"),
        (b'"x@bank.test" <e@a.test>', b'"x@bank.test via Dev" <dev@b.test>'),
        (b"=?utf-8?q?a=0D=0AX=3A_y?= <e@a.test>", b'"a X: y via Dev" <dev@b.test>'),
    ],
)
def test_a_list_stands_in_from_and_the_author_in_reply_to(written: bytes, shown: bytes) -> None:
    head = b"To: dev@b.test\r\nfrom: " + written + b"\r\nSubject: Hi\r\n\r\n"
    assert list_fields.by_list(head, "dev@b.test", "Dev") == (
        b"To: dev@b.test\r\nFrom: " + shown + b"\r\nReply-To: " + written + b"\r\n"
        b"X-Original-From: " + written + b"\r\nSubject: Hi\r\n\r\n"
    )


def test_a_long_name_is_cut_and_a_folded_from_stays_folded() -> None:
    head = b"From: " + b"A" * 300 + b"\r\n <ann@a.test>\r\n\r\n"
    made = list_fields.by_list(head, "dev@b.test", "")
    assert headers.values(made, b"from") == [b'"' + b"A" * 100 + b'... via dev" <dev@b.test>']
    assert headers.values(made, b"reply-to") == [b"A" * 300 + b" <ann@a.test>"]
    assert max(map(len, made.split(b"\r\n"))) < 998


def test_the_reply_to_of_an_author_stays_and_a_forged_original_does_not() -> None:
    head = (
        b"X-Original-From: Eve <eve@e.test>\r\nFrom: Ann <ann@a.test>\r\n"
        b"Reply-To: Office <o@a.test>\r\n\r\n"
    )
    made = list_fields.by_list(head, "dev@b.test", "Dev")
    assert headers.values(made, b"reply-to") == [b"Office <o@a.test>"]
    assert headers.values(made, b"x-original-from") == [b"Ann <ann@a.test>"]
    assert list_fields.before_list(made) == b"From: Ann <ann@a.test>\r\n\r\n"
    plain = b"From: Ann <ann@a.test>\r\n\r\n"
    assert list_fields.before_list(plain) == plain


@given(st.binary(max_size=80))
def test_whatever_stands_in_from_there_is_one_author_afterwards(value: bytes) -> None:
    written = value.replace(b"\r", b"").replace(b"\n", b"")
    head = b"From: " + written + b"\r\nSubject: Hi\r\n\r\n"
    made = list_fields.by_list(head, "dev@b.test", "Dev")
    (shown,) = headers.values(made, b"from")
    assert [m.local + b"@" + m.domain for m in mailboxes(parse(shown))] == [b"dev@b.test"]
    assert headers.values(made, b"x-original-from") == [written.strip(b" \t\r")]
    assert headers.values(made, b"subject") == [b"Hi"]
