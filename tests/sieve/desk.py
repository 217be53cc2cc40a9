"""Letters, and scripts run on them, for the tests of this package."""

from collections.abc import Mapping
from typing import Final

from postroom.message import headers
from postroom.message.scan import scan
from postroom.sieve.actions import Action, FileInto, Keep, Outcome
from postroom.sieve.compiler import compile_script
from postroom.sieve.interpreter import run
from postroom.sieve.letter import Environment, Letter
from postroom.sieve.limits import Limits
from postroom.sieve.problems import ScriptError
from postroom.sieve.questions import Answer, Question
from tests.sieve.answers import run_with

NOW: Final = 1_790_000_000_123  # Mon, 21 Sep 2026 14:13:20 +0000
HERE: Final = Environment(now=NOW)

SIMPLE: Final = (
    b"Received: from a.example by b.example; Mon, 21 Sep 2026 14:13:10 +0000\r\n"
    b"From: Alice Example <alice+news@example.org>\r\n"
    b'To: Bob <bob@example.com>, "Carol, C." <carol@example.com>\r\n'
    b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= from\r\n Alice\r\n"
    b"Date: Mon, 21 Sep 2026 16:13:00 +0200\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"X-Empty:\r\n"
    b"\r\n"
    b"one\r\ntwo\r\n"
)


def letter(
    octets: bytes = SIMPLE,
    *,
    sender: str = "alice+news@example.org",
    recipient: str = "bob@example.com",
    auth: str = "",
    spam: int | None = None,
    virus: int | None = None,
) -> Letter:
    head, body = headers.split(octets)
    return Letter(
        head=head,
        part=scan(octets),
        body=body,
        size=len(octets),
        sender=sender,
        recipient=recipient,
        auth=auth,
        spam=spam,
        virus=virus,
    )


def outcome(
    script: str,
    about: Letter | bytes = SIMPLE,
    *,
    answers: Mapping[Question, Answer] | None = None,
    asked: list[Question] | None = None,
    environment: Environment = HERE,
    limits: Limits | None = None,
) -> Outcome:
    """What a script comes to; LF in it is fine."""
    if limits is not None:
        environment = Environment(now=environment.now, limits=limits)
    about = about if isinstance(about, Letter) else letter(about)
    compiled = compile_script(script.encode())
    return run_with(run(compiled, about, environment), answers or {}, asked)


def actions(
    script: str,
    about: Letter | bytes = SIMPLE,
    *,
    answers: Mapping[Question, Answer] | None = None,
) -> tuple[Action, ...]:
    """The actions of a script that does not fail."""
    found = outcome(script, about, answers=answers)
    assert found.error is None, found.error
    return found.actions


def holds(
    test: str,
    about: Letter | bytes = SIMPLE,
    *,
    require: str = "",
    before: str = "",
    answers: Mapping[Question, Answer] | None = None,
    environment: Environment = HERE,
) -> bool:
    """Whether a test is true; ``require`` names extensions, with blanks between them."""
    needed = ", ".join(f'"{name}"' for name in ["fileinto", *require.split()])
    found = outcome(
        f'require [{needed}];\n{before}\nif {test} {{ fileinto "yes"; }}',
        about,
        answers=answers,
        environment=environment,
    )
    assert found.error is None, found.error
    (action,) = found.actions
    assert isinstance(action, FileInto | Keep)
    return isinstance(action, FileInto)


def value(before: str, text: str, about: Letter | bytes = SIMPLE, *, require: str = "") -> str:
    """What a string with variables comes to after some commands."""
    needed = ", ".join(f'"{name}"' for name in ["fileinto", "variables", *require.split()])
    (action,) = actions(f'require [{needed}];\n{before}\nfileinto "{text}";', about)
    assert isinstance(action, FileInto)
    return action.mailbox


def problems(script: str | bytes) -> list[str]:
    """What is wrong with a script, ``line:column text``; [] when nothing is."""
    octets = script if isinstance(script, bytes) else script.encode()
    try:
        compile_script(octets)
    except ScriptError as error:
        return [f"{one.line}:{one.column} {one.text}" for one in error.problems]
    return []
