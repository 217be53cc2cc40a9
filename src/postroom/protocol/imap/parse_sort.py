"""Reading SORT and THREAD (RFC 5256 §5, RFC 5267 §5)."""

from postroom.protocol.imap import commands
from postroom.protocol.imap.commands import Command
from postroom.protocol.imap.parse_return import read_returns
from postroom.protocol.imap.parse_search import read_criteria_in_charset
from postroom.protocol.imap.sort import Algorithm, Criterion, SortKey
from postroom.protocol.imap.tokens import BadSyntax, Reader


def parse_sort(reader: Reader, *, by_uid: bool = False) -> Command:
    returns = read_returns(reader)
    program = _program(reader)
    reader.space()
    return commands.Sort(program, read_criteria_in_charset(reader), by_uid, returns)


def parse_thread(reader: Reader, *, by_uid: bool = False) -> Command:
    name = reader.word()
    reader.space()
    try:
        algorithm = Algorithm(name)
    except ValueError:
        raise BadSyntax("There is no such algorithm") from None
    return commands.Thread(algorithm, read_criteria_in_charset(reader), by_uid)


def _program(reader: Reader) -> tuple[Criterion, ...]:
    """The criteria, the first decides; a key that comes again decides nothing."""
    reader.expect(b"(")
    program: dict[SortKey, Criterion] = {}
    while True:
        criterion = _criterion(reader)
        program.setdefault(criterion.key, criterion)
        if reader.skip(b")"):
            return tuple(program.values())
        reader.space()


def _criterion(reader: Reader) -> Criterion:
    name = reader.word()
    is_reverse = name == b"REVERSE"
    if is_reverse:
        reader.space()
        name = reader.word()
    try:
        return Criterion(SortKey(name), is_reverse)
    except ValueError:
        raise BadSyntax("There is no such sort key") from None
