"""Who takes a time that comes free."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from uuid import UUID

from attrs import field, frozen

from clinicflow_core.desk import waitlist
from clinicflow_core.desk.waitlist import Waiting
from clinicflow_core.entities.waitlist import WaitlistStatus
from clinicflow_core.errors import (
    BookingConflictError,
    NotFoundError,
    OfferNotOpenError,
    WaitlistClosedError,
)
from clinicflow_core.ports import Page, PageRequest, UnitOfWork
from clinicflow_flask.paging import DEFAULT_LIMIT, LIMIT, page_request
from clinicflow_flask.routes import Route


@frozen(kw_only=True)
class FindWaiting:
    """Which entries are looked for."""

    status: WaitlistStatus | None = None
    limit: int = field(default=DEFAULT_LIMIT, validator=LIMIT)
    cursor: str | None = None


class _Urgency(Enum):
    """The first part of an entry's place in the list."""

    URGENT = "0"
    USUAL = "1"


def _page(query: FindWaiting, uow: UnitOfWork) -> Page[Waiting]:
    request = page_request_by_rank(query.limit, query.cursor)
    return waitlist.page(query.status, request, uow)


def page_request_by_rank(limit: int, cursor: str | None) -> PageRequest:
    """Return which part of the waitlist is asked for; see `page_request`."""
    return page_request(limit, cursor, _Urgency, datetime, UUID)


ROUTES = (
    Route("GET", "/api/waitlist", _page, "List who waits, best ranked first"),
    Route(
        "POST",
        "/api/waitlist",
        waitlist.join,
        "Put a patient on the waitlist",
        status=201,
        refuses=(NotFoundError,),
        once=True,
    ),
    Route(
        "GET",
        "/api/waitlist/{waitlist_id}",
        waitlist.get,
        "Show an entry of the waitlist, with what is offered to it",
    ),
    Route(
        "DELETE",
        "/api/waitlist/{waitlist_id}",
        waitlist.withdraw,
        "Take an entry off the waitlist",
        status=204,
        refuses=(WaitlistClosedError,),
    ),
    Route(
        "POST",
        "/api/waitlist/{waitlist_id}/accept",
        waitlist.accept,
        "Book what is offered",
        refuses=(OfferNotOpenError, BookingConflictError),
    ),
    Route(
        "POST",
        "/api/waitlist/{waitlist_id}/decline",
        waitlist.decline,
        "Give back what is offered, to the next one who waits",
        refuses=(OfferNotOpenError,),
    ),
)
