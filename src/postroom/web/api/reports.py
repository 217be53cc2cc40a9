"""The API: what others report on our domains."""

from typing import Annotated, Final

from msgspec import Meta

from postroom.admin import reports
from postroom.admin.paging import Slice
from postroom.admin.reports import ReportDetails, ReportView
from postroom.web.api.call import Call
from postroom.web.api.operation import Noun, Paged

NOUN: Final = Noun("reports", "reports", "DMARC and TLS reports of others on domains here.")


class OfDomain(Paged, frozen=True, kw_only=True):
    """Which reports."""

    domain: Annotated[str, Meta(description="Default: all.")] = ""


@NOUN.on("GET", "/reports")
async def every(call: Call, query: OfDomain) -> Slice[ReportView]:
    """List reports, the newest first."""
    return await reports.page(call.office, query.domain, after=query.after, size=query.limit)


@NOUN.on("GET", "/reports/{ident}")
async def show(call: Call, ident: str) -> ReportDetails:
    """Show a report with its lines."""
    return await reports.show(call.office, ident)
