from __future__ import annotations

import base64
from datetime import date, timedelta
from uuid import uuid4

import pytest

from clinicflow_core.desk import (
    intake,
    patient_link,
    questionnaires,
    register,
    summarizing,
)
from clinicflow_core.desk.intake import ResendForm, SendForm, SubmitForm
from clinicflow_core.desk.patient_link import (
    GivenAnswers,
    GivenPart,
    OpenDraft,
    Receipt,
    SendDraft,
)
from clinicflow_core.desk.questionnaires import ImportQuestionnaire
from clinicflow_core.desk.register import ChangePatient, MergePatients
from clinicflow_core.entities.intake import FormStatus
from clinicflow_core.errors import (
    BirthDateRefusedError,
    InvalidError,
    LinkNotFoundError,
)
from clinicflow_core.intake.links import new_token
from clinicflow_core.wire import dump
from tests.builders import NOW, open_clinic
from tests.core.desk.acts import contents, happened
from tests.core.desk.test_intake import SHORT

BORN = date(1980, 12, 31)
REASON = {"reason": "a cough"}


@pytest.fixture
def sent(clinic):
    """A form with a few questions, of a patient whose birth date is on record."""
    born = ChangePatient(date_of_birth=BORN)
    register.change(clinic.patient.id, born, clinic.uow)
    short = questionnaires.add(ImportQuestionnaire(document=SHORT), clinic.uow)
    request = SendForm(patient_id=clinic.patient.id, questionnaire_id=short.id)
    return intake.send(request, clinic.uow)


def questions(sent, clinic):
    return patient_link.questions(sent.token, clinic.store)


def save(sent, clinic, answers=None):
    given = GivenAnswers(answers=REASON if answers is None else answers)
    return patient_link.save_draft(sent.token, given, clinic.store)


def hand_in(sent, clinic, answers=None):
    given = GivenAnswers(answers=REASON if answers is None else answers)
    return patient_link.submit(sent.token, given, clinic.store)


def draft(sent, clinic, born=BORN):
    given = OpenDraft(birth_date=born)
    return patient_link.open_draft(sent.token, given, clinic.store).answers


def form_of(sent, clinic):
    return intake.get(sent.id, clinic.uow).form


def test_whoever_has_the_link_is_asked_the_questions(clinic, sent):
    asked = questions(sent, clinic)

    assert asked.questionnaire.title == "Before your visit"
    assert (asked.has_draft, asked.expires_at) == (False, sent.expires_at)


def test_free_answers_have_no_questions(clinic):
    free = intake.send(SendForm(patient_id=clinic.patient.id), clinic.uow)

    assert questions(free, clinic).questionnaire is None
    assert hand_in(free, clinic, {"why": "a cough"}) == Receipt()


def test_asking_changes_nothing(clinic, sent):
    before = contents(clinic) if hasattr(clinic.store, "_committed") else None

    for _ in range(3):
        questions(sent, clinic)

    assert happened(sent.form, clinic) == ["intake.sent"]
    if before is not None:
        assert contents(clinic) == before


def test_what_is_filled_in_is_kept_and_resumed(clinic, sent):
    save(sent, clinic, {})
    saved = save(sent, clinic, {"smoker": False, "packs": 2})

    assert (saved.saved_at, saved.dropped) == (NOW, ("/packs",))
    assert questions(sent, clinic).has_draft
    assert happened(sent.form, clinic) == ["intake.sent", *["intake.draft-saved"] * 2]
    assert draft(sent, clinic) == {"smoker": False}
    assert form_of(sent, clinic).status is FormStatus.PENDING
    assert form_of(sent, clinic).raw_answers == {}


def test_a_draft_may_lack_answers_but_not_be_wrong(clinic, sent):
    with pytest.raises(InvalidError) as refused:
        save(sent, clinic, {"smoker": "yes"})

    assert [p.pointer for p in refused.value.problems] == ["/answers/smoker"]
    assert not questions(sent, clinic).has_draft


def test_nothing_filled_in_opens_as_nothing(clinic, sent):
    assert draft(sent, clinic) == {}


def test_a_draft_outlives_its_link(clinic, sent):
    save(sent, clinic)

    again = intake.resend(sent.id, ResendForm(), clinic.uow)

    assert draft(again, clinic) == REASON
    with pytest.raises(LinkNotFoundError):
        draft(sent, clinic)


def test_a_draft_opens_to_the_birth_date_on_record_alone(clinic, sent):
    save(sent, clinic)

    for left in (4, 3, 2, 1, 0):
        with pytest.raises(BirthDateRefusedError) as refused:
            draft(sent, clinic, date(1980, 12, 30))
        assert refused.value.tries_left == left

    with pytest.raises(BirthDateRefusedError, match="too often"):
        draft(sent, clinic)
    assert happened(sent.form, clinic).count("intake.draft-refused") == 5
    # The form can still be filled in, and another link counts anew.
    assert hand_in(sent, clinic) == Receipt()


def test_tries_are_counted_for_each_link(clinic, sent):
    save(sent, clinic)
    for _ in range(5):
        with pytest.raises(BirthDateRefusedError):
            draft(sent, clinic, date(1980, 12, 30))

    again = intake.resend(sent.id, ResendForm(), clinic.uow)

    assert draft(again, clinic) == REASON


def test_a_record_without_a_birth_date_opens_to_none(clinic):
    free = intake.send(SendForm(patient_id=clinic.patient.id), clinic.uow)
    save(free, clinic, {"why": "a cough"})

    with pytest.raises(BirthDateRefusedError):
        draft(free, clinic)


def test_what_is_handed_in_reaches_the_clinic(clinic, sent):
    save(sent, clinic, {"smoker": True})

    receipt = hand_in(sent, clinic, {**REASON, "packs": 3})

    assert dump(receipt) == {
        "message": "Thank you. Your answers have reached the clinic."
    }
    form = form_of(sent, clinic)
    assert (form.status, form.submitted_at) == (FormStatus.SUBMITTED, NOW)
    assert (form.raw_answers, form.dropped, form.draft) == (REASON, ("/packs",), None)


def test_whose_form_it_is_is_looked_up_again_if_patients_are_merged_meanwhile(
    memory, monkeypatch
):
    clinic = open_clinic(memory)
    sent = intake.send(SendForm(patient_id=clinic.patient.id), clinic.uow)
    merged = []

    def too_late(patient_id, uow):
        if not merged:
            merged.append(patient_id)
            other = clinic.patients[1]
            merge = MergePatients(duplicate_id=patient_id)
            register.merge(other.id, merge, clinic.unit_of_work())
            return other
        return summarizing.hold_patient(patient_id, uow)

    monkeypatch.setattr(patient_link, "hold_patient", too_late)

    assert hand_in(sent, clinic) == Receipt()
    assert form_of(sent, clinic).patient_id == clinic.patients[1].id


@pytest.mark.parametrize("is_twin", [True, False])
def test_who_comes_second_gets_the_receipt_of_a_twin_alone(
    memory, monkeypatch, is_twin
):
    clinic = open_clinic(memory)
    sent = intake.send(SendForm(patient_id=clinic.patient.id), clinic.uow)

    def too_late(patient_id, uow):
        monkeypatch.undo()
        hand_in(sent, clinic, REASON if is_twin else {"reason": "other"})
        return summarizing.hold_patient(patient_id, uow)

    monkeypatch.setattr(patient_link, "hold_patient", too_late)

    if is_twin:
        assert hand_in(sent, clinic) == Receipt()
    else:
        with pytest.raises(LinkNotFoundError):
            hand_in(sent, clinic)
    assert happened(sent.form, clinic).count("intake.submitted") == 1


def test_wrong_answers_leave_the_draft_and_the_link(clinic, sent):
    save(sent, clinic)

    with pytest.raises(InvalidError) as refused:
        hand_in(sent, clinic, {"smoker": 1})

    assert [p.pointer for p in refused.value.problems] == [
        "/answers/reason",
        "/answers/smoker",
    ]
    assert draft(sent, clinic) == REASON


def test_the_same_answers_again_get_the_same_receipt(clinic, sent):
    first = hand_in(sent, clinic)

    assert hand_in(sent, clinic) == first
    assert happened(sent.form, clinic).count("intake.submitted") == 1


def test_the_receipt_is_told_again_for_an_hour(clinic, sent, watch):
    hand_in(sent, clinic)

    watch.at += timedelta(minutes=59)
    assert hand_in(sent, clinic) == Receipt()
    watch.at += timedelta(minutes=1)
    with pytest.raises(LinkNotFoundError):
        hand_in(sent, clinic)


def flipped(token):
    last = "A" if token[-1] != "A" else "B"
    return token[:-1] + last


def swapped(token, other_id):
    raw = base64.urlsafe_b64decode(token)
    return base64.urlsafe_b64encode(other_id.bytes + raw[16:]).decode()


SHUT = {
    "empty": lambda sent, clinic, watch: "",
    "short": lambda sent, clinic, watch: sent.token[:-1],
    "long": lambda sent, clinic, watch: sent.token + "A",
    "no base64": lambda sent, clinic, watch: "!" * len(sent.token),
    "other letters": lambda sent, clinic, watch: "\u00e9" * len(sent.token),
    "of no clinic": lambda sent, clinic, watch: new_token(uuid4()),
    "of no form": lambda sent, clinic, watch: new_token(clinic.id),
    "one letter off": lambda sent, clinic, watch: flipped(sent.token),
    "in another clinic": lambda sent, clinic, watch: swapped(
        sent.token, open_clinic(clinic.store).id
    ),
    "expired": lambda sent, clinic, watch: (
        setattr(watch, "at", sent.expires_at) or sent.token
    ),
    "revoked": lambda sent, clinic, watch: (
        intake.revoke(sent.id, clinic.uow) and sent.token
    ),
    "sent again": lambda sent, clinic, watch: (
        intake.resend(sent.id, ResendForm(), clinic.uow) and sent.token
    ),
    "used": lambda sent, clinic, watch: (
        hand_in(sent, clinic, {"reason": "other"}) and sent.token
    ),
    "written down by the clinic": lambda sent, clinic, watch: (
        intake.submit(sent.id, SubmitForm(raw_answers=REASON), clinic.uow)
        and sent.token
    ),
    "of an erased patient": lambda sent, clinic, watch: (
        register.erase(clinic.patient.id, clinic.uow) and sent.token
    ),
}


@pytest.mark.parametrize("how", SHUT)
def test_links_that_do_not_work_look_alike(clinic, sent, watch, how):
    token = SHUT[how](sent, clinic, watch)
    store = clinic.store
    given = GivenAnswers(answers=REASON)

    refusals = set()
    for act in (
        lambda: patient_link.questions(token, store),
        lambda: patient_link.save_draft(token, given, store),
        lambda: patient_link.submit(token, given, store),
        lambda: patient_link.open_draft(token, OpenDraft(birth_date=BORN), store),
    ):
        with pytest.raises(LinkNotFoundError) as refused:
            act()
        refusals.add((type(refused.value), refused.value.args, str(refused.value)))

    assert refusals == {
        (LinkNotFoundError, (), "This link does not work, or no longer.")
    }


def test_a_link_works_until_the_last_moment(clinic, sent, watch):
    watch.at = sent.expires_at - timedelta(microseconds=1)

    assert hand_in(sent, clinic) == Receipt()


def test_the_link_shows_nothing_of_the_record(clinic, sent):
    save(sent, clinic)

    told = str(dump(questions(sent, clinic)))

    assert clinic.patient.first_name not in told
    assert clinic.patient.last_name not in told
    assert clinic.clinic.name not in told
    assert "1980" not in told
    assert "cough" not in told
    assert str(clinic.patient.id) not in told


# A few questions at a time


def resume(sent, clinic, edition=None):
    return patient_link.resume(sent.token, edition, clinic.store)


def fill_in(sent, clinic, answers, edition=None):
    asked = {"reason", "smoker", "packs", "medications"} & {*answers}
    part = GivenPart(questions=frozenset(asked), answers=answers)
    return patient_link.fill_in(sent.token, part, edition, clinic.store)


def send(sent, clinic, receipt, edition=None):
    request = SendDraft(receipt=receipt)
    return patient_link.submit_draft(sent.token, request, edition, clinic.store)


def test_a_form_that_nobody_began_is_open_to_whoever_has_the_link(clinic, sent):
    filling = resume(sent, clinic)

    assert filling.questionnaire.title == "Before your visit"
    assert (filling.answers, filling.expires_at) == ({}, sent.expires_at)
    assert [p.pointer for p in filling.missing] == ["/reason"]


def test_whoever_saved_a_draft_last_reads_it_without_the_birth_date(clinic, sent):
    first = fill_in(sent, clinic, REASON)
    second = fill_in(sent, clinic, {"smoker": False}, first.edition)

    assert second.answers == REASON | {"smoker": False}
    assert second.missing == ()
    assert resume(sent, clinic, second.edition).answers == second.answers
    assert resume(sent, clinic, first.edition).answers is None
    assert resume(sent, clinic).answers is None


@pytest.mark.parametrize("save_first", [True, False], ids=["saved", "only opened"])
def test_whoever_began_before_the_patient_reads_nothing_of_the_patient(
    clinic, sent, save_first
):
    if save_first:
        early = fill_in(sent, clinic, {"smoker": False}).edition
        mine = patient_link.open_draft(
            sent.token, OpenDraft(birth_date=BORN), clinic.store
        ).edition
    else:
        early, mine = resume(sent, clinic).edition, None

    fill_in(sent, clinic, REASON, mine)

    filling = resume(sent, clinic, early)
    assert (filling.answers, filling.missing, filling.receipt) == (None, (), "")


def test_nothing_is_kept_for_whoever_may_not_read_the_draft(clinic, sent):
    kept = fill_in(sent, clinic, REASON)

    refused = fill_in(sent, clinic, {"reason": "nothing"}, kept.edition - 1)

    assert refused.answers is None
    assert draft(sent, clinic) == REASON


def test_the_birth_date_opens_the_draft_until_somebody_else_changes_it(clinic, sent):
    save(sent, clinic)
    request = OpenDraft(birth_date=BORN)
    opened = patient_link.open_draft(sent.token, request, clinic.store)

    assert resume(sent, clinic, opened.edition).answers == REASON
    saved = save(sent, clinic, {"reason": "a fever"})
    assert resume(sent, clinic, opened.edition).answers is None
    assert resume(sent, clinic, saved.edition).answers == {"reason": "a fever"}


def test_looking_changes_nothing(clinic, sent):
    before = contents(clinic)

    resume(sent, clinic)

    assert contents(clinic) == before


def test_the_same_answers_again_leave_the_draft_as_it_is(clinic, sent):
    kept = fill_in(sent, clinic, REASON)

    again = fill_in(sent, clinic, REASON, kept.edition)

    assert again == kept
    assert happened(sent.form, clinic) == ["intake.sent", "intake.draft-saved"]


def test_a_question_that_is_left_blank_has_no_answer_any_more(clinic, sent):
    kept = fill_in(sent, clinic, REASON | {"smoker": True})

    part = GivenPart(questions=frozenset({"smoker", "packs"}), answers={})
    after = patient_link.fill_in(sent.token, part, kept.edition, clinic.store)

    assert after.answers == REASON


MEDICATIONS = {
    "name": "medications",
    "title": "Your medications",
    "items": [
        {"link_id": "reason", "kind": "text", "required": True},
        {
            "link_id": "medications",
            "kind": "group",
            "repeats": True,
            "items": [
                {"link_id": "name", "kind": "string"},
                {"link_id": "dose", "kind": "integer"},
            ],
        },
    ],
}


def test_what_fits_is_kept_though_something_beside_it_does_not(clinic):
    listing = questionnaires.add(ImportQuestionnaire(document=MEDICATIONS), clinic.uow)
    request = SendForm(patient_id=clinic.patient.id, questionnaire_id=listing.id)
    sent = intake.send(request, clinic.uow)
    answers = REASON | {
        "medications": [{"name": "Aspirin", "dose": "five"}, {"name": "Ibuprofen"}]
    }

    kept = fill_in(sent, clinic, answers)

    assert [p.pointer for p in kept.wrong] == ["/medications/0/dose"]
    assert kept.answers == REASON | {
        "medications": [{"name": "Aspirin"}, {"name": "Ibuprofen"}]
    }


def test_an_answer_that_is_too_long_is_told_of_with_what_else_is_wrong(clinic, sent):
    answers = {"reason": "x" * 20_001, "smoker": "perhaps"}

    kept = fill_in(sent, clinic, answers)

    assert {p.pointer for p in kept.wrong} == {"/reason", "/smoker"}
    assert kept.answers == {}


def test_more_than_can_be_kept_is_refused_as_a_whole(clinic):
    free = intake.send(SendForm(patient_id=clinic.patient.id), clinic.uow)
    part = GivenPart(
        questions=frozenset(), answers={f"q{n}": "x" * 19_000 for n in range(4)}
    )

    with pytest.raises(InvalidError) as refused:
        patient_link.fill_in(free.token, part, None, clinic.store)

    assert [p.pointer for p in refused.value.problems] == ["/answers"]


def test_a_name_that_nothing_can_keep_is_refused(clinic):
    free = intake.send(SendForm(patient_id=clinic.patient.id), clinic.uow)
    part = GivenPart(questions=frozenset(), answers={"\ud800": "x"})

    with pytest.raises(InvalidError):
        patient_link.fill_in(free.token, part, None, clinic.store)


def test_what_was_looked_over_is_handed_in(clinic, sent):
    kept = fill_in(sent, clinic, REASON)

    assert send(sent, clinic, kept.receipt, kept.edition) == Receipt()
    assert send(sent, clinic, kept.receipt, kept.edition) == Receipt()
    form = form_of(sent, clinic)
    assert (form.status, form.raw_answers) == (FormStatus.SUBMITTED, REASON)
    for edition in (None, kept.edition, kept.edition + 1):
        with pytest.raises(LinkNotFoundError):
            resume(sent, clinic, edition)


def test_what_changed_since_it_was_looked_over_is_not_handed_in(clinic, sent):
    seen = fill_in(sent, clinic, REASON)
    fill_in(sent, clinic, {"reason": "a fever"}, seen.edition)

    assert send(sent, clinic, seen.receipt, seen.edition) is None
    assert form_of(sent, clinic).status is FormStatus.PENDING


def test_who_only_guesses_what_is_filled_in_hands_nothing_in(clinic, sent):
    kept = fill_in(sent, clinic, REASON)

    for edition in (None, kept.edition - 1, kept.edition + 1):
        assert send(sent, clinic, kept.receipt, edition) is None
    assert form_of(sent, clinic).status is FormStatus.PENDING


def test_what_is_not_whole_is_not_handed_in(clinic, sent):
    kept = fill_in(sent, clinic, {"smoker": False})

    with pytest.raises(InvalidError) as refused:
        send(sent, clinic, kept.receipt, kept.edition)

    assert [p.pointer for p in refused.value.problems] == ["/answers/reason"]
    assert draft(sent, clinic) == {"smoker": False}


def test_a_link_that_does_not_work_lets_nobody_fill_in_anything(clinic, sent):
    kept = fill_in(sent, clinic, REASON)
    intake.revoke(sent.id, clinic.uow)

    with pytest.raises(LinkNotFoundError):
        fill_in(sent, clinic, REASON, kept.edition)
    with pytest.raises(LinkNotFoundError):
        send(sent, clinic, kept.receipt, kept.edition)
