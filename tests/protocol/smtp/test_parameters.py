import pytest
from hypothesis import given, strategies as st

from postroom.protocol.smtp.faults import BadArguments
from postroom.protocol.smtp.parameters import (
    decode_xtext,
    mail_parameters,
    rcpt_parameters,
)


def test_all_of_mail() -> None:
    mail = mail_parameters(
        None, "size=10 BODY=8bitmime SMTPUTF8 RET=full ENVID=a+2Bb AUTH=e+3Dmc2@example.com"
    )
    assert (mail.size, mail.body, mail.smtputf8, mail.ret) == (10, "8BITMIME", True, "FULL")
    assert (mail.envid, mail.auth) == ("a+2Bb", "e=mc2@example.com")


def test_a_message_for_later_and_only_over_tls() -> None:
    """RFC 4865, RFC 8689."""
    mail = mail_parameters(None, "holdfor=3600 RequireTLS")
    assert (mail.hold_for, mail.hold_until, mail.requiretls, mail.is_held) == (
        3600, None, True, True,
    )  # fmt: skip
    assert mail_parameters(None, "HOLDFOR=0").is_held
    assert not mail_parameters(None, "SIZE=1").is_held
    for time, seconds in (
        ("2026-09-21T14:13:20Z", 1_790_000_000),
        ("2026-09-21t14:13:20.987z", 1_790_000_000),
        ("2026-09-21T16:13:20+02:00", 1_790_000_000),
        ("2026-09-21T14:12:60Z", 1_789_999_979),  # a leap second
        ("1970-01-01T00:00:00-00:00", 0),
    ):
        mail = mail_parameters(None, f"HOLDUNTIL={time}")
        assert (mail.hold_for, mail.hold_until) == (None, seconds * 1000)


def test_all_of_rcpt() -> None:
    rcpt = rcpt_parameters(None, "NOTIFY=delay,Success ORCPT=rfc822;Bob@example.com")
    assert (rcpt.notify, rcpt.orcpt) == ("SUCCESS,DELAY", "rfc822;Bob@example.com")


def test_addresses_in_utf8() -> None:
    assert rcpt_parameters(None, r"ORCPT=utf-8;J\x{F6}rg@x").orcpt == r"utf-8;J\x{F6}rg@x"
    assert rcpt_parameters(None, "ORCPT=utf-8;Jörg@x").orcpt == "utf-8;Jörg@x"
    with pytest.raises(BadArguments):
        rcpt_parameters(None, "ORCPT=rfc822;Jörg@x")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SIZE=1 SIZE=2", 501),
        ("SIZE=٣", 501),
        ("SIZE=" + "1" * 21, 501),
        ("SIZE=", 501),
        ("SIZE=1=2", 501),
        ("=1", 501),
        ("-X=1", 501),
        ("X-Y=1", 555),
        ("SMTPUTF8=1", 501),
        ("BODY=BINARYMIME", 555),
        ("BODY", 501),
        ("RET=", 501),
        ("ENVID=" + "x" * 101, 501),
        ("ENVID=a+zz", 501),
        ("ENVID=a+0D+0AX:y", 501),
        ("ENVID=a+7F", 501),
        ("ENVID=+C3+BC", 501),
        ("AUTH=a\\+", 501),
        ("NOTIFY=NEVER", 555),
        ("HOLDFOR", 501),
        ("HOLDFOR=", 501),
        ("HOLDFOR=-1", 501),
        ("HOLDFOR=1.5", 501),
        ("HOLDFOR=٣", 501),
        ("HOLDFOR=9999999999", 501),
        ("HOLDUNTIL", 501),
        ("HOLDUNTIL=tomorrow", 501),
        ("HOLDUNTIL=1790000000", 501),
        ("HOLDUNTIL=2026-09-21", 501),
        ("HOLDUNTIL=2026-09-21T14:13:20", 501),
        ("HOLDUNTIL=2026-02-30T14:13:20Z", 501),
        ("HOLDUNTIL=2026-09-21T24:13:20Z", 501),
        ("HOLDUNTIL=2026-09-21T14:13:61Z", 501),
        ("HOLDUNTIL=2026-09-21T14:13:20+24:00", 501),
        ("HOLDUNTIL=0000-01-01T00:00:00Z", 501),
        ("HOLDFOR=1 HOLDUNTIL=2026-09-21T14:13:20Z", 501),
        ("REQUIRETLS=1", 501),
    ],
)
def test_what_is_wrong_in_mail(text: str, code: int) -> None:
    with pytest.raises(BadArguments) as caught:
        mail_parameters(None, text)
    assert (caught.value.reply.code, caught.value.reply.status) == (code, "5.5.4")


@pytest.mark.parametrize(
    "text",
    [
        "NOTIFY=",
        "NOTIFY=A",
        "NOTIFY=DELAY,DELAY",
        "NOTIFY=NEVER,NEVER",
        "ORCPT=;x",
        "ORCPT=a;",
        "ORCPT=rfc822",
        "ORCPT=rfc822;" + "x" * 500,
        "ORCPT=-a;x",
        "ORCPT=rfc822;a+0D+0Ab@x",
        "ORCPT=rfc822;+C3+BC@x",
        "ORCPT=utf-8;a+0Ab@x",
        r"ORCPT=utf-8;a\x{0D}b@x",
        r"ORCPT=utf-8;a\x{007F}b@x",
    ],
)
def test_what_is_wrong_in_rcpt(text: str) -> None:
    with pytest.raises(BadArguments):
        rcpt_parameters(None, text)


@given(st.text(max_size=60))
def test_any_text_is_parameters_or_a_fault(text: str) -> None:
    for read in (mail_parameters, rcpt_parameters):
        try:
            read(None, text)
        except BadArguments as fault:
            assert fault.reply.code in {501, 555}


@given(st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}([+-][0-9]{2}:[0-9]{2}|Z)"))
def test_any_time_is_a_time_or_a_fault(text: str) -> None:
    try:
        found = mail_parameters(None, f"HOLDUNTIL={text}").hold_until
    except BadArguments as fault:
        assert fault.reply.status == "5.5.4"
    else:
        assert found is not None


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_xtext_comes_back(text: str) -> None:
    encoded = "".join(f"+{octet:02X}" for octet in text.encode())
    assert decode_xtext(encoded) == text
