import contextlib
import re

import pytest
from hypothesis import given, strategies as st

from postroom.address import Address
from postroom.protocol.smtp import client_commands as commands
from postroom.protocol.smtp.client_commands import UnsafeArgument
from postroom.protocol.smtp.client_transaction import Recipient, Transaction
from postroom.protocol.smtp.commands import Auth, Bdat, Ehlo, Helo, Lhlo, Mail, Rcpt, Ret
from postroom.protocol.smtp.extensions import Extensions
from postroom.protocol.smtp.faults import BadCommand
from postroom.protocol.smtp.parse import decode_base64, parse_command

NONE = Extensions()
FULL = Extensions(
    size=0,
    eightbitmime=True,
    smtputf8=True,
    dsn=True,
    requiretls=True,
    auth=frozenset({"PLAIN"}),
)
BOB = Recipient(b"bob@mx.test")


def transaction(
    sender: bytes = b"a@c.test",
    *,
    utf8: bool = False,
    ret: Ret | None = None,
    envid: str | None = None,
) -> Transaction:
    return Transaction(
        sender=sender,
        recipients=(BOB,),
        size=1234,
        is_eightbit=True,
        needs_smtputf8=utf8,
        requiretls=True,
        ret=ret,
        envid=envid,
        disclaims_auth=True,
    )


def test_the_fixed_ones() -> None:
    assert commands.DATA == b"DATA\r\n"
    assert commands.RSET == b"RSET\r\n"
    assert commands.QUIT == b"QUIT\r\n"
    assert commands.STARTTLS == b"STARTTLS\r\n"
    assert commands.CANCEL == b"*\r\n"


def test_greetings() -> None:
    assert parse_command(commands.ehlo("c.test")[:-2]) == Ehlo("c.test")
    assert parse_command(commands.helo("[192.0.2.1]")[:-2]) == Helo("[192.0.2.1]")
    assert parse_command(commands.lhlo("c.test")[:-2]) == Lhlo("c.test")


@pytest.mark.parametrize("name", ["", "a b", "a\r\nQUIT", "a\0", "ä.test", "x" * 256, "a\x7f"])
def test_what_is_no_host_name(name: str) -> None:
    for verb in (commands.ehlo, commands.helo, commands.lhlo):
        with pytest.raises(UnsafeArgument):
            verb(name)


def test_parameters_are_written_where_they_are_offered() -> None:
    full = transaction(ret="HDRS", envid="QQ+2B1", utf8=True)
    assert commands.mail(full, NONE) == b"MAIL FROM:<a@c.test>\r\n"
    assert commands.mail(full, FULL) == (
        b"MAIL FROM:<a@c.test> SIZE=1234 BODY=8BITMIME SMTPUTF8 REQUIRETLS AUTH=<>"
        b" RET=HDRS ENVID=QQ+2B1\r\n"
    )
    bob = Recipient(b"bob@mx.test", notify="SUCCESS,DELAY", orcpt="rfc822;Bob+2B@mx.test")
    assert commands.rcpt(bob, NONE) == b"RCPT TO:<bob@mx.test>\r\n"
    assert commands.rcpt(bob, FULL) == (
        b"RCPT TO:<bob@mx.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+2B@mx.test\r\n"
    )


def test_nothing_is_written_that_was_not_asked_for() -> None:
    plain = Transaction(sender=b"", recipients=(BOB,))
    assert commands.mail(plain, FULL) == b"MAIL FROM:<>\r\n"
    assert commands.rcpt(BOB, FULL) == b"RCPT TO:<bob@mx.test>\r\n"


def test_our_own_server_reads_all_of_it() -> None:
    line = commands.mail(transaction(ret="FULL", envid="x"), FULL).replace(b" REQUIRETLS", b"")
    assert parse_command(line[:-2]) == Mail(
        Address.parse("a@c.test"), size=1234, body="8BITMIME", ret="FULL", envid="x", auth="<>"
    )
    bob = Recipient(b"bob@mx.test", notify="NEVER", orcpt="rfc822;b")
    assert parse_command(commands.rcpt(bob, FULL)[:-2]) == Rcpt(
        Address.parse("bob@mx.test"), notify="NEVER", orcpt="rfc822;b"
    )


@pytest.mark.parametrize(
    "address",
    [
        b"a@b.test",
        b"a.b+c=d@b.test",
        b"postmaster",
        b"a@[192.0.2.1]",
        b"a@[IPv6:2001:db8::1]",
        b'"a b"@c.test',
        b'"a>b"@c.test',
        b'"<>"@c.test',
        b'"a\\"b"@c.test',
        b'"a\\\\"@c.test',
        b'""@c.test',
        b"x" * 64 + b"@" + b"y" * 255,
    ],
)
def test_addresses_that_may_be_sent(address: bytes) -> None:
    assert commands.rcpt(Recipient(address), NONE) == b"RCPT TO:<%b>\r\n" % address
    assert commands.mail(transaction(address), NONE) == b"MAIL FROM:<%b>\r\n" % address


@pytest.mark.parametrize(
    "address",
    [
        b"a@b>\r\nRCPT TO:<x@y",
        b"a@b\r",
        b"a@b\n",
        b"a\0@b",
        b"a\x7f@b",
        b"a\t@b",
        b'"a\r\nb"@c',
        b'"a\0"@c',
        b"a@b>",
        b"<a@b",
        b"a@b> SIZE=1",
        b"a@b SIZE=1",
        b"a b@c",
        b" a@b",
        b'a"b@c',
        b'a"> "@c',
        b'"a',
        b'"a@b',
        b'"a\\"@b',
        b'"a\\',
        b'"',
        b'"a"b@c',
        b'"a""b"@c',
        b'"a"@c>',
        b'"a"@c d',
        b'"a"@"b"',
        b"a\\@b",
        "jörg@c.test".encode(),
        b"j\xf6rg@c.test",
        b"x" * 321,
    ],
)
def test_addresses_that_must_not_be_sent(address: bytes) -> None:
    with pytest.raises(UnsafeArgument) as caught:
        commands.rcpt(Recipient(address), FULL)
    assert str(caught.value).isprintable()
    with pytest.raises(UnsafeArgument):
        commands.mail(transaction(address), FULL)


def test_a_recipient_is_not_empty() -> None:
    with pytest.raises(UnsafeArgument, match="empty"):
        commands.rcpt(Recipient(b""), NONE)


def test_utf8_where_it_is_asked_for() -> None:
    jorg = "jörg@c.test".encode()
    assert commands.mail(transaction(jorg, utf8=True), FULL).startswith(b"MAIL FROM:<%b> " % jorg)
    assert commands.rcpt(Recipient(jorg), NONE, utf8=True) == b"RCPT TO:<%b>\r\n" % jorg
    with pytest.raises(UnsafeArgument, match="needs SMTPUTF8"):
        commands.mail(transaction(jorg, utf8=True), NONE)


@pytest.mark.parametrize(
    "address",
    [b"j\xf6rg@c.test", "a\u0085@c".encode(), "a\u2028@c".encode(), "ö@c>".encode(), b"\xc3@c"],
)
def test_utf8_that_must_not_be_sent(address: bytes) -> None:
    with pytest.raises(UnsafeArgument):
        commands.rcpt(Recipient(address), NONE, utf8=True)


@pytest.mark.parametrize("envid", ["", "a b", "a=b", "a+b", "a+2b", "é", "x" * 101, "a\r\nQUIT"])
def test_what_is_no_envid(envid: str) -> None:
    with pytest.raises(UnsafeArgument, match="ENVID"):
        commands.mail(transaction(envid=envid), FULL)


@pytest.mark.parametrize(
    "notify", ["", "ALWAYS", "NEVER,SUCCESS", "SUCCESS,SUCCESS", "SUCCESS DELAY", "DELAY\r\n"]
)
def test_what_is_no_notify(notify: str) -> None:
    with pytest.raises(UnsafeArgument, match="NOTIFY"):
        commands.rcpt(Recipient(b"a@b", notify=notify), FULL)


@pytest.mark.parametrize(
    "orcpt",
    ["", "a@b", ";a", "rfc822;", "rfc822;a b", "rfc822;a\r\nQUIT", "r c;a", "x;" + "y" * 500,
     "rfc822;\x7f", "utf-8;\u2028", "utf-8;\u0085", "rfc822;a=b"],
)  # fmt: skip
def test_what_is_no_orcpt(orcpt: str) -> None:
    with pytest.raises(UnsafeArgument, match="ORCPT"):
        commands.rcpt(Recipient(b"a@b", orcpt=orcpt), FULL)


def test_orcpt_is_written_as_the_transaction_allows() -> None:
    jorg = Recipient(b"a@b", orcpt="utf-8;jörg😀@c")
    assert commands.rcpt(jorg, FULL, utf8=True).decode() == (
        "RCPT TO:<a@b> ORCPT=utf-8;jörg😀@c\r\n"
    )
    assert commands.rcpt(jorg, FULL) == b"RCPT TO:<a@b> ORCPT=utf-8;j\\x{F6}rg\\x{1F600}@c\r\n"


def test_ret_that_no_type_checker_saw() -> None:
    with pytest.raises(UnsafeArgument, match="RET"):
        commands._ret("FULL\r\nQUIT")


def test_chunks() -> None:
    assert parse_command(commands.bdat(10, is_last=True)[:-2]) == Bdat(10, is_last=True)
    assert parse_command(commands.bdat(0, is_last=False)[:-2]) == Bdat(0, is_last=False)
    with pytest.raises(UnsafeArgument):
        commands.bdat(-1, is_last=True)


def test_auth() -> None:
    assert commands.auth("LOGIN") == b"AUTH LOGIN\r\n"
    assert commands.auth("X", b"") == b"AUTH X =\r\n"
    assert parse_command(commands.auth("PLAIN", b"\0a\0b")[:-2]) == Auth("PLAIN", b"\0a\0b")
    assert len(commands.auth("PLAIN", b"x" * 372)) <= 512
    with pytest.raises(UnsafeArgument, match="too long"):
        commands.auth("PLAIN", b"x" * 380)


@pytest.mark.parametrize("name", ["", "plain", "A B", "A\r\nB", "X" * 21])
def test_what_is_no_mechanism(name: str) -> None:
    with pytest.raises(UnsafeArgument):
        commands.auth(name)


def test_responses() -> None:
    assert commands.response(b"") == b"\r\n"
    assert decode_base64(commands.response(b"\0\xff")[:-2]) == b"\0\xff"
    assert len(commands.response(b"x" * 9213)) == 12_286
    with pytest.raises(UnsafeArgument, match="12288"):
        commands.response(b"x" * 9216)


PIECES = st.lists(
    st.sampled_from(
        [b"a", b"@", b"<", b">", b'"', b"\\", b" ", b"\r", b"\n", b"\0", b".", b"\xc3\xb6"]
    )
).map(b"".join)
TEXTS = st.text(st.sampled_from("aB1;+2B=,<> \r\n\0\x7fö\u2028")) | st.text(max_size=20)
LINE = re.compile(rb"(?:RCPT TO|MAIL FROM):<[^\r\n\0]*>(?: [!-~\x80-\xff]+)*\r\n")


@given(PIECES | st.binary(max_size=30), TEXTS, TEXTS, st.booleans())
def test_whatever_is_sent_is_one_line(address: bytes, one: str, two: str, utf8: bool) -> None:
    lines: list[bytes] = []
    for recipient in (
        Recipient(address, one, two),
        Recipient(address, None, two),
        Recipient(address),
    ):
        with contextlib.suppress(UnsafeArgument):
            lines.append(commands.rcpt(recipient, FULL, utf8=utf8))
    for envid in (one, None):
        with contextlib.suppress(UnsafeArgument):
            lines.append(commands.mail(transaction(address, utf8=utf8, envid=envid), FULL))
    for line in lines:
        assert LINE.fullmatch(line)
        assert b"<%b>" % address in line


@given(PIECES)
def test_our_own_server_sees_the_same_address(address: bytes) -> None:
    try:
        line = commands.rcpt(Recipient(address), NONE, utf8=True)
        command = parse_command(line[:-2], utf8=True)
    except (UnsafeArgument, BadCommand):
        return
    assert isinstance(command, Rcpt)
    if command.recipient is not None and not address.startswith(b"@"):  # a source route
        assert command.recipient == Address.parse(address.decode())
