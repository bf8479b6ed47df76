from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from clinicflow_core.desk import accounts, intake, jobs, summaries
from clinicflow_core.desk.accounts import ChangeClinic
from clinicflow_core.desk.intake import SendForm, SubmitForm
from clinicflow_core.desk.summaries import EditSummary
from clinicflow_core.desk.summarizing import AT_HAND
from clinicflow_core.entities.intake import FormStatus
from clinicflow_core.entities.summary import (
    Digest,
    Dropped,
    DropReason,
    Failure,
    FailureReason,
    SummaryStatus,
)
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    InvalidTransitionError,
    NotPermittedError,
    StaleVersionError,
    SummaryNotFoundError,
)
from tests.builders import NOW
from tests.core.desk.acts import events_of, happened
from tests.core.desk.summarizers import Scripted, item

ANSWERS = {
    "reason": "headaches for two weeks",
    "medications": ["Lisinopril 10 mg daily"],
    "allergies": ["Penicillin"],
}


def digest(statements):
    """What a summarizer says of `ANSWERS` that is honest."""
    return Digest(
        summary=(item("headaches for two weeks", "/reason"),),
        patient_concerns=(item("headaches", "/reason"),),
        medications=(item("Lisinopril 10 mg daily", "/medications/0"),),
        allergies=(item("Penicillin", "/allergies/0"),),
    )


@pytest.fixture
def outside():
    """A summarizer that is somewhere else, and honest."""
    return Scripted(digest)


@pytest.fixture
def form(clinic):
    """A form that was submitted for a visit."""
    visit = clinic.store_visit()
    request = SendForm(patient_id=clinic.patient.id, appointment_id=visit.id)
    sent = intake.send(request, clinic.uow)
    return intake.submit(sent.id, SubmitForm(raw_answers=ANSWERS), clinic.uow)


def work(clinic, summarizer=AT_HAND):
    """Do all jobs that wait."""
    done = []
    while job := jobs.work(clinic.id, clinic.store, jobs.handlers(summarizer)):
        done.append(job)
    return done


def summary_of(form, clinic, uow=None):
    return summaries.get(form.id, uow or clinic.uow)


def all_of(form, clinic):
    with clinic.uow as uow:
        return uow.summaries.of_form(form.id)


def texts(items):
    return [each.text for each in items]


def test_a_summary_is_asked_for_with_the_submission_and_made_by_a_worker(
    clinic, form, outside
):
    asked = summary_of(form, clinic)
    assert (asked.status, asked.digest) == (SummaryStatus.GENERATING, Digest())

    [job] = work(clinic, outside)

    made = summary_of(form, clinic)
    assert made.status is SummaryStatus.GENERATED
    assert (made.model_version, made.generated_at) == ("scripted-1", NOW)
    assert texts(made.digest.medications) == ["Lisinopril 10 mg daily"]
    assert made.digest.allergies[0].sources[0].answer == "/allergies/0"
    assert (made.appointment_id, made.patient_id) == (
        form.appointment_id,
        clinic.patient.id,
    )
    assert job.record_id == made.id
    assert happened(made, clinic) == [
        "summary.asked-for",
        "summary.read",
        "summary.generated",
        "summary.read",
    ]
    assert work(clinic, outside) == []


def test_the_worker_needs_nobody_else_by_default(clinic, form):
    work(clinic)

    made = summary_of(form, clinic)

    assert made.model_version == AT_HAND.model_version
    assert any("Lisinopril" in text for text in texts(made.digest.medications))
    assert any("Penicillin" in text for text in texts(made.digest.allergies))
    assert made.dropped == ()


def test_a_form_for_no_visit_has_a_summary_too(clinic, outside):
    sent = intake.send(SendForm(patient_id=clinic.patient.id), clinic.uow)
    form = intake.submit(sent.id, SubmitForm(raw_answers=ANSWERS), clinic.uow)

    work(clinic, outside)

    made = summary_of(form, clinic)
    assert (made.appointment_id, made.status) == (None, SummaryStatus.GENERATED)


def test_what_the_patient_did_not_say_is_dropped_and_told(clinic, form):
    def lies(statements):
        honest = digest(statements)
        warfarin = item("Warfarin 5 mg", "/medications/0", "Lisinopril 10 mg daily")
        return evolve(honest, medications=(*honest.medications, warfarin))

    work(clinic, Scripted(lies))

    made = summary_of(form, clinic)
    assert texts(made.digest.medications) == ["Lisinopril 10 mg daily"]
    [dropped] = made.dropped
    assert isinstance(dropped, Dropped)
    assert (dropped.item, dropped.text) == ("medications", "Warfarin 5 mg")
    assert dropped.reason in DropReason
    assert events_of(made, clinic)[1].facts == {
        "model_version": "scripted-1",
        "dropped": 1,
    }


def test_what_was_left_out_is_added_word_for_word_and_marked(clinic, form):
    concern = item("headaches", "/reason")
    work(clinic, Scripted(lambda statements: Digest(patient_concerns=(concern,))))

    made = summary_of(form, clinic).digest

    assert [(each.text, each.added) for each in made.medications] == [
        ("Lisinopril 10 mg daily", True)
    ]
    assert [(each.text, each.added) for each in made.allergies] == [
        ("Penicillin", True)
    ]


@pytest.mark.parametrize("reason", FailureReason)
def test_when_a_summarizer_fails_another_stands_in_at_once(clinic, form, reason):
    work(clinic, Scripted(reason))

    made = summary_of(form, clinic)
    assert made.status is SummaryStatus.FAILED
    assert made.failure == Failure(reason=reason, model_version="scripted-1")
    assert made.model_version == AT_HAND.model_version
    assert any("Lisinopril" in text for text in texts(made.digest.medications))
    assert intake.get(form.id, clinic.uow).form == form
    assert events_of(made, clinic)[1].facts["failure"] == reason.value


@pytest.mark.parametrize(
    "says",
    [
        pytest.param(lambda statements: Digest(), id="nothing"),
        pytest.param(
            lambda statements: Digest(summary=(item("Brain tumor", "/reason", "two"),)),
            id="nothing that the patient said",
        ),
    ],
)
def test_a_summarizer_that_says_nothing_has_failed(clinic, form, says):
    work(clinic, Scripted(says))

    made = summary_of(form, clinic)
    assert made.failure == Failure(
        reason=FailureReason.EMPTY, model_version="scripted-1"
    )
    assert made.summary_text
    assert len(made.dropped) == len(says(()).summary)


def test_nothing_said_of_nothing_is_no_failure(clinic):
    sent = intake.send(SendForm(patient_id=clinic.patient.id), clinic.uow)
    form = intake.submit(sent.id, SubmitForm(raw_answers={}), clinic.uow)

    work(clinic, Scripted(lambda statements: Digest()))

    assert summary_of(form, clinic).status is SummaryStatus.GENERATED


def test_a_summarizer_that_breaks_has_failed(clinic, form):
    def breaks(statements):
        raise ZeroDivisionError

    work(clinic, Scripted(breaks))

    made = summary_of(form, clinic)
    assert made.failure.reason is FailureReason.BROKEN
    assert any("Lisinopril" in text for text in texts(made.digest.medications))


def test_who_reads_the_form_meanwhile_does_not_make_it_be_asked_for_twice(clinic, form):
    def slowly(statements):
        intake.review(form.id, clinic.uow)
        return digest(statements)

    slow = Scripted(slowly)
    work(clinic, slow)

    assert len(slow.asked) == 1
    assert summary_of(form, clinic).status is SummaryStatus.GENERATED


def test_a_clinic_that_switched_it_off_sends_nothing_out(clinic, form, outside):
    off = ChangeClinic(ai_summaries=False)
    accounts.change_clinic(off, clinic.uow)

    work(clinic, outside)

    assert outside.asked == []
    made = summary_of(form, clinic)
    assert (made.status, made.model_version) == (
        SummaryStatus.GENERATED,
        AT_HAND.model_version,
    )
    summaries.request(form.id, clinic.uow, outside)
    assert outside.asked == []


def test_another_summary_takes_the_place_of_the_one_before(clinic, form, outside):
    work(clinic, outside)
    first = summary_of(form, clinic)

    asked = summaries.request(form.id, clinic.uow, outside)

    assert (asked.status, asked.id != first.id) == (SummaryStatus.GENERATING, True)
    work(clinic, outside)
    second = summary_of(form, clinic)
    assert (second.id, second.status) == (asked.id, SummaryStatus.GENERATED)
    told = [(each.id, each.superseded_at) for each in all_of(form, clinic)]
    assert sorted(told, key=str) == sorted(
        [(second.id, None), (first.id, NOW)], key=str
    )


def test_what_is_meant_for_one_summary_is_not_meant_for_the_next(clinic, form, outside):
    work(clinic, outside)
    read = summary_of(form, clinic)
    summaries.request(form.id, clinic.uow, AT_HAND)

    for act in (
        lambda: summaries.sign(form.id, clinic.uow, read.version),
        lambda: summaries.edit(form.id, EditSummary(), clinic.uow, read.version),
        lambda: summaries.request(form.id, clinic.uow, AT_HAND, read.version),
    ):
        with pytest.raises(StaleVersionError):
            act()


def test_the_summaries_before_can_be_read(clinic, form, outside, watch):
    work(clinic, outside)
    first = summary_of(form, clinic)
    watch.at += timedelta(minutes=1)
    second = summaries.request(form.id, clinic.uow, AT_HAND)

    told = summaries.history(form.id, clinic.uow)

    assert [each.id for each in told] == [second.id, first.id]
    assert told[1].superseded_at == watch.at
    assert happened(first, clinic)[-1] == "summary.read"


@pytest.mark.parametrize(
    "settle",
    [
        lambda form, uow: summaries.sign(form.id, uow),
        lambda form, uow: summaries.edit(form.id, EditSummary(allergies=()), uow),
    ],
    ids=["signed", "corrected"],
)
def test_what_a_doctor_settled_gives_way_to_no_reception(clinic, form, outside, settle):
    work(clinic, outside)
    settle(form, clinic.uow)

    with pytest.raises(NotPermittedError):
        summaries.request(form.id, clinic.by(Role.ADMIN), AT_HAND)

    clinic.store_visit("15:00-15:30")
    again = summaries.request(form.id, clinic.by(Role.DOCTOR), AT_HAND)
    assert summary_of(form, clinic).id == again.id


def test_one_that_is_under_way_is_not_asked_for_again(clinic, form, outside, watch):
    first = summary_of(form, clinic)

    again = summaries.request(form.id, clinic.uow, outside)
    watch.at += timedelta(minutes=15)
    late = summaries.request(form.id, clinic.uow, outside)

    assert again.id == first.id
    assert late.id != first.id
    assert len(work(clinic, outside)) == 2
    assert len(outside.asked) == 1
    assert summary_of(form, clinic).id == late.id


def test_whoever_waits_for_it_learns_when_it_is_made_and_reads_nothing(
    clinic, form, outside
):
    before = summaries.is_awaited(form.id, clinic.uow)
    work(clinic, outside)
    after = summaries.is_awaited(form.id, clinic.uow)

    assert (before, after) == (True, False)
    [summary] = all_of(form, clinic)
    assert "summary.read" not in happened(summary, clinic)


def test_nobody_waits_for_it_longer_than_for_another_one(clinic, form, watch):
    watch.at += summaries.LONGEST_WAIT - timedelta(microseconds=1)
    assert summaries.is_awaited(form.id, clinic.uow)

    watch.at += timedelta(microseconds=1)

    assert not summaries.is_awaited(form.id, clinic.uow)


def test_nobody_waits_for_a_summary_that_was_not_asked_for(clinic):
    sent = intake.send(SendForm(patient_id=clinic.patient.id), clinic.uow)

    assert not summaries.is_awaited(sent.id, clinic.uow)


def test_a_doctor_does_not_learn_whether_a_stranger_has_a_summary(clinic):
    request = SendForm(patient_id=clinic.patients[1].id)
    sent = intake.send(request, clinic.uow)

    with pytest.raises(NotPermittedError):
        summaries.is_awaited(sent.id, clinic.by(Role.DOCTOR))


def test_it_is_there_at_once_if_nothing_leaves_the_machine(clinic, form):
    made = summaries.request(form.id, clinic.uow, AT_HAND)

    assert made.status is SummaryStatus.GENERATED
    work(clinic)
    assert summary_of(form, clinic).id == made.id


def test_a_form_from_before_there_were_summaries_gets_one(clinic):
    form = clinic.store_form(status=FormStatus.SUBMITTED, submitted_at=NOW)

    made = summaries.request(form.id, clinic.uow, AT_HAND)

    assert summary_of(form, clinic) == made


def test_there_is_none_before_the_answers(clinic, outside):
    form = intake.send(SendForm(patient_id=clinic.patient.id), clinic.uow).form

    with pytest.raises(SummaryNotFoundError):
        summary_of(form, clinic)
    with pytest.raises(InvalidTransitionError, match="intake form"):
        summaries.request(form.id, clinic.uow, outside)


def test_a_doctor_corrects_it_and_the_machines_words_are_kept(clinic, form, outside):
    work(clinic, outside)
    before = summary_of(form, clinic)
    doctor = clinic.by(Role.DOCTOR)
    asked = EditSummary(
        medications=("Lisinopril 10 mg daily", "Aspirin 81 mg"),
        key_notes="Check the kidneys.\n\nCall the pharmacy.",
        summary_text="Headaches.",
    )

    edited = summaries.edit(form.id, asked, doctor)

    assert edited.status is SummaryStatus.EDITED
    assert edited.machine == before.digest
    kept, written = edited.digest.medications
    assert kept == before.digest.medications[0]
    assert (written.text, written.sources) == ("Aspirin 81 mg", ())
    assert edited.summary_text == "Headaches."
    assert edited.key_notes == "Check the kidneys.\nCall the pharmacy."
    assert edited.digest.allergies == before.digest.allergies
    assert summary_of(form, clinic) == edited
    event = events_of(edited, clinic)[-2]
    assert (event.kind, event.facts) == (
        "summary.edited",
        {"fields": ["key_notes", "medications", "summary_text"]},
    )


def test_correcting_twice_keeps_what_the_machine_said(clinic, form, outside):
    work(clinic, outside)
    machine = summary_of(form, clinic).digest

    summaries.edit(form.id, EditSummary(allergies=()), clinic.uow)
    again = summaries.edit(form.id, EditSummary(allergies=("Latex",)), clinic.uow)

    assert again.machine == machine
    assert texts(again.digest.allergies) == ["Latex"]


def test_correcting_nothing_changes_nothing(clinic, form, outside):
    work(clinic, outside)
    before = summary_of(form, clinic)

    for asked in (
        EditSummary(),
        EditSummary(
            summary_text=before.summary_text,
            key_notes=before.key_notes,
            allergies=("Penicillin",),
        ),
    ):
        assert summaries.edit(form.id, asked, clinic.uow) == before


def test_a_summary_is_a_draft_until_it_is_signed(clinic, form, outside, watch):
    work(clinic, outside)
    assert summary_of(form, clinic).is_draft
    doctor = clinic.by(Role.DOCTOR)

    signed = summaries.sign(form.id, doctor)
    watch.at += timedelta(hours=1)
    again = summaries.sign(form.id, clinic.uow)

    assert (signed.is_draft, signed.signed_at) == (False, NOW)
    assert signed.signed_by_id == doctor.actor.user_id
    assert again == signed
    assert happened(signed, clinic).count("summary.signed") == 1
    with pytest.raises(InvalidTransitionError, match="signed"):
        summaries.edit(form.id, EditSummary(allergies=()), clinic.uow)


def test_what_is_not_made_yet_is_neither_signed_nor_corrected(clinic, form):
    for act in (
        lambda: summaries.sign(form.id, clinic.uow),
        lambda: summaries.edit(form.id, EditSummary(allergies=()), clinic.uow),
    ):
        with pytest.raises(InvalidTransitionError, match=r"summary .* is generating"):
            act()


def test_a_stand_in_can_be_signed(clinic, form):
    work(clinic, Scripted(FailureReason.TIMED_OUT))

    assert not summaries.sign(form.id, clinic.uow).is_draft


@pytest.mark.parametrize(
    "act",
    [
        lambda form, uow: summaries.sign(form.id, uow, 99),
        lambda form, uow: summaries.edit(form.id, EditSummary(), uow, 99),
    ],
    ids=["sign", "edit"],
)
def test_what_is_meant_for_another_version_is_refused(clinic, form, outside, act):
    work(clinic, outside)

    with pytest.raises(StaleVersionError):
        act(form, clinic.uow)


@pytest.mark.parametrize(
    "act",
    [
        lambda form, uow: summaries.sign(form.id, uow),
        lambda form, uow: summaries.edit(form.id, EditSummary(), uow),
    ],
    ids=["sign", "edit"],
)
def test_reception_signs_nothing(clinic, form, outside, act):
    work(clinic, outside)

    with pytest.raises(NotPermittedError):
        act(form, clinic.by(Role.ADMIN))

    assert summary_of(form, clinic, clinic.by(Role.ADMIN)).is_draft
