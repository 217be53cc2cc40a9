import pytest
from hypothesis import given, strategies as st

from postroom.address import Address
from postroom.protocol.smtp.commands import (
    Auth,
    Bdat,
    Burl,
    Command,
    Data,
    Ehlo,
    Expn,
    Help,
    Mail,
    Noop,
    Quit,
    Rcpt,
    StartTls,
    Verb,
    Vrfy,
)
from postroom.protocol.smtp.faults import BadArguments, UnknownVerb
from postroom.protocol.smtp.parse import decode_base64, parse_command

ALICE = Address.parse("alice@local.test")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"DATA", Data()),
        (b"data  ", Data()),
        (b"DATA\t", Data()),
        (b"RCPT TO:<alice@local.test> \t ", Rcpt(ALICE)),
        (b"VRFY alice\t", Vrfy("alice")),
        (b"QUIT", Quit()),
        (b"StartTLS", StartTls()),
        (b"EHLO client.test", Ehlo("client.test")),
        (b"EHLO [IPv6:::1]", Ehlo("[IPv6:::1]")),
        (b"MAIL FROM:<>", Mail(None)),
        (b"MAIL FROM:<alice@local.test>", Mail(ALICE)),
        (b"mail from: <alice@LOCAL.test> ", Mail(ALICE)),
        (b"MAIL FROM:<@a,@b:alice@local.test> SIZE=5", Mail(ALICE, size=5)),
        (b"RCPT TO:<alice@local.test>", Rcpt(ALICE)),
        (b"RCPT TO:<pOsTmAsTeR>", Rcpt(None)),
        (b'RCPT TO:<"a>b"@local.test>', Rcpt(Address.parse('"a>b"@local.test'))),
        (b'RCPT TO:<"a\\">b"@local.test>', Rcpt(Address.parse('"a\\">b"@local.test'))),
        (b"BDAT 0", Bdat(0, False)),
        (b"burl imap://a@b/c;UID=1", Burl("imap://a@b/c;UID=1", False)),
        (b"BURL imap://a@b/c  Last", Burl("imap://a@b/c", True)),
        (b"BURL LAST", Burl("LAST", False)),
        (b"bdat 00012  last", Bdat(12, True)),
        (b"NOOP what ever", Noop()),
        (b"HELP mail", Help("MAIL")),
        (b"HELP", Help()),
        (b"VRFY Alice Liddell", Vrfy("Alice Liddell")),
        ("VRFY Jörg smtputf8".encode(), Vrfy("Jörg", utf8=True)),
        (b"EXPN team SMTPUTF8", Expn("team", utf8=True)),
        (b"VERB", Verb()),
        (b"VERB off", Verb(is_on=False)),
        (b"AUTH plain", Auth("PLAIN")),
        (b"AUTH PLAIN =", Auth("PLAIN", b"")),
        (b"AUTH PLAIN AGEAYg==", Auth("PLAIN", b"\0a\0b")),
    ],
)
def test_lines(line: bytes, command: Command) -> None:
    assert parse_command(line) == command


@pytest.mark.parametrize(
    ("line", "code", "status"),
    [
        (b"MAIL", 501, "5.5.4"),
        (b"MAIL TO:<a@b.test>", 501, "5.5.4"),
        (b"MAIL FROM:", 501, "5.5.4"),
        (b"MAIL FROM:<a@b.test", 501, "5.5.4"),
        (b"MAIL FROM:<a@b.test>x", 501, "5.5.4"),
        (b"MAIL FROM:<a@b_ c.test>", 553, "5.1.7"),
        (b"MAIL FROM:<" + b"a" * 65 + b"@b.test>", 553, "5.1.7"),
        (b"MAIL FROM:<a@b\x01.test>", 501, "5.5.2"),
        (b"MAIL FROM:<\xff@b.test>", 553, "5.6.7"),
        (b"MAIL FROM:<\xff@b.test> SMTPUTF8", 501, "5.5.4"),
        ("MAIL FROM:<a\u0085@b.test> SMTPUTF8".encode(), 501, "5.5.2"),
        ("MAIL FROM:<a\u202e@b.test> SMTPUTF8".encode(), 553, "5.1.7"),
        (b"RCPT TO:<@a:>", 501, "5.5.4"),
        (b"RCPT TO:<@a b:c@d>", 501, "5.5.4"),
        (b"RCPT TO:<a,@b:c@d>", 553, "5.1.3"),
        (b"RCPT TO:<@a:@b:c@d>", 553, "5.1.3"),
        (b"RCPT TO:<a@b@c>", 553, "5.1.3"),
        (b"EHLO", 501, "5.5.4"),
        (b"EHLO a(b)", 501, "5.5.4"),
        (b"EHLO " + b"x" * 256, 501, "5.5.4"),
        (b"EHLO \xff", 501, "5.5.4"),
        (b"NOOP \x7f", 501, "5.5.2"),
        (b"NOOP \xff", 501, "5.5.2"),
        (b"DATA now", 501, "5.5.4"),
        (b"VRFY", 501, "5.5.4"),
        (b"VRFY \xc3\xb6", 553, "5.6.7"),
        (b"VRFY \xff SMTPUTF8", 501, "5.5.4"),
        (b"AUTH", 501, "5.5.4"),
        (b"AUTH a b c", 501, "5.5.4"),
        (b"AUTH PLAIN a", 501, "5.5.2"),
        (b"AUTH PLAIN AA=A", 501, "5.5.2"),
        (b"AUTH PL/AIN", 501, "5.5.4"),
        (b"VERB x", 501, "5.5.4"),
        (b"FOO\0", 501, "5.5.2"),
        (b"\xff\xfe", 501, "5.5.2"),
    ],
)
def test_arguments_that_make_no_sense(line: bytes, code: int, status: str) -> None:
    with pytest.raises(BadArguments) as caught:
        parse_command(line)
    assert (caught.value.reply.code, caught.value.reply.status) == (code, status)
    assert caught.value.last is None


@pytest.mark.parametrize(
    "line",
    [
        b"BDAT",
        b"BDAT x",
        b"BDAT -1",
        b"BDAT 1 FIRST",
        b"BDAT 1 LAST x",
        b"BDAT 1\x00",
        b"BDAT \xff",
        b"BDAT 9223372036854775808",
        b"BDAT 99999999999999999999",
        b"BDAT 1e3",
        b"BURL",
        b"BURL a b",
        b"BURL a LAST LAST",
        b"BURL \xc3\xb6",
        b"BURL a\x00",
        b"BDAT\xa01",
    ],
)
def test_a_chunk_of_unknown_size_is_fatal(line: bytes) -> None:
    with pytest.raises((BadArguments, UnknownVerb)) as caught:
        parse_command(line)
    assert caught.value.last is not None or not line.startswith(b"BDAT ")


def test_the_largest_chunk() -> None:
    assert parse_command(b"BDAT 9223372036854775807") == Bdat((1 << 63) - 1, False)


@pytest.mark.parametrize("line", [b"", b"   ", b"FOO", b"EHLOx", b"MAILFROM:<a@b>", b"A" * 2000])
def test_unknown_verbs(line: bytes) -> None:
    with pytest.raises(UnknownVerb):
        parse_command(line)


def test_utf8_in_rcpt_follows_the_transaction() -> None:
    line = "RCPT TO:<jörg@local.test>".encode()
    assert parse_command(line, utf8=True) == Rcpt(Address.parse("jörg@local.test"))
    with pytest.raises(BadArguments):
        parse_command(line)


WORDS = [b"MAIL", b"RCPT", b"FROM:", b"TO:", b"<", b">", b"@", b'"', b"\\", b":", b",", b"SIZE="]
WORDS += [b"BDAT", b"AUTH", b"VRFY", b"EHLO", b"SMTPUTF8", b"\xc3\xb6", b"\xff", b"\0", b" ", b"a"]
WORDS += [b"b.test", b"1", b"LAST", b"NOTIFY=", b"ORCPT=rfc822;", b"HELP", b"VERB", b"=", b"+2B"]


@given(
    st.one_of(st.binary(max_size=80), st.lists(st.sampled_from(WORDS)).map(b"".join)), st.booleans()
)
def test_any_octets_are_a_command_or_a_fault(line: bytes, utf8: bool) -> None:
    try:
        command = parse_command(line, utf8=utf8)
    except (UnknownVerb, BadArguments) as fault:
        assert 500 <= fault.reply.code <= 555
    else:
        assert command.verb.encode() == line.partition(b" ")[0].upper()


@given(st.lists(st.sampled_from([*WORDS[:12], b"a", b"b.test", b" "])).map(b"".join))
def test_an_accepted_path_is_what_it_says(path: bytes) -> None:
    """What stands in the brackets, read again as an address, is the same mailbox."""
    try:
        command = parse_command(b"RCPT TO:<" + path + b">")
    except (BadArguments, UnknownVerb):
        return
    assert isinstance(command, Rcpt)
    if command.recipient is not None:
        again = parse_command(f"RCPT TO:<{command.recipient}>".encode())
        assert again == Rcpt(command.recipient)


def test_base64_is_strict() -> None:
    assert decode_base64(b"") == b""
    for bad in (b"A", b"AA", b"A A=", b"AAA=\n", b"=", b"AA==AA==", b"\xff"):
        with pytest.raises(BadArguments):
            decode_base64(bad)
