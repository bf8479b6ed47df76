from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from clinicflow_core.entities.appointment import IntakeStatus
from clinicflow_core.entities.ids import AppointmentId, FormId, PatientId
from clinicflow_core.entities.intake import (
    FORM_TRANSITIONS,
    MOST_BIRTH_DATE_TRIES,
    FormStatus,
    FormStep,
    IntakeForm,
    IntakeLink,
)
from clinicflow_core.errors import InvalidTransitionError
from tests.builders import NOW

LATER = NOW + timedelta(hours=1)
VISIT = AppointmentId(uuid4())
STEPS = {
    FormStep.DRAFT: lambda form: form.drafted({"why": "a cough"}, LATER),
    FormStep.SEND: lambda form: form.sent_again(LATER),
    FormStep.SUBMIT: lambda form: form.submitted({"why": "a cough"}, [], LATER),
    FormStep.REVIEW: lambda form: form.reviewed(None, LATER),
    FormStep.REVOKE: lambda form: form.revoked(LATER),
    FormStep.LINK: lambda form: form.linked(VISIT, LATER),
}


def form(status=FormStatus.PENDING, **fields):
    times = {
        FormStatus.PENDING: {},
        FormStatus.SUBMITTED: {"submitted_at": NOW},
        FormStatus.REVIEWED: {"submitted_at": NOW, "reviewed_at": NOW},
    }
    return IntakeForm(
        id=FormId(uuid4()),
        patient_id=PatientId(uuid4()),
        status=status,
        created_at=NOW,
        updated_at=NOW,
        **times[status] | fields,
    )


def link(**fields):
    return IntakeLink(
        token_hash="0" * 64,
        form_id=FormId(uuid4()),
        created_at=NOW,
        expires_at=NOW + timedelta(days=1),
        **fields,
    )


@pytest.mark.parametrize("status", FormStatus)
@pytest.mark.parametrize("step", FormStep)
def test_a_form_takes_the_steps_of_the_table(status, step):
    before = form(status)
    after = FORM_TRANSITIONS.get((status, step))

    if after is None:
        with pytest.raises(InvalidTransitionError, match=status.value):
            STEPS[step](before)
    else:
        assert STEPS[step](before).status is after


@pytest.mark.parametrize("step", FormStep)
def test_nothing_happens_to_a_form_that_was_called_back(step):
    with pytest.raises(InvalidTransitionError, match="is revoked"):
        STEPS[step](form(revoked_at=NOW))


def test_each_step_counts_and_is_dated():
    after = form().submitted({"why": "a cough"}, ["/packs"], LATER)

    assert (after.version, after.updated_at, after.submitted_at) == (2, LATER, LATER)
    assert (after.raw_answers, after.dropped) == ({"why": "a cough"}, ("/packs",))


def test_what_was_filled_in_is_gone_once_it_is_submitted():
    drafted = form().drafted({"why": "a"}, NOW)

    assert drafted.submitted({"why": "a cough"}, [], LATER).draft is None


@pytest.mark.parametrize(
    ("which", "status"),
    [
        pytest.param(form(), IntakeStatus.SENT, id="pending"),
        pytest.param(
            form(FormStatus.SUBMITTED), IntakeStatus.COMPLETED, id="submitted"
        ),
        pytest.param(form(FormStatus.REVIEWED), IntakeStatus.COMPLETED, id="reviewed"),
        pytest.param(form(revoked_at=NOW), IntakeStatus.MISSING, id="revoked"),
    ],
)
def test_the_intake_of_a_visit_stands_where_its_form_does(which, status):
    assert which.intake_status is status


def test_answers_are_not_shown_by_accident():
    answered = form().drafted({"why": "a cough"}, NOW)

    assert "cough" not in repr(answered)
    assert "cough" not in repr(answered.submitted({"why": "a cough"}, [], NOW))


@pytest.mark.parametrize(
    ("which", "now", "is_open"),
    [
        pytest.param(link(), NOW, True, id="new"),
        pytest.param(link(), NOW + timedelta(days=1), False, id="expired"),
        pytest.param(link().revoked(NOW), NOW, False, id="revoked"),
        pytest.param(link().used("f" * 64, NOW), NOW, False, id="used"),
    ],
)
def test_a_link_is_open_until_it_is_used_revoked_or_expired(which, now, is_open):
    assert which.is_open(now) is is_open


def test_a_link_is_revoked_when_it_was_first():
    assert link().revoked(NOW).revoked(LATER).revoked_at == NOW


def test_a_draft_stays_shut_after_five_wrong_birth_dates():
    tried = link()
    shut = []
    for _ in range(MOST_BIRTH_DATE_TRIES):
        shut.append(tried.is_shut)
        tried = tried.mistaken()

    assert shut == [False] * 5
    assert tried.is_shut
