"""Aggregate reports of others, from XML that anybody may have written.

No document type is allowed, so there are no entities to expand; depth, elements, text and
records are bounded. Elements that are not known are passed over and not kept, a namespace does
not matter, and what is missing is empty: reports in the wild keep to no schema.

RFC 9990 §3.1, RFC 7489 appendix C; threat D9.
"""

from typing import Final
from xml.parsers import expat

from postroom.mailauth.feedback import Dkim, Published, Record, Report, Row, Spf

MAX_RECORDS: Final = 50_000
MAX_DEPTH: Final = 20
MAX_ELEMENTS: Final = 2_000_000
MAX_TEXT: Final = 500  # characters of a value
MAX_SECONDS: Final = 1 << 40
_LISTED: Final = 20  # results of one kind in a record

_KEPT: Final = frozenset(
    {
        *("report_metadata/org_name", "report_metadata/email", "report_metadata/report_id"),
        *("report_metadata/date_range/begin", "report_metadata/date_range/end"),
        *[f"policy_published/{one}" for one in ("domain", "p", "sp", "np")],
        *[f"policy_published/{one}" for one in ("adkim", "aspf", "testing")],
        *("record/row/source_ip", "record/row/count", "record/row/policy_evaluated/reason/type"),
        *[f"record/row/policy_evaluated/{one}" for one in ("disposition", "dkim", "spf")],
        *("record/identifiers/header_from", "record/identifiers/envelope_from"),
        *[f"record/auth_results/dkim/{one}" for one in ("domain", "selector", "result")],
        *[f"record/auth_results/spf/{one}" for one in ("domain", "selector", "result")],
    }
)


class BadReport(ValueError):
    """The octets are no report; the message says why."""


def read(octets: bytes) -> Report:
    """Read a report; raises BadReport."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ", intern=None)  # keeps no names
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EntityDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(octets, True)
    except expat.ExpatError as error:
        raise BadReport(f"it is no XML: {error}") from None
    except BadReport:
        raise
    except (LookupError, ValueError) as error:  # of an encoding that nobody knows
        raise BadReport(f"its octets can't be read: {error}") from None
    return reader.report()


class _Reader:
    """Collects the values of paths such as ``record/row/count``."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._values: dict[str, list[str]] = {}
        self._head: dict[str, list[str]] = {}
        self._records: list[Record] = []
        self._text = ""
        self._elements = 0
        self._is_feedback = False

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self._elements += 1
        self._path.append(name.rpartition(" ")[2])
        if len(self._path) > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise BadReport("it is too deep or has too many elements")
        if len(self._path) == 1:
            self._is_feedback = self._path == ["feedback"]
        elif self._path == ["feedback", "record"]:
            self._head, self._values = self._head or self._values, {}
        elif self._path[:3] == ["feedback", "record", "auth_results"] and len(self._path) == 4:
            for part in ("domain", "selector", "result"):  # each has all of them, if empty
                key = "/".join([*self._path[1:], part])
                values = self._values.setdefault(key, []) if key in _KEPT else None
                if values is not None and len(values) <= _LISTED:
                    values.append("")
        self._text = ""

    def text(self, octets: str) -> None:
        if len(self._text) < MAX_TEXT:
            self._text += octets

    def end(self, _name: str) -> None:
        text = "".join([one if one.isprintable() else " " for one in self._text[:MAX_TEXT]])
        key = "/".join(self._path[1:])
        values = self._values.setdefault(key, []) if text.strip() and key in _KEPT else None
        if values is not None and len(values) <= _LISTED:
            if self._path[1:3] == ["record", "auth_results"] and values:
                values[-1] = text.strip()
            else:
                values.append(text.strip())
        if self._path == ["feedback", "record"]:
            if len(self._records) >= MAX_RECORDS:
                raise BadReport(f"it has more than {MAX_RECORDS} records")
            self._records.append(self._record())
        self._path.pop()
        self._text = ""

    def report(self) -> Report:
        """All of it; raises BadReport."""
        if not self._is_feedback:
            raise BadReport("it has no feedback element")
        head = self._head or self._values

        def value(key: str) -> str:
            return head.get(key, [""])[0]

        domain = value("policy_published/domain").lower().rstrip(".")
        ident = value("report_metadata/report_id")
        if not domain or not ident:
            raise BadReport("it names no domain or has no identifier")
        return Report(
            organization=value("report_metadata/org_name") or "unknown",
            contact=value("report_metadata/email"),
            ident=ident,
            begins=_number(value("report_metadata/date_range/begin")),
            ends=_number(value("report_metadata/date_range/end")),
            published=Published(
                domain=domain,
                p=value("policy_published/p") or "none",
                sp=value("policy_published/sp"),
                np=value("policy_published/np"),
                adkim=value("policy_published/adkim"),
                aspf=value("policy_published/aspf"),
                testing=value("policy_published/testing"),
            ),
            records=tuple(self._records),
        )

    def _record(self) -> Record:
        values = self._values

        def value(key: str) -> str:
            return values.get(f"record/{key}", [""])[0]

        def listed(key: str) -> list[str]:
            return values.get(f"record/auth_results/{key}", [])

        row = Row(
            source=value("row/source_ip"),
            disposition=value("row/policy_evaluated/disposition") or "none",
            dkim=value("row/policy_evaluated/dkim"),
            spf=value("row/policy_evaluated/spf"),
            reason=value("row/policy_evaluated/reason/type"),
            header_from=value("identifiers/header_from"),
            envelope_from=value("identifiers/envelope_from"),
            signatures=tuple(
                [
                    Dkim(domain=domain, selector=selector, result=result)
                    for domain, selector, result in zip(
                        listed("dkim/domain"),
                        listed("dkim/selector"),
                        listed("dkim/result"),
                        strict=False,
                    )
                ][:_LISTED]
            ),
            senders=tuple(
                [
                    Spf(domain=domain, result=result)
                    for domain, result in zip(
                        listed("spf/domain"), listed("spf/result"), strict=False
                    )
                ][:_LISTED]
            ),
        )
        return Record(row, _number(value("row/count")))


def _number(text: str) -> int:
    try:
        return min(max(0, int(float(text[:20]))), MAX_SECONDS)
    except (ValueError, OverflowError):
        return 0


def _refuse_doctype(*_: object) -> None:
    raise BadReport("it declares a document type, which reports have no use for")
