"""Intake in memory: questionnaires, forms with their links, and summaries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any

from clinicflow_core import ports
from clinicflow_core.entities.ids import (
    AppointmentId,
    ClinicId,
    DoctorId,
    FormId,
    PatientId,
    QuestionnaireId,
    SummaryId,
)
from clinicflow_core.entities.intake import IntakeForm, IntakeLink
from clinicflow_core.entities.questionnaire import Questionnaire
from clinicflow_core.entities.summary import Summary
from clinicflow_core.errors import (
    ContentionError,
    FormNotFoundError,
    QuestionnaireNotFoundError,
    StoreBusyError,
    SummaryNotFoundError,
)
from clinicflow_core.memory.repository import OF_INTAKE, Repository, follows, page_of
from clinicflow_core.memory.transaction import Transaction, nothing


class MemoryQuestionnaires(Repository):
    """See `ports.Questionnaires`."""

    def add(self, questionnaire: Questionnaire) -> None:
        name, version = questionnaire.definition.name, questionnaire.version
        is_taken = self._no_other(
            "questionnaires",
            questionnaire.id,
            lambda other: (other.definition.name, other.version) == (name, version),
        )
        self._put("questionnaires", questionnaire, nothing, is_taken)

    def get(self, questionnaire_id: QuestionnaireId) -> Questionnaire:
        found: Questionnaire = self._get(
            "questionnaires", questionnaire_id, QuestionnaireNotFoundError
        )
        return found

    def newest(self, name: str) -> Questionnaire | None:
        found = (q for q in self._all("questionnaires") if q.definition.name == name)
        return max(found, key=lambda each: each.version, default=None)

    def page(self, request: ports.PageRequest) -> ports.Page[Questionnaire]:
        return page_of(self._all("questionnaires"), request)


class MemoryIntakeForms(Repository):
    """See `ports.IntakeForms`."""

    def add(self, form: IntakeForm) -> None:
        self._put("intake_forms", form, nothing, *self._can_stand(form))

    def get(self, form_id: FormId) -> IntakeForm:
        found: IntakeForm = self._get("intake_forms", form_id, FormNotFoundError)
        return found

    def save(self, form: IntakeForm) -> None:
        self._put("intake_forms", form, follows(form), *self._can_stand(form))

    def page(
        self,
        which: ports.FormFilter,
        request: ports.PageRequest,
        of_doctor: DoctorId | None = None,
        *,
        newest_first: bool = False,
    ) -> ports.Page[IntakeForm]:
        theirs = {
            visit.patient_id
            for visit in self._all("appointments")
            if visit.doctor_id == of_doctor
        }
        flagged = {
            summary.intake_form_id
            for summary in self._all("ai_intake_summaries")
            if summary.is_flagged
        }
        found = (
            form
            for form in self._all("intake_forms")
            if which.status in (None, form.status)
            and which.patient_id in (None, form.patient_id)
            and which.appointment_id in (None, form.appointment_id)
            and (form.id in flagged or not which.flagged)
            and (of_doctor is None or form.patient_id in theirs)
        )
        return page_of(found, request, backwards=newest_first)

    def current_of(self, appointment_id: AppointmentId) -> IntakeForm | None:
        found = (
            form
            for form in self._all("intake_forms")
            if form.appointment_id == appointment_id and form.revoked_at is None
        )
        return next(found, None)

    def add_link(self, link: IntakeLink) -> None:
        self._write_link(link, nothing, self._there("intake_forms", link.form_id))

    def find_link(self, token_hash: str) -> IntakeLink | None:
        found: IntakeLink | None = self._transaction.find(
            "intake_links", self._clinic_id, (token_hash,)
        )
        return found

    def hold_link(self, token_hash: str) -> IntakeLink | None:
        # Of what is only guessed no lock is kept.
        if self.find_link(token_hash) is None:
            return None
        self._transaction.hold([("intake_link", self._clinic_id, token_hash)])
        return self.find_link(token_hash)

    def save_link(self, link: IntakeLink) -> None:
        self._write_link(link, _something)

    def links_of(self, form_id: FormId) -> tuple[IntakeLink, ...]:
        found = (link for link in self._all("intake_links") if link.form_id == form_id)
        return tuple(sorted(found, key=lambda link: (link.created_at, link.token_hash)))

    def revoke_links(self, form_id: FormId, now: datetime) -> None:
        for link in self.held_links_of(form_id):
            self.save_link(link.revoked(now))

    def held_links_of(self, form_id: FormId) -> Iterator[IntakeLink]:
        """Yield the links to a form, each held and as it is then."""
        for token_hash in sorted(link.token_hash for link in self.links_of(form_id)):
            link = self.hold_link(token_hash)
            if link is not None:
                yield link

    def remove_links_of(self, form_id: FormId) -> None:
        for link in self.held_links_of(form_id):
            key = (link.token_hash,)
            self._transaction.write("intake_links", self._clinic_id, key, None)

    def _write_link(self, link: IntakeLink, *checks: Callable[[Any], None]) -> None:
        def check(stored: Any) -> None:
            for each in checks:
                each(stored)

        key = (link.token_hash,)
        self._transaction.write("intake_links", self._clinic_id, key, link, check)

    def _can_stand(self, form: IntakeForm) -> Iterator[Callable[[Any], None]]:
        yield self._there("patients", form.patient_id)
        yield self._there("appointments", form.appointment_id)
        yield self._there("questionnaires", form.questionnaire_id)
        yield self._there("users", form.reviewed_by_id)
        if form.appointment_id is not None and form.revoked_at is None:
            yield self._no_other(
                "intake_forms",
                form.id,
                lambda other: (
                    other.appointment_id == form.appointment_id
                    and other.revoked_at is None
                ),
            )


class MemorySummaries(Repository):
    """See `ports.Summaries`."""

    def add(self, summary: Summary) -> None:
        self._put("ai_intake_summaries", summary, nothing, *self._can_stand(summary))

    def get(self, summary_id: SummaryId) -> Summary:
        found: Summary = self._get(
            "ai_intake_summaries", summary_id, SummaryNotFoundError
        )
        return found

    def save(self, summary: Summary) -> None:
        checks = (follows(summary), *self._can_stand(summary))
        self._put("ai_intake_summaries", summary, *checks)

    def current_of(self, form_id: FormId) -> Summary | None:
        of_form = self.of_form(form_id)
        return next((s for s in of_form if s.superseded_at is None), None)

    def of_form(self, form_id: FormId) -> tuple[Summary, ...]:
        found = (s for s in self._all("ai_intake_summaries") if _is_of(s, form_id))
        return tuple(sorted(found, key=_age, reverse=True))

    def flagged(
        self, patient_ids: Collection[PatientId]
    ) -> frozenset[FormId | AppointmentId]:
        return frozenset(
            flagged
            for summary in self._all("ai_intake_summaries")
            if summary.is_flagged and summary.patient_id in patient_ids
            for flagged in (summary.intake_form_id, summary.appointment_id)
            if flagged is not None
        )

    def _can_stand(self, summary: Summary) -> Iterator[Callable[[Any], None]]:
        yield self._there("patients", summary.patient_id)
        yield self._there("appointments", summary.appointment_id)
        yield self._there("intake_forms", summary.intake_form_id)
        yield self._there("users", summary.signed_by_id)
        if summary.superseded_at is None:
            form_id, visit_id = summary.intake_form_id, summary.appointment_id
            yield self._no_other(
                "ai_intake_summaries",
                summary.id,
                lambda other: (
                    other.superseded_at is None
                    and (
                        other.intake_form_id == form_id
                        or (visit_id is not None and other.appointment_id == visit_id)
                    )
                ),
            )


def remove_intake_of(
    patient_id: PatientId, transaction: Transaction, clinic_id: ClinicId
) -> None:
    """Remove the forms of a patient, with their links and summaries."""
    forms = MemoryIntakeForms(transaction, clinic_id)
    for table in OF_INTAKE:
        for key, record in transaction.rows(table, clinic_id).items():
            if record.patient_id == patient_id:
                if isinstance(record, IntakeForm):
                    forms.remove_links_of(record.id)
                transaction.write(table, clinic_id, key, None)


def _is_of(summary: Summary, form_id: FormId) -> bool:
    return summary.intake_form_id == form_id


def _age(summary: Summary) -> tuple[object, ...]:
    is_current = summary.superseded_at is None
    return (
        is_current,
        summary.superseded_at or summary.generated_at,
        summary.generated_at,
        summary.id,
    )


def _something(stored: Any) -> None:
    """Refuse to change what is not there."""
    if stored is None:
        raise ContentionError(StoreBusyError())
