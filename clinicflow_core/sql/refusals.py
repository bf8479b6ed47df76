"""What a database's own refusal means: one table from its errors to ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from clinicflow_core.errors import (
    BookingConflictError,
    ClinicFlowError,
    ContentionError,
    EmailTakenError,
    GoogleTakenError,
    RefusedError,
    SchemaNotCurrentError,
    StoreBusyError,
    StoreDamagedError,
    StoreForbidsError,
    StoreFullError,
)
from clinicflow_core.scheduling.conflicts import Conflict, ConflictKind

_OVERLAPS = {
    "ex_appointments_doctor": Conflict(
        kind=ConflictKind.DOCTOR_BUSY, message="The doctor has a visit at that time."
    ),
    "ex_appointments_patient": Conflict(
        kind=ConflictKind.PATIENT_BUSY, message="The patient has a visit at that time."
    ),
}

_TAKEN = {"email": EmailTakenError, "google_id": GoogleTakenError}
"""What an account shares with no other, by a part of its column's name."""

_POLICY = "ExecWithCheckOptions"
"""Where PostgreSQL refuses a row of another clinic; to have asked for it is a bug."""


@contextmanager
def told_apart() -> Iterator[None]:
    """
    Raise the database's errors as ClinicFlow's.

    Their texts print whole rows, so nothing of them is passed on.

    Raises:
        ContentionError: If somebody got in between: an overlap, a deadlock, a
            record that went away.
        EmailTakenError: If the e-mail of an account is taken.
        GoogleTakenError: If its Google sign-in is.
        UnavailableError: If the database is busy, full, away, or not up to date.
    """
    try:
        yield
    except exc.TimeoutError:
        raise StoreBusyError from None
    except exc.DBAPIError as error:
        raise _meaning(error.orig) from None
    except Exception as error:
        if not isinstance(error, sqlite3.Error) and not hasattr(error, "sqlstate"):
            raise
        raise _meaning(error) from None


def overlap(constraint: str = "ex_appointments_doctor") -> ContentionError:
    """Return the refusal of a visit whose time the database found taken."""
    return ContentionError(BookingConflictError((_OVERLAPS[constraint],)))


def _meaning(error: BaseException | None) -> Exception:
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        return _of_sqlite(error) or _bug(name)
    return _of_postgresql(error) or _bug(str(getattr(error, "sqlstate", None)))


def _bug(name: str) -> RuntimeError:
    return RuntimeError(f"the database refused what should not have been asked: {name}")


def _of_sqlite(error: sqlite3.Error) -> ClinicFlowError | None:
    message = str(error)
    if message in _OVERLAPS:
        return overlap(message)
    if "UNIQUE constraint failed: users." in message and (taken := _taken(message)):
        return taken
    if isinstance(error, sqlite3.IntegrityError) and (
        "UNIQUE" in message or "FOREIGN KEY" in message
    ):
        return ContentionError(StoreBusyError())
    if "no such table" in message or "no such column" in message:
        return _schema_not_current()
    if "already exists" in message:
        return StoreDamagedError()
    if "full" in message:
        return StoreFullError()
    if isinstance(error, sqlite3.OperationalError):
        return StoreBusyError()
    if "not a database" in message or "malformed" in message:
        return StoreDamagedError()
    return None


def _of_postgresql(error: BaseException | None) -> ClinicFlowError | None:
    state = getattr(error, "sqlstate", None)
    diagnosis = getattr(error, "diag", None)
    constraint = getattr(diagnosis, "constraint_name", None) or ""
    match state:
        case "23P01":
            person = "patient" if "patient" in constraint else "doctor"
            return overlap(f"ex_appointments_{person}")
        case "23505" if taken := _taken(constraint):
            return taken
        case "23503" | "23505" | "40001" | "40P01":
            return ContentionError(StoreBusyError())
        case "42P01" | "42703" | "3F000":
            return _schema_not_current()
        case "42P07":
            return StoreDamagedError()
        case "42501" if getattr(diagnosis, "source_function", None) != _POLICY:
            return StoreForbidsError()
        case "53100":
            return StoreFullError()
        case None | "55P03":  # Without a state, the server did not get to say one.
            return StoreBusyError()
        case _ if state[:2] in ("08", "53", "57"):
            return StoreBusyError()
    return None


def _taken(place: str) -> RefusedError | None:
    return next((error() for name, error in _TAKEN.items() if name in place), None)


def _schema_not_current() -> SchemaNotCurrentError:
    from clinicflow_core.sql.migration import newest  # noqa: PLC0415  Slow, and rare.

    return SchemaNotCurrentError(None, newest())
