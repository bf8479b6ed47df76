from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.entities.appointment import Status
from clinicflow_core.entities.intake import FormStatus, IntakeForm
from clinicflow_core.entities.summary import (
    Digest,
    Dropped,
    DropReason,
    Failure,
    FailureReason,
    Summary,
)
from clinicflow_core.errors import (
    ContentionError,
    FormNotFoundError,
    PatientNotFoundError,
    QuestionnaireNotFoundError,
    StaleVersionError,
    SummaryNotFoundError,
)
from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import FormFilter, PageRequest, UnitOfWork
from tests.builders import (
    NOW,
    OpenClinic,
    digest,
    intake_form,
    intake_link,
    open_clinic,
    patient,
    questionnaire,
    said,
    summary,
)
from tests.contract.conftest import side_by_side

Write = Callable[[UnitOfWork, OpenClinic], Any]

ALL = PageRequest(limit=200)
HOUR = timedelta(hours=1)


def told(clinic: OpenClinic) -> tuple[object, ...]:
    """Return all that is kept of a clinic's intake."""
    with clinic.unit_of_work() as uow:
        forms = uow.intake_forms.page(FormFilter(), ALL).items
        return (
            uow.questionnaires.page(ALL).items,
            forms,
            [uow.intake_forms.links_of(form.id) for form in forms],
            [uow.summaries.of_form(form.id) for form in forms],
        )


def refused(clinic: OpenClinic, *writes: Callable[[UnitOfWork], object]) -> bool:
    """Return whether the store refuses *writes*; then it must keep none of them."""
    before = told(clinic)
    try:
        clinic.commit(*writes)
    except ContentionError:
        assert told(clinic) == before
        return True
    return False


class TestQuestionnaires:
    def test_the_newest_version_is_that_with_the_greatest_number(
        self, clinic: OpenClinic
    ) -> None:
        for version in (2, 10, 1):
            clinic.store_questionnaire(version=version)
        clinic.store_questionnaire("another", version=11)

        with clinic.uow as uow:
            found = uow.questionnaires.newest("intake")
            assert uow.questionnaires.newest("unknown") is None
        assert found is not None
        assert found.version == 10

    def test_a_name_has_each_version_once(self, clinic: OpenClinic) -> None:
        first = clinic.store_questionnaire()

        for twin in (questionnaire(), questionnaire("another", id=first.id)):
            assert refused(clinic, lambda uow, q=twin: uow.questionnaires.add(q))
        clinic.store_questionnaire(version=2)

    def test_another_clinic_counts_its_own_versions(
        self, clinic: OpenClinic, other: OpenClinic
    ) -> None:
        first = clinic.store_questionnaire()

        other.commit(lambda uow: uow.questionnaires.add(first))

        with other.uow as uow:
            assert uow.questionnaires.get(first.id) == first


class TestForms:
    def test_a_visit_has_one_form_that_is_not_revoked(self, clinic: OpenClinic) -> None:
        visit = clinic.store_visit()
        first = clinic.store_form(appointment_id=visit.id)
        unlinked = clinic.store_form()
        second = clinic.form(appointment_id=visit.id)

        linked = unlinked.linked(visit.id, NOW)
        assert refused(clinic, lambda uow: uow.intake_forms.add(second))
        assert refused(clinic, lambda uow: uow.intake_forms.save(linked))
        with clinic.uow as uow:
            assert uow.intake_forms.current_of(visit.id) == first

    def test_a_form_that_is_revoked_makes_room_in_the_same_block(
        self, clinic: OpenClinic
    ) -> None:
        visit = clinic.store_visit()
        first = clinic.store_form(appointment_id=visit.id)
        second = clinic.form(appointment_id=visit.id)

        clinic.commit(
            lambda uow: uow.intake_forms.save(first.revoked(NOW)),
            lambda uow: uow.intake_forms.add(second),
        )

        with clinic.uow as uow:
            assert uow.intake_forms.current_of(visit.id) == second
            assert uow.intake_forms.get(first.id) == first.revoked(NOW)

    def test_a_form_that_is_given_to_another_visit_makes_room_too(
        self, clinic: OpenClinic
    ) -> None:
        morning, noon = clinic.store_visit(), clinic.store_visit("12:00-12:30")
        form = clinic.store_form(appointment_id=morning.id)

        moved = form.linked(noon.id, NOW)
        clinic.commit(lambda uow: uow.intake_forms.save(moved))
        clinic.store_form(appointment_id=morning.id)

        with clinic.uow as uow:
            assert uow.intake_forms.current_of(noon.id) == moved

    def test_forms_for_no_visit_are_in_nobodys_way(self, clinic: OpenClinic) -> None:
        forms = [clinic.store_form(), clinic.store_form()]

        with clinic.uow as uow:
            found = uow.intake_forms.page(FormFilter(), ALL).items
        assert set(map(id_of, found)) == set(map(id_of, forms))

    def test_forms_are_found_by_all_that_is_asked(self, clinic: OpenClinic) -> None:
        ann, bea = clinic.patients
        visit = clinic.store_visit()
        first = clinic.store_form(appointment_id=visit.id)
        second = clinic.store_form(
            patient_id=bea.id, created_at=NOW + HOUR, status=FormStatus.REVIEWED
        )

        for which, expected in (
            (FormFilter(), [first, second]),
            (FormFilter(status=FormStatus.REVIEWED), [second]),
            (FormFilter(patient_id=ann.id), [first]),
            (FormFilter(appointment_id=visit.id), [first]),
            (FormFilter(patient_id=bea.id, appointment_id=visit.id), []),
            (FormFilter(patient_id=bea.id, status=FormStatus.SUBMITTED), []),
        ):
            with clinic.uow as uow:
                assert list(uow.intake_forms.page(which, ALL).items) == expected

    def test_forms_come_in_parts_from_either_end(self, clinic: OpenClinic) -> None:
        made = [clinic.store_form(created_at=NOW + n * HOUR) for n in range(5)]

        for newest_first in (False, True):
            parts, request = [], PageRequest(limit=2)
            while request:
                with clinic.uow as uow:
                    part = uow.intake_forms.page(
                        FormFilter(), request, newest_first=newest_first
                    )
                parts.append(list(part.items))
                request = part.next and PageRequest(limit=2, after=part.next)
            expected = made[::-1] if newest_first else made
            assert parts == [expected[:2], expected[2:4], expected[4:]]

    def test_a_doctor_is_told_of_those_who_have_any_visit_there(
        self, clinic: OpenClinic
    ) -> None:
        ann, bea = clinic.patients
        clinic.store_visit(status=Status.CANCELLED)
        seen = [clinic.store_form(), clinic.store_form(created_at=NOW + HOUR)]
        clinic.store_form(patient_id=bea.id)
        clinic.store_offer("12:00-12:30", clinic.store_entry(patient_id=bea.id))
        stranger = clinic.add_doctor()

        with clinic.uow as uow:
            for which in (FormFilter(), FormFilter(patient_id=ann.id)):
                found = uow.intake_forms.page(which, ALL, clinic.doctor.id).items
                assert list(found) == seen
            assert uow.intake_forms.page(FormFilter(), ALL, stranger.id).items == ()

    def test_a_form_is_saved_only_over_the_version_before(
        self, clinic: OpenClinic
    ) -> None:
        form = clinic.store_form()
        clinic.commit(lambda uow: uow.intake_forms.save(form.drafted({"a": 1}, NOW)))

        with pytest.raises(ContentionError) as contention:
            clinic.commit(lambda uow: uow.intake_forms.save(form.revoked(NOW)))

        assert isinstance(contention.value.refusal, StaleVersionError)
        assert contention.value.refusal.record_id == form.id


def id_of(record: Any) -> Any:
    return record.id


class TestLinks:
    def test_links_are_told_oldest_first(self, clinic: OpenClinic) -> None:
        form = clinic.store_form()
        late = clinic.store_link(form, created_at=NOW + HOUR)
        twins = [clinic.store_link(form, token_hash=c * 64) for c in "ba"]
        clinic.store_link(clinic.store_form())

        with clinic.uow as uow:
            assert uow.intake_forms.links_of(form.id) == (*reversed(twins), late)

    def test_a_token_that_nobody_was_given_opens_nothing(
        self, clinic: OpenClinic, other: OpenClinic
    ) -> None:
        theirs = other.store_link(other.store_form())

        with clinic.uow as uow:
            assert uow.intake_forms.hold_link("0" * 64) is None
            assert uow.intake_forms.hold_link(theirs.token_hash) is None

    def test_all_links_to_a_form_are_revoked_once(self, clinic: OpenClinic) -> None:
        form = clinic.store_form()
        gone = clinic.store_link(form, token_hash="a" * 64, revoked_at=NOW - HOUR)
        link = clinic.store_link(form, token_hash="b" * 64)
        elsewhere = clinic.store_link(clinic.store_form())

        clinic.commit(lambda uow: uow.intake_forms.revoke_links(form.id, NOW))

        with clinic.uow as uow:
            assert uow.intake_forms.links_of(form.id) == (gone, link.revoked(NOW))
            assert uow.intake_forms.hold_link(elsewhere.token_hash) == elsewhere

    def test_a_link_that_is_not_there_cannot_be_saved(self, clinic: OpenClinic) -> None:
        link = intake_link(clinic.store_form())

        assert refused(clinic, lambda uow: uow.intake_forms.save_link(link))

    def test_a_token_opens_one_form(self, clinic: OpenClinic) -> None:
        link = clinic.store_link(clinic.store_form())
        twin = evolve(link, form_id=clinic.store_form().id)

        assert refused(clinic, lambda uow: uow.intake_forms.add_link(twin))

    def test_who_comes_with_a_link_that_is_held_waits_for_the_end_of_the_block(
        self, clinic: OpenClinic
    ) -> None:
        link = clinic.store_link(clinic.store_form())
        waiting = threading.Event()

        def mistaken() -> int:
            waiting.set()
            with clinic.unit_of_work() as uow:
                held = uow.intake_forms.hold_link(link.token_hash)
                assert held is not None
                uow.intake_forms.save_link(held.mistaken())
                uow.commit()
                return held.birth_date_tries

        with ThreadPoolExecutor() as pool:
            with clinic.unit_of_work() as uow:
                held = uow.intake_forms.hold_link(link.token_hash)
                assert held is not None
                task = pool.submit(mistaken)
                assert waiting.wait(5)
                uow.intake_forms.save_link(held.mistaken())
                uow.commit()
            assert task.result(10) == 1

        with clinic.uow as uow:
            [found] = uow.intake_forms.links_of(link.form_id)
        assert found.birth_date_tries == 2

    def test_a_link_that_is_used_meanwhile_is_revoked_with_its_receipt(
        self, clinic: OpenClinic
    ) -> None:
        link = clinic.store_link(clinic.store_form())
        waiting = threading.Event()

        def revoke() -> None:
            waiting.set()
            clinic.commit(lambda uow: uow.intake_forms.revoke_links(link.form_id, NOW))

        with ThreadPoolExecutor() as pool:
            with clinic.unit_of_work() as uow:
                held = uow.intake_forms.hold_link(link.token_hash)
                assert held is not None
                task = pool.submit(revoke)
                assert waiting.wait(5)
                uow.intake_forms.save_link(held.used("f" * 64, NOW))
                uow.commit()
            task.result(10)

        with clinic.uow as uow:
            [found] = uow.intake_forms.links_of(link.form_id)
        assert found == link.used("f" * 64, NOW).revoked(NOW)

    @side_by_side
    @pytest.mark.parametrize("way", ["hold", "revoke"])
    def test_a_link_that_is_removed_while_somebody_waits_for_it_stays_removed(
        self, way: str, clinic: OpenClinic
    ) -> None:
        link = clinic.store_link(clinic.store_form())
        waiting = threading.Event()

        def second() -> object:
            waiting.set()
            with clinic.unit_of_work() as uow:
                if way == "revoke":
                    uow.intake_forms.revoke_links(link.form_id, NOW)
                    uow.commit()
                    return None
                return uow.intake_forms.hold_link(link.token_hash)

        with ThreadPoolExecutor() as pool:
            with clinic.unit_of_work() as uow:
                uow.belongings.blank(clinic.patient.id, NOW)
                assert uow.intake_forms.links_of(link.form_id) == ()
                task = pool.submit(second)
                assert waiting.wait(5)
                uow.commit()
            assert task.result(10) is None

        with clinic.uow as uow:
            assert uow.intake_forms.hold_link(link.token_hash) is None


class TestSummaries:
    @pytest.fixture
    def form(self, clinic: OpenClinic) -> IntakeForm:
        return clinic.store_form(appointment_id=clinic.store_visit().id)

    def test_a_form_has_one_summary_that_is_not_superseded(
        self, clinic: OpenClinic, form: IntakeForm
    ) -> None:
        first = clinic.store_summary(form, appointment_id=None)
        twin = summary(form, appointment_id=None)
        old = clinic.store_summary(form, superseded_at=NOW)

        assert refused(clinic, lambda uow: uow.summaries.add(twin))
        back = evolve(old, superseded_at=None, version=2)
        assert refused(clinic, lambda uow: uow.summaries.save(back))
        with clinic.uow as uow:
            assert uow.summaries.current_of(form.id) == first

    def test_a_visit_has_one_too(self, clinic: OpenClinic, form: IntakeForm) -> None:
        clinic.store_summary(form)
        other = clinic.store_form()
        of_other = clinic.store_summary(other)
        twin = summary(clinic.store_form(), appointment_id=form.appointment_id)

        assert refused(clinic, lambda uow: uow.summaries.add(twin))
        moved = of_other.of_visit(form.appointment_id)
        assert refused(clinic, lambda uow: uow.summaries.save(moved))

    def test_one_that_is_superseded_makes_room_in_the_same_block(
        self, clinic: OpenClinic, form: IntakeForm
    ) -> None:
        first = clinic.store_summary(form)
        second = summary(form)

        clinic.commit(
            lambda uow: uow.summaries.save(first.superseded(NOW)),
            lambda uow: uow.summaries.add(second),
        )

        with clinic.uow as uow:
            assert uow.summaries.current_of(form.id) == second
            assert uow.summaries.get(first.id) == first.superseded(NOW)

    def test_a_form_is_flagged_by_its_current_summary_and_its_visit_with_it(
        self, clinic: OpenClinic, form: IntakeForm
    ) -> None:
        ann, bea = clinic.patients
        flag = digest(red_flags=(said("Chest pain"),))
        loose = clinic.store_form(patient_id=bea.id, created_at=NOW + HOUR)
        calm = clinic.store_form(created_at=NOW + 2 * HOUR)
        clinic.store_form(created_at=NOW + 3 * HOUR)
        clinic.store_summary(form, digest=flag)
        clinic.store_summary(loose, digest=flag, patient_id=bea.id)
        clinic.store_summary(calm, digest=digest())
        clinic.store_summary(calm, digest=flag, superseded_at=NOW)

        with clinic.uow as uow:
            of_ann = uow.summaries.flagged({ann.id})
            of_both = uow.summaries.flagged([ann.id, bea.id])
            of_nobody = uow.summaries.flagged([])
            flagged = uow.intake_forms.page(FormFilter(flagged=True), ALL).items
        assert of_ann == {form.id, form.appointment_id}
        assert of_both == {*of_ann, loose.id}
        assert of_nobody == frozenset()
        assert flagged == (form, loose)

    def test_another_clinics_red_flags_are_not_told(
        self, clinic: OpenClinic, other: OpenClinic, form: IntakeForm
    ) -> None:
        clinic.store_summary(form, digest=digest(red_flags=(said("Chest pain"),)))

        with other.uow as uow:
            assert not uow.summaries.flagged({clinic.patient.id})
            assert not uow.intake_forms.page(FormFilter(flagged=True), ALL).items

    def test_a_forms_summaries_are_told_newest_first(
        self, clinic: OpenClinic, form: IntakeForm
    ) -> None:
        summaries = [
            # Made before the others, and still the one that counts.
            clinic.store_summary(form, generated_at=NOW - HOUR),
            clinic.store_summary(form, superseded_at=NOW + 2 * HOUR),
            clinic.store_summary(form, superseded_at=NOW + HOUR, generated_at=NOW),
            clinic.store_summary(
                form, superseded_at=NOW + HOUR, generated_at=NOW - HOUR
            ),
        ]
        clinic.store_summary(clinic.store_form())

        with clinic.uow as uow:
            assert list(uow.summaries.of_form(form.id)) == summaries

    def test_a_form_without_a_summary_has_none(
        self, clinic: OpenClinic, form: IntakeForm
    ) -> None:
        clinic.store_summary(form, superseded_at=NOW)

        with clinic.uow as uow:
            assert uow.summaries.current_of(form.id) is None
            assert uow.summaries.of_form(clinic.form().id) == ()

    def test_a_summary_is_saved_only_over_the_version_before(
        self, clinic: OpenClinic, form: IntakeForm
    ) -> None:
        asked = clinic.store_summary(form)
        made = asked.generated(digest(), [], "extractive-1", NOW)
        clinic.commit(lambda uow: uow.summaries.save(made))

        with pytest.raises(ContentionError) as contention:
            clinic.commit(lambda uow: uow.summaries.save(asked.superseded(NOW)))

        assert isinstance(contention.value.refusal, StaleVersionError)
        with clinic.uow as uow:
            assert uow.summaries.current_of(form.id) == made


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(
            lambda uow, clinic: uow.intake_forms.add(intake_form(patient().id)),
            id="a form of an unknown patient",
        ),
        pytest.param(
            lambda uow, clinic: uow.intake_forms.add(
                clinic.form(appointment_id=clinic.visit().id)
            ),
            id="a form for an unknown visit",
        ),
        pytest.param(
            lambda uow, clinic: uow.intake_forms.add(
                clinic.form(questionnaire_id=questionnaire().id)
            ),
            id="a form of an unknown questionnaire",
        ),
        pytest.param(
            lambda uow, clinic: uow.intake_forms.add(
                clinic.form(reviewed_by_id=uuid4())
            ),
            id="a form reviewed by nobody",
        ),
        pytest.param(
            lambda uow, clinic: uow.intake_forms.add_link(intake_link(clinic.form())),
            id="a link to an unknown form",
        ),
        pytest.param(
            lambda uow, clinic: uow.summaries.add(summary(clinic.form())),
            id="a summary of an unknown form",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.intake_forms.add(form := clinic.form()),
                uow.summaries.add(summary(form, patient_id=patient().id)),
            ],
            id="a summary of an unknown patient",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.intake_forms.add(form := clinic.form()),
                uow.summaries.add(summary(form, appointment_id=clinic.visit().id)),
            ],
            id="a summary for an unknown visit",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.intake_forms.add(form := clinic.form()),
                uow.summaries.add(summary(form, signed_by_id=uuid4())),
            ],
            id="a summary signed by nobody",
        ),
        pytest.param(
            lambda uow, clinic: uow.intake_forms.save(clinic.form(version=2)),
            id="another version of an unknown form",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.intake_forms.add(form := clinic.form()),
                uow.summaries.save(summary(form, version=2)),
            ],
            id="another version of an unknown summary",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.intake_forms.add(form := clinic.form()),
                uow.intake_forms.add(form),
            ],
            id="a form twice",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.intake_forms.add(form := clinic.form()),
                uow.summaries.add(one := summary(form, superseded_at=NOW)),
                uow.summaries.add(one),
            ],
            id="a summary twice",
        ),
    ],
)
def test_nothing_of_intake_hangs_in_the_air(write: Write, clinic: OpenClinic) -> None:
    assert refused(clinic, lambda uow: write(uow, clinic))


@pytest.fixture
def filled(other: OpenClinic) -> tuple[OpenClinic, IntakeForm, Summary]:
    """Another clinic with a form for a visit, a link to it and a summary."""
    asked = other.store_questionnaire()
    visit = other.store_visit()
    form = other.store_form(appointment_id=visit.id, questionnaire_id=asked.id)
    other.store_link(form)
    return other, form, other.store_summary(form)


Filled = tuple[OpenClinic, IntakeForm, Summary]


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        pytest.param(
            lambda uow, form, made: uow.questionnaires.get(form.questionnaire_id),
            QuestionnaireNotFoundError,
            id="questionnaires.get",
        ),
        pytest.param(
            lambda uow, form, made: uow.intake_forms.get(form.id),
            FormNotFoundError,
            id="intake_forms.get",
        ),
        pytest.param(
            lambda uow, form, made: uow.summaries.get(made.id),
            SummaryNotFoundError,
            id="summaries.get",
        ),
    ],
)
def test_another_clinics_intake_is_not_found(
    ask: Callable[..., object],
    error: type[Exception],
    clinic: OpenClinic,
    filled: Filled,
) -> None:
    _, form, made = filled

    with clinic.uow as uow, pytest.raises(error):
        ask(uow, form, made)


def test_nothing_of_another_clinics_intake_is_told(
    clinic: OpenClinic, filled: Filled
) -> None:
    _, form, _ = filled
    which = FormFilter(patient_id=form.patient_id)

    with clinic.uow as uow:
        assert uow.questionnaires.page(ALL).items == ()
        assert uow.questionnaires.newest("intake") is None
        assert uow.intake_forms.page(which, ALL).items == ()
        assert uow.intake_forms.current_of(form.appointment_id) is None
        assert uow.intake_forms.links_of(form.id) == ()
        assert uow.summaries.current_of(form.id) is None
        assert uow.summaries.of_form(form.id) == ()


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(
            lambda uow, we, form, made: uow.intake_forms.save(form.revoked(NOW)),
            id="intake_forms.save",
        ),
        pytest.param(
            lambda uow, we, form, made: uow.intake_forms.add(
                intake_form(form.patient_id)
            ),
            id="intake_forms.add, with their patient",
        ),
        pytest.param(
            lambda uow, we, form, made: uow.intake_forms.add(
                we.form(appointment_id=form.appointment_id)
            ),
            id="intake_forms.add, for their visit",
        ),
        pytest.param(
            lambda uow, we, form, made: uow.intake_forms.add(
                we.form(questionnaire_id=form.questionnaire_id)
            ),
            id="intake_forms.add, with their questionnaire",
        ),
        pytest.param(
            lambda uow, we, form, made: uow.intake_forms.add_link(intake_link(form)),
            id="intake_forms.add_link",
        ),
        pytest.param(
            lambda uow, we, form, made: uow.summaries.save(made.superseded(NOW)),
            id="summaries.save",
        ),
        pytest.param(
            lambda uow, we, form, made: uow.summaries.add(
                summary(form, patient_id=we.patient.id, appointment_id=None)
            ),
            id="summaries.add, of their form",
        ),
    ],
)
def test_no_write_reaches_into_another_clinics_intake(
    write: Callable[..., object], clinic: OpenClinic, filled: Filled
) -> None:
    theirs, form, made = filled
    before = told(theirs)

    with pytest.raises(ContentionError):
        clinic.commit(lambda uow: write(uow, clinic, form, made))

    assert told(theirs) == before


def test_another_clinics_links_are_neither_revoked_nor_removed(
    clinic: OpenClinic, filled: Filled
) -> None:
    theirs, form, _ = filled
    before = told(theirs)

    clinic.commit(
        lambda uow: uow.intake_forms.revoke_links(form.id, NOW),
        lambda uow: uow.belongings.blank(form.patient_id, NOW),
        lambda uow: uow.belongings.move(form.patient_id, clinic.patient.id, NOW),
        lambda uow: uow.patients.remove(form.patient_id),
    )

    assert told(theirs) == before


class TestBelongings:
    """What becomes of intake with the patient who told it."""

    @pytest.fixture
    def form(self, clinic: OpenClinic) -> IntakeForm:
        form = clinic.store_form(
            raw_answers={"question1": "MARKER"},
            draft={"question1": "MARKER"},
            dropped=("/MARKER",),
            status=FormStatus.REVIEWED,
            submitted_at=NOW - HOUR,
            reviewed_at=NOW,
        )
        clinic.store_link(form)
        return form

    @pytest.fixture
    def made(self, clinic: OpenClinic, form: IntakeForm) -> Summary:
        dropped = Dropped(item="notes", text="MARKER", reason=DropReason.NEGATION)
        failure = Failure(reason=FailureReason.TIMED_OUT, model_version="gpt-4")
        return clinic.store_summary(
            form,
            digest=digest("MARKER"),
            machine=digest("MARKER"),
            dropped=(dropped,),
            failure=failure,
        )

    def test_a_record_has_the_draft_and_the_whole_summary(
        self, clinic: OpenClinic, form: IntakeForm, made: Summary
    ) -> None:
        with clinic.uow as uow:
            belongings = uow.belongings.of(clinic.patient.id)

        [given] = belongings["intake_forms"]
        assert IntakeForm(**given) == form  # type: ignore[arg-type]
        assert belongings["ai_intake_summaries"] == (made,)

    def test_everything_moves_to_whom_the_patient_is_merged_into(
        self, clinic: OpenClinic, form: IntakeForm, made: Summary
    ) -> None:
        other = clinic.patients[1]

        with clinic.uow as uow:
            moved = uow.belongings.move(clinic.patient.id, other.id, NOW + HOUR)
            uow.commit()

        assert moved["intake_forms"] == (form.id,)
        assert moved["ai_intake_summaries"] == (made.id,)
        with clinic.uow as uow:
            assert uow.intake_forms.get(form.id) == evolve(
                form, patient_id=other.id, version=2, updated_at=NOW + HOUR
            )
            assert uow.summaries.get(made.id) == evolve(
                made, patient_id=other.id, version=2
            )
            assert len(uow.intake_forms.links_of(form.id)) == 1

    def test_erasing_keeps_that_there_was_a_form_and_a_summary(
        self, clinic: OpenClinic, form: IntakeForm, made: Summary
    ) -> None:
        other = clinic.store_form(patient_id=clinic.patients[1].id)
        link = clinic.store_link(other)

        with clinic.uow as uow:
            uow.belongings.blank(clinic.patient.id, NOW + HOUR)
            uow.commit()

        with clinic.uow as uow:
            blank = uow.intake_forms.get(form.id)
            assert blank == evolve(
                form,
                raw_answers={},
                draft=None,
                dropped=(),
                version=2,
                updated_at=NOW + HOUR,
            )
            assert uow.summaries.get(made.id) == evolve(
                made, digest=Digest(), machine=None, dropped=(), version=2
            )
            assert uow.intake_forms.links_of(form.id) == ()
            assert uow.intake_forms.get(other.id) == other
            assert uow.intake_forms.links_of(other.id) == (link,)

    def test_what_is_saved_of_an_older_version_does_not_bring_it_back(
        self, clinic: OpenClinic, form: IntakeForm, made: Summary
    ) -> None:
        clinic.commit(lambda uow: uow.belongings.blank(clinic.patient.id, NOW))

        linked = form.linked(None, NOW)
        assert refused(clinic, lambda uow: uow.intake_forms.save(linked))
        late = made.generated(digest("MARKER"), [], "gpt-4", NOW)
        assert refused(clinic, lambda uow: uow.summaries.save(late))

    def test_a_patient_is_removed_with_all_that_was_told(
        self, clinic: OpenClinic, form: IntakeForm, made: Summary
    ) -> None:
        other = clinic.store_form(patient_id=clinic.patients[1].id)

        clinic.commit(lambda uow: uow.patients.remove(clinic.patient.id))

        with clinic.uow as uow:
            with pytest.raises(PatientNotFoundError):
                uow.patients.get(clinic.patient.id)
            assert uow.intake_forms.page(FormFilter(), ALL).items == (other,)
            assert uow.intake_forms.links_of(form.id) == ()
            assert uow.summaries.of_form(form.id) == ()
            with pytest.raises(SummaryNotFoundError):
                uow.summaries.get(made.id)


@pytest.mark.parametrize("way", ["move", "blank"])
def test_what_is_submitted_meanwhile_is_not_lost_in_memory(way: str) -> None:
    """The databases change what they find, whichever version it is."""
    clinic = open_clinic(MemoryStore())
    form = clinic.store_form()
    submitted = form.submitted({"question1": "A headache"}, [], NOW)

    with clinic.uow as uow:
        to = [clinic.patients[1].id] * (way == "move")
        getattr(uow.belongings, way)(clinic.patient.id, *to, NOW)
        clinic.commit(lambda uow: uow.intake_forms.save(submitted))
        with pytest.raises(ContentionError):
            uow.commit()

    with clinic.uow as uow:
        assert uow.intake_forms.get(form.id) == submitted


def test_who_is_sent_a_form_meanwhile_is_not_removed_from_memory() -> None:
    """The databases remove what they find when they come to it."""
    clinic = open_clinic(MemoryStore())

    with clinic.uow as uow:
        uow.patients.remove(clinic.patient.id)
        form = clinic.store_form()
        with pytest.raises(ContentionError):
            uow.commit()

    with clinic.uow as uow:
        assert uow.patients.get(clinic.patient.id) == clinic.patient
        assert uow.intake_forms.get(form.id) == form
