from __future__ import annotations

import pickle
import re
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest

from clinicflow_core import errors
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.errors import ClinicFlowError, Problem
from clinicflow_core.scheduling.conflicts import (
    Conflict,
    ConflictKind,
    RefusedOccurrence,
)
from clinicflow_core.scheduling.openings import Opening
from tests.builders import DAY

ONE, TWO = UUID(int=1), UUID(int=2)
AT = datetime(2026, 3, 2, 14, tzinfo=UTC)
CONFLICT = Conflict(kind=ConflictKind.DOCTOR_BUSY, message="The doctor is busy.")
OPENING = Opening(
    doctor_id=DoctorId(ONE),
    date=DAY,
    start_time=time(9),
    end_time=time(9, 30),
    starts_at=AT,
    ends_at=AT,
)
REFUSED = tuple(
    RefusedOccurrence(date=day, start_time=time(9, 30), conflicts=(CONFLICT,) * times)
    for day, times in ((DAY, 1), (DAY + timedelta(days=7), 2))
)
PROBLEMS = (Problem("/patient/email", "is not an e-mail address"), Problem("", "no"))

EXAMPLES = {
    errors.UnreadableError: (("line 3: not JSON",), "line 3: not JSON"),
    errors.InvalidError: (
        (PROBLEMS,),
        "/patient/email: is not an e-mail address; no",
    ),
    errors.NotSignedInError: ((), "Not signed in."),
    errors.WrongCredentialsError: ((), "Wrong e-mail or password."),
    errors.GoogleSignInError: (
        (),
        "The sign-in with Google failed; start it again.",
    ),
    errors.TooManyTriesError: ((30,), "Too many tries; wait 30 seconds."),
    errors.NotPermittedError: (
        ("book visits",),
        "Your role does not include 'book visits'.",
    ),
    errors.ClinicNotFoundError: ((ONE,), f"There is no clinic {ONE}."),
    errors.UserNotFoundError: ((ONE,), f"There is no user {ONE}."),
    errors.DoctorNotFoundError: ((ONE,), f"There is no doctor {ONE}."),
    errors.PatientNotFoundError: ((ONE,), f"There is no patient {ONE}."),
    errors.AppointmentNotFoundError: ((ONE,), f"There is no appointment {ONE}."),
    errors.SeriesNotFoundError: ((ONE,), f"There is no series {ONE}."),
    errors.TimeOffNotFoundError: ((ONE,), f"There is no time off {ONE}."),
    errors.WaitlistEntryNotFoundError: (
        (ONE,),
        f"There is no waitlist entry {ONE}.",
    ),
    errors.QuestionnaireNotFoundError: ((ONE,), f"There is no questionnaire {ONE}."),
    errors.FormNotFoundError: ((ONE,), f"There is no intake form {ONE}."),
    errors.LinkNotFoundError: ((), "This link does not work, or no longer."),
    errors.SummaryNotFoundError: (
        (ONE,),
        f"There is no summary of intake form {ONE}.",
    ),
    errors.JobNotFoundError: ((ONE,), f"There is no job {ONE}."),
    errors.BookingConflictError: (
        ((CONFLICT, CONFLICT), (OPENING,)),
        "The doctor is busy. The doctor is busy.",
    ),
    errors.SeriesConflictError: (
        (REFUSED,),
        (
            "2 visits of the series cannot take their time, the first on 2026-03-02 "
            "at 09:30. The doctor is busy."
        ),
    ),
    errors.WaitlistClosedError: (
        (ONE, "withdrawn"),
        f"Waitlist entry {ONE} is withdrawn.",
    ),
    errors.OfferNotOpenError: (
        (ONE,),
        f"Nothing is offered to waitlist entry {ONE} now.",
    ),
    errors.FormExistsError: (
        (ONE, TWO),
        f"Appointment {ONE} has the intake form {TWO}.",
    ),
    errors.BirthDateRefusedError: (
        (3,),
        "That is not the birth date on record; 3 tries left.",
    ),
    errors.InvalidTransitionError: (
        (ONE, "cancelled", "confirm"),
        f"Cannot confirm: appointment {ONE} is cancelled.",
    ),
    errors.NothingToUndoError: (
        (ONE,),
        f"What happened last to appointment {ONE} stands.",
    ),
    errors.EmailTakenError: ((), "An account with this e-mail exists already."),
    errors.GoogleTakenError: (
        (),
        "An account with this Google sign-in exists already.",
    ),
    errors.GoogleRefusedError: (
        (),
        "This Google account cannot be used here; sign in another way.",
    ),
    errors.LastOwnerError: ((ONE,), f"User {ONE} is the clinic's last active owner."),
    errors.DoctorHasVisitsError: (
        (ONE, (ONE, TWO)),
        f"Doctor {ONE} still has visits: {ONE}, {TWO}.",
    ),
    errors.PatientHasVisitsError: (
        (ONE, (TWO,)),
        f"Patient {ONE} still has visits: {TWO}.",
    ),
    errors.PatientErasedError: ((ONE,), f"Patient {ONE} was erased."),
    errors.StaleVersionError: (
        (ONE,),
        f"Record {ONE} was changed by somebody else; read it again.",
    ),
    errors.KeyReusedError: ((), "This idempotency key was used for another request."),
    errors.SealBrokenError: (
        (),
        "This seal is none of this clinic's, or it was changed.",
    ),
    errors.TrailBrokenError: (("Event 2.",), "The trail was changed. Event 2."),
    errors.StoreBusyError: ((), "The database is busy or not reachable; try again."),
    errors.StoreFullError: ((), "The database is full; nothing was written."),
    errors.StoreDamagedError: (
        (),
        "The database is damaged, or is none of ClinicFlow's.",
    ),
    errors.StoreForbidsError: (
        (),
        (
            "The database does not let the role in DATABASE_URL do this: its owner "
            "looks after the schema, and gives the service its rights with "
            "'clinicflow db roles'."
        ),
    ),
    errors.SchemaNotCurrentError: (
        (None, "0001"),
        "The database schema is empty, not 0001: run 'clinicflow db upgrade'.",
    ),
    errors.NotConfiguredError: (
        ("OPENAI_API_KEY",),
        "Not configured: set OPENAI_API_KEY.",
    ),
    errors.GoogleAwayError: (
        (),
        "Google does not answer as it should; try again.",
    ),
    errors.SettingsError: ((("A is empty", "B is short"),), "A is empty; B is short"),
    errors.ContentionError: (
        (errors.StoreBusyError(),),
        "The database is busy or not reachable; try again.",
    ),
    errors.AlreadyAnsweredError: (
        ({"id": 1},),
        "This request was carried out before.",
    ),
    errors.SummaryFailedError: (("refused",), "No summary was made: refused."),
}


def all_errors():
    found = [ClinicFlowError]
    for error in found:
        found.extend(error.__subclasses__())
    return [error for error in found if error.__module__ == errors.__name__]


def drawn_tree():
    """Return the pairs (error, its parent) that the module's docstring draws."""
    parents: list[str] = []
    pairs = []
    for line in errors.__doc__.splitlines():
        if drawn := re.fullmatch(r"( *)[*+-] (\w+)", line):
            depth = len(drawn[1]) // 2
            parents[depth:] = [drawn[2]]
            pairs.append((drawn[2], parents[depth - 1] if depth else None))
    return pairs


def test_the_drawn_tree_is_the_real_one():
    real = {
        (error.__name__, error.__base__.__name__)
        for error in all_errors()
        if error is not ClinicFlowError
    }

    assert set(drawn_tree()) == real | {("ClinicFlowError", None)}


def test_every_leaf_has_an_example_here():
    leaves = {error for error in all_errors() if not error.__subclasses__()}

    assert leaves <= set(EXAMPLES)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: error.__name__)
def test_an_error_survives_a_pickle(error):
    arguments, _ = EXAMPLES[error]
    raised = error(*arguments)

    again = pickle.loads(pickle.dumps(raised))

    assert type(again) is error
    assert str(again) == str(raised)
    assert repr(vars(again)) == repr(vars(raised))
    assert again.code == raised.code


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: error.__name__)
def test_an_error_says_what_is_wrong(error):
    arguments, text = EXAMPLES[error]

    assert str(error(*arguments)) == text


def test_codes_are_stable():
    assert {error.__name__: error.code for error in all_errors()} == {
        "ClinicFlowError": "error",
        "UnreadableError": "unreadable",
        "InvalidError": "invalid-request",
        "NotSignedInError": "not-signed-in",
        "WrongCredentialsError": "wrong-credentials",
        "GoogleSignInError": "google-sign-in-failed",
        "TooManyTriesError": "too-many-tries",
        "NotPermittedError": "not-permitted",
        "NotFoundError": "not-found",
        "ClinicNotFoundError": "not-found",
        "UserNotFoundError": "not-found",
        "DoctorNotFoundError": "not-found",
        "PatientNotFoundError": "not-found",
        "AppointmentNotFoundError": "not-found",
        "SeriesNotFoundError": "not-found",
        "TimeOffNotFoundError": "not-found",
        "WaitlistEntryNotFoundError": "not-found",
        "QuestionnaireNotFoundError": "not-found",
        "FormNotFoundError": "not-found",
        "LinkNotFoundError": "not-found",
        "SummaryNotFoundError": "not-found",
        "JobNotFoundError": "not-found",
        "RefusedError": "refused",
        "BookingConflictError": "booking-conflict",
        "SeriesConflictError": "series-conflict",
        "WaitlistClosedError": "waitlist-closed",
        "OfferNotOpenError": "offer-not-open",
        "FormExistsError": "form-exists",
        "BirthDateRefusedError": "birth-date-refused",
        "InvalidTransitionError": "invalid-transition",
        "NothingToUndoError": "nothing-to-undo",
        "EmailTakenError": "email-taken",
        "GoogleTakenError": "google-taken",
        "GoogleRefusedError": "google-refused",
        "LastOwnerError": "last-owner",
        "DoctorHasVisitsError": "doctor-has-visits",
        "PatientHasVisitsError": "patient-has-visits",
        "PatientErasedError": "patient-erased",
        "StaleVersionError": "stale-version",
        "KeyReusedError": "idempotency-key-reused",
        "SealBrokenError": "seal-broken",
        "TrailBrokenError": "trail-broken",
        "UnavailableError": "unavailable",
        "StoreBusyError": "busy",
        "StoreFullError": "store-full",
        "StoreDamagedError": "store-damaged",
        "StoreForbidsError": "store-forbids",
        "SchemaNotCurrentError": "schema-not-current",
        "NotConfiguredError": "not-configured",
        "GoogleAwayError": "google-unavailable",
        "SettingsError": "settings",
        "ContentionError": "contention",
        "AlreadyAnsweredError": "already-answered",
        "SummaryFailedError": "summary-failed",
    }


def test_different_refusals_have_different_codes():
    own = [error.code for error in all_errors() if "code" in vars(error)]

    assert len(own) == len(set(own))


def test_a_conflict_carries_its_facts():
    refused = errors.BookingConflictError((CONFLICT,), (OPENING,))

    assert refused.conflicts == (CONFLICT,)
    assert refused.alternatives == (OPENING,)
    assert errors.BookingConflictError((CONFLICT,)).alternatives == ()


def test_a_refused_series_carries_each_visit_that_cannot_be():
    refused = errors.SeriesConflictError(REFUSED)

    assert refused.occurrences == REFUSED
    assert isinstance(refused, errors.RefusedError)


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        (
            errors.WaitlistClosedError(ONE, "booked"),
            {"record_id": ONE, "status": "booked"},
        ),
        (errors.OfferNotOpenError(TWO), {"record_id": TWO}),
    ],
    ids=lambda given: getattr(given, "code", ""),
)
def test_a_refusal_of_the_waitlist_tells_which_entry(error, facts):
    assert vars(error) == facts
    assert isinstance(error, errors.RefusedError)


def test_a_schema_that_is_old_is_named():
    assert "0000, not 0001" in str(errors.SchemaNotCurrentError("0000", "0001"))
