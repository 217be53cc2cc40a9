"""What attackers write in command lines, and the edges that the files by module leave open."""

import pytest
from hypothesis import given, strategies as st

from postroom.address import Address
from postroom.protocol.smtp import commands as c, replies
from postroom.protocol.smtp.commands import Command, Mail, Rcpt
from postroom.protocol.smtp.faults import BadArguments, BadCommand, UnknownVerb
from postroom.protocol.smtp.help import help_reply
from postroom.protocol.smtp.parameters import mail_parameters
from postroom.protocol.smtp.parse import parse_command
from postroom.protocol.smtp.replies import MAX_TEXT, Reply, reply
from postroom.protocol.smtp.settings import Settings
from postroom.protocol.smtp.standing import Standing
from postroom.protocol.smtp.states import TRANSITIONS, State

VERBS = sorted(kind.verb for kind in Command.__subclasses__())


def refusal(line: bytes, *, utf8: bool = False) -> Reply:
    with pytest.raises(BadArguments) as caught:
        parse_command(line, utf8=utf8)
    return caught.value.reply


@pytest.mark.parametrize(
    ("path", "local", "domain"),
    [
        # a source route is forgotten (RFC 5321 appendix C): only the last address counts
        ("<@local.test,@b.test:v@other.test>", "v", "other.test"),
        ("<@evil.test:user@local.test>", "user", "local.test"),
        # nothing is rewritten: the domain is what follows the last @
        ("<v%other.test@local.test>", "v%other.test", "local.test"),
        ("<other.test!v@local.test>", "other.test!v", "local.test"),
        # a dequoted local part is never read again
        ('<"v@other.test"@local.test>', "v@other.test", "local.test"),
        ('<"v%other.test"@local.test>', "v%other.test", "local.test"),
        ('<@evil.test:"v@other.test"@local.test>', "v@other.test", "local.test"),
        ('<"user"@local.test>', "user", "local.test"),
        ('<"us\\er"@local.test>', "user", "local.test"),
        ('<"a\\"> SIZE=1"@local.test>', 'a"> SIZE=1', "local.test"),
        # one canonical form before any decision
        ("<v@[127.0.0.1]>", "v", "[127.0.0.1]"),
        ("<v@OTHER.test.>", "v", "other.test"),
        # nothing is expanded
        ("<${run{id}}@local.test>", "${run{id}}", "local.test"),
        ('<"\' OR 1=1--"@local.test>', "' OR 1=1--", "local.test"),
        ('<";id;"@local.test>', ";id;", "local.test"),
    ],
)
def test_a_recipient_means_what_it_says(path: str, local: str, domain: str) -> None:
    command = parse_command(f"RCPT TO:{path}".encode())
    assert isinstance(command, Rcpt)
    assert command.recipient is not None
    assert (command.recipient.local, command.recipient.domain.ascii) == (local, domain)


@pytest.mark.parametrize(
    "path", ['""@local.test', ";id;@local.test", "*)(uid=*@local.test", "a@b@c"]
)
def test_what_is_no_address_is_refused_for_good(path: str) -> None:
    for line in (f"MAIL FROM:<{path}>", f"RCPT TO:<{path}>"):
        assert refusal(line.encode()).code == 553


@pytest.mark.parametrize("route", ["@relay.test:", "@a.test,@b.test:"])
def test_a_route_to_nobody_is_no_null_sender(route: str) -> None:
    assert refusal(f"MAIL FROM:<{route}>".encode()) is replies.MAIL_SYNTAX
    assert refusal(f"RCPT TO:<{route}>".encode()) is replies.RCPT_SYNTAX


def test_postmaster_without_domain_gets_mail_and_sends_none() -> None:
    assert parse_command(b"RCPT TO:<Postmaster> NOTIFY=NEVER") == Rcpt(None, notify="NEVER")
    assert parse_command(b"RCPT TO:<postmaster@local.test>") == Rcpt(
        Address.parse("postmaster@local.test")
    )
    assert refusal(b"MAIL FROM:<Postmaster>").status == "5.1.7"


@pytest.mark.parametrize("octet", [*range(32), 127])
def test_control_characters_stand_nowhere(octet: int) -> None:
    middle = bytes([octet])
    for line in (
        b"MAIL FROM:<a%bb@x.test>",
        b'RCPT TO:<"a%bb"@x.test>',
        b"MAIL FROM:<a@x.test>%bSIZE=1",
        b"EHLO a%bb",
        b"VRFY a%bb",
        b"VRFY a SMTPUTF8%b!",
        b"HELP MAIL%b!",
        b"NOOP %b!",
        b"AUTH PLAIN%b=",
    ):
        assert refusal(line % middle) is replies.CONTROL_CHARACTER
    wide = b"RCPT TO:<\xc3\xb8%b@x.test>" % middle
    assert refusal(wide, utf8=True) is replies.CONTROL_CHARACTER


@pytest.mark.parametrize(
    "line",
    [
        "MAIL FROM:<ø@local.test>",
        'MAIL FROM:<"a SMTPUTF8 ø"@local.test>',
        'MAIL FROM:<"a SMTPUTF8 b"@ø.test>',
        'MAIL FROM:<"a SMTPUTF8 ø"@local.test> SIZE=5',
        "MAIL FROM:<ø@local.test> SMTPUTF8=1",
        "MAIL FROM:<ø@local.test> XSMTPUTF8",
    ],
)
def test_the_word_smtputf8_counts_only_as_a_parameter(line: str) -> None:
    for utf8 in (False, True):
        assert refusal(line.encode(), utf8=utf8) is replies.NEEDS_SMTPUTF8


PIECES = st.lists(
    st.sampled_from(
        [b"<", b">", b"@", b":", b",", b" ", b'"', b"\\", b"a", b"b.test", b"SIZE=5", b"SMTPUTF8"]
        * 2
        + [b"\xc3\xb8", b"\xff", b"\0", b"=", b"[1.2.3.4]", b"xn--", b"\xe2\x80\xa8", b"BODY=7BIT"]
    )
).map(b"".join)


@given(PIECES, PIECES)
def test_a_mail_without_smtputf8_is_ascii(path: bytes, rest: bytes) -> None:
    line = b"MAIL FROM:<" + path + b"> " + rest
    try:
        command = parse_command(line, utf8=True)
    except BadCommand:
        return
    assert isinstance(command, Mail)
    assert command.smtputf8 or line.isascii()


@given(
    st.binary(max_size=80)
    | st.tuples(st.sampled_from(VERBS), st.binary(max_size=60) | PIECES).map(
        lambda pair: pair[0].encode() + b" " + pair[1]
    ),
    st.booleans(),
)
def test_the_refusal_of_any_octets_is_well_formed(line: bytes, utf8: bool) -> None:
    try:
        parse_command(line, utf8=utf8)
    except (UnknownVerb, BadArguments) as fault:
        assert fault.reply.is_permanent
        for part in fault.reply.encode(utf8=utf8).removesuffix(b"\r\n").split(b"\r\n"):
            assert len(part) <= 510
            assert not set(part) & {0, 0x0A, 0x0D}


@given(
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=30),
    st.sampled_from(["local.test", "[192.0.2.1]", "sub.example.org"]),
)
def test_a_quoted_local_part_hides_nothing(local: str, domain: str) -> None:
    quoted = local.replace("\\", "\\\\").replace('"', '\\"')
    command = parse_command(f'RCPT TO:<"{quoted}"@{domain}> NOTIFY=NEVER'.encode())
    assert isinstance(command, Rcpt)
    assert command.notify == "NEVER"
    assert command.recipient is not None
    assert (command.recipient.local, str(command.recipient.domain)) == (local, domain)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("00000000000000000001", 1),
        ("9223372036854775808", 1 << 63),
        ("99999999999999999999", 10**20 - 1),
        ("100000000000000000000", None),
        ("9" * 500, None),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("0x10", None),
        ("1_000", None),
        ("²", None),
    ],
)
def test_sizes_of_up_to_twenty_digits(text: str, size: int | None) -> None:
    """RFC 1870 §4: what is far too big is no error of syntax."""
    if size is not None:
        assert mail_parameters(None, f"SIZE={text}").size == size
        return
    with pytest.raises(BadArguments) as caught:
        mail_parameters(None, f"SIZE={text}")
    assert caught.value.reply.code == 501


@pytest.mark.parametrize("text", ["SIZE=1\u3000SMTPUTF8", "SIZE=1\u2028SMTPUTF8", "ſize=1"])
def test_letters_that_look_like_ascii_are_none(text: str) -> None:
    with pytest.raises(BadArguments) as caught:
        mail_parameters(None, text)
    assert caught.value.reply.code == 501


@pytest.mark.parametrize("letter", ["a", "é", "日", "😀"])
@pytest.mark.parametrize("utf8", [False, True])
def test_lines_of_a_reply_have_512_octets_in_any_script(letter: str, utf8: bool) -> None:
    octets = reply(550, "5.1.1", letter * 2000).encode(utf8=utf8)
    lines = octets.removesuffix(b"\r\n").split(b"\r\n")
    assert max(map(len, lines)) <= 510
    shown = letter if utf8 or letter == "a" else "?"
    assert b"".join(line[10:] for line in lines).decode() == shown * 2000
    assert len(reply(250, "2.0.0", "a" * MAX_TEXT).encode()) <= 512


@pytest.mark.parametrize("verb", VERBS)
def test_help_fits_its_lines_and_names_no_software(verb: str) -> None:
    octets = help_reply(verb, VERBS).encode()
    assert octets.isascii()
    assert max(map(len, octets.splitlines())) <= 510
    assert b"postroom" not in octets.lower()
    assert b"version" not in octets.lower()


def test_help_on_mail_shows_syntax_and_example() -> None:
    text = "\n".join(help_reply("MAIL", VERBS).lines)
    for part in ("MAIL FROM:<", "SIZE=", "BODY=", "SMTPUTF8", "RET=", "ENVID=", "Example: MAIL"):
        assert part in text


ALWAYS = {"EHLO", "HELO", "LHLO", "RSET", "NOOP", "QUIT", "HELP", "VRFY", "EXPN", "VERB"}


@pytest.mark.parametrize(
    ("state", "further", "after_rset"),
    [
        (State.CONNECTED, set(), State.CONNECTED),
        (State.READY, {"MAIL", "AUTH", "STARTTLS"}, State.READY),
        (State.SENDER, {"RCPT"}, State.READY),
        (State.RECIPIENTS, {"RCPT", "DATA", "BDAT", "BURL"}, State.READY),
        (State.CHUNKS, {"BDAT", "BURL"}, State.READY),
        (State.FAILED, set(), State.READY),
    ],
)
def test_what_is_legal_and_what_rset_forgets(
    state: State, further: set[str], after_rset: State
) -> None:
    row = TRANSITIONS[state]
    assert {kind.verb for kind in row} == ALWAYS | further
    assert row[c.Rset] is after_rset
    assert {row[kind] for kind in (c.Ehlo, c.Helo, c.Lhlo)} == {State.READY}


def test_where_success_leads() -> None:
    leads = {
        (state, kind.verb): after
        for state, row in TRANSITIONS.items()
        for kind, after in row.items()
        if kind.verb not in ALWAYS
    }
    assert leads == {
        (State.READY, "MAIL"): State.SENDER,
        (State.READY, "AUTH"): State.READY,
        (State.READY, "STARTTLS"): State.CONNECTED,
        (State.SENDER, "RCPT"): State.RECIPIENTS,
        (State.RECIPIENTS, "RCPT"): State.RECIPIENTS,
        (State.RECIPIENTS, "DATA"): State.CONTENT,
        (State.RECIPIENTS, "BDAT"): State.CHUNKS,
        (State.CHUNKS, "BDAT"): State.CHUNKS,
        (State.RECIPIENTS, "BURL"): State.CHUNKS,
        (State.CHUNKS, "BURL"): State.CHUNKS,
    }


def test_starttls_is_not_demanded_where_a_login_works_without() -> None:
    settings = Settings(hostname="mx.test", auth="plain", offers_tls=True, requires_login=True)
    client = Standing(settings, has_tls=False, is_trusted=False)
    assert client.refusal(Mail(None)) is replies.LOGIN_FIRST
