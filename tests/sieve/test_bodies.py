import pytest

from postroom.message.scan import scan
from postroom.sieve.bodies import plain
from postroom.sieve.letter import Letter
from tests.sieve.desk import holds, letter, outcome, problems, value

LETTER = (
    b"Subject: x\r\nContent-Type: multipart/mixed; boundary=A\r\n\r\n"
    b"before\r\n"
    b"--A\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe, the first\r\n"
    b"--A\r\nContent-Type: text/html\r\n\r\n<p>the <b>sec</b>ond &amp; <!-- not --> last</p>\r\n"
    b"--A\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nc2VjcmV0\r\n"
    b"--A\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nthe inner text\r\n"
    b"--A--\r\nafter\r\n"
)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('body :contains "Grüße"', True),
        ('body :text :contains "GRüßE, THE first"', True),
        ('body :contains "second & "', True),
        ('body :contains "not"', False),
        ('body :contains "secret"', False),
        ('body :contains "inner text"', True),
        ('body :contains "before"', False),
        ('body :raw :contains "Gr=FC"', True),
        ('body :raw :contains "c2VjcmV0"', True),
        ('body :raw :contains "before"', True),
        ('body :raw :contains "Subject: x"', False),
        ('body :raw :matches "before*after*"', True),
        ('body :content "text" :contains "<b>"', True),
        ('body :content "text/html" :contains "Grü"', False),
        ('body :content "TEXT/Plain" :contains "Grü"', True),
        ('body :content "text/pla" :contains "Grü"', False),
        ('body :content "application" :is "secret"', True),
        ('body :content "multipart" :is "before"', True),
        ('body :content "multipart/mixed" :matches "after*"', True),
        ('body :content "multipart" :contains "--A"', False),
        ('body :content "message/rfc822" :contains "Subject: inner"', True),
        ('body :content "message" :contains "inner text"', False),
        ('body :content "" :contains "secret"', True),
        ('body :content ["image", "text"] :contains "inner text"', True),
    ],
)
def test_body(test: str, expected: bool) -> None:
    assert holds(test, LETTER, require="body") is expected


def test_wildcards_set_no_variables() -> None:
    before = 'if body :raw :matches "*first*" { set "hit" "yes"; }'
    assert value(before, "${hit}[${1}]", LETTER, require="body") == "yes[]"


def test_of_a_large_letter_the_beginning_is_looked_at() -> None:
    whole = letter(LETTER)
    part = scan(LETTER)
    cut = Letter(head=whole.head, part=part, body=whole.body[:100], size=9999, is_whole=False)
    script = 'require "body"; if body :contains "%s" { discard; }'
    found = outcome(script % "inner", cut)
    assert found.is_partial
    assert found.actions == outcome("").actions
    assert outcome(script % "zzz", whole).is_partial is False
    assert outcome('if header "subject" "x" { }', cut).is_partial is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a<br>b", "ab"),
        ("1 < 2 &lt; 3 <3", "1 < 2 < 3 <3"),
        ("<script>x</script>y<STYLE a=b>z</style >w", "yw"),
        ("<script>open", ""),
        ("a<!-- open <b>", "a"),
        ("a<b open", "a"),
        ("&#228;&nbsp;", "ä\xa0"),
    ],
)
def test_html(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize("piece", ["<script>", "<!--", "<a", "<", "&", "<div>", "</script"])
def test_html_is_read_in_linear_time(piece: str) -> None:
    """A quadratic reader would take hours."""
    assert len(plain(piece * 200_000)) <= len(piece) * 200_000


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ('extracttext "t";', "the second &  last"),
        ('extracttext :first 7 "t";', "the sec"),
        ('extracttext :upper :first 3 "t";', "THE"),
        ('extracttext :length "t";', "18"),
    ],
)
def test_extracttext(command: str, expected: str) -> None:
    needed = "mime foreverypart extracttext"
    loop = f"""foreverypart {{
        if header :mime :subtype "content-type" "html" {{ {command} break; }}
    }}"""
    assert value(loop, "${t}", LETTER, require=needed) == expected


def test_parts_without_text_give_none() -> None:
    loop = 'set "t" "x"; foreverypart { extracttext "t"; set "all" "${all}[${t}]"; }'
    found = value(loop, "${all}", LETTER, require="foreverypart extracttext")
    assert found == "[][Grüße, the first][the second &  last][][][the inner text]"


def test_extracttext_belongs_into_a_loop() -> None:
    script = 'require ["extracttext", "variables"];\nextracttext "t";'
    assert problems(script) == ["2:1 extracttext: it works only inside foreverypart"]
