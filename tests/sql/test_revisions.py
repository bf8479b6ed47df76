"""What going up and down does to the rows that are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from attrs import frozen
from sqlalchemy import Connection, bindparam, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from clinicflow_core.accounts.permissions import system
from clinicflow_core.desk import booking
from clinicflow_core.entities.ids import AppointmentId, ClinicId, FormId
from clinicflow_core.entities.intake import IntakeForm
from clinicflow_core.entities.summary import (
    Digest,
    Summary,
    SummaryItem,
    SummaryStatus,
)
from clinicflow_core.ports import FormFilter, PageRequest
from clinicflow_core.sql import migration
from clinicflow_core.sql.drift import differences
from clinicflow_core.sql.engine import make_engine
from clinicflow_core.sql.store import SqlStore
from clinicflow_core.sql.types import Key
from tests.postgres import PostgresServer
from tests.sql.conftest import OpenStore
from tests.sql.rows import Rows

pytestmark = pytest.mark.slow

TEN = datetime(2026, 3, 2, 15, tzinfo=UTC)
AT_TEN = {"starts_at": TEN, "ends_at": TEN + timedelta(minutes=30)}

CHANGED = {"overbooked", "holds_time", "override_conflicts"}
"""Columns of visits that do not outlive the first revision as they are."""

TO_THE_DIARY = ["0002"]
TO_INTAKE = ["0003"]
BACK_AND_FORTH = ["0002", "0003", "0002", "0001", "0003"]
ways = pytest.mark.parametrize(
    "way", [TO_INTAKE, BACK_AND_FORTH], ids=["up", "up, down and up"]
)


TOLD = {
    "summary_text": 'Has a "headache"; wants ünderstanding.',
    "patient_concerns": ["Headache", "It's 5 o'clock \\ {fatigue}"],
    "medications": [],
    "allergies": None,
    "key_notes": "Chest pain\nNo known allergies",
}


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def go(url: str, way: list[str]) -> None:
    """Take the database to each revision of *way*."""
    for revision in way:
        engine = make_engine(url)
        step = (
            migration.upgrade
            if revision > (migration.current(engine) or "")
            else migration.downgrade
        )
        engine.dispose()
        step(url, revision)


@frozen
class Old:
    """
    A database of the first revision.

    Attributes:
        columns: By table.
        overbooked: At ten, beside another visit that its doctor had by then.
    """

    url: str
    columns: Mapping[str, list[str]]
    clinic_id: ClinicId
    doctor_id: UUID
    patient_id: UUID
    overbooked: UUID

    def contents(self) -> dict[str, list[str]]:
        """Return all rows, as far as they are the same in every revision."""
        with connected(self.url) as connection:
            return {
                table: sorted(
                    map(repr, connection.execute(text(f"SELECT {listed} FROM {table}")))
                )
                for table, columns in self.columns.items()
                for listed in [", ".join(columns)]
            }

    def beside(self, person: str, connection: Connection, **fields: Any) -> UUID:
        """Add a visit at ten of doctor or patient with somebody else."""
        rows = Rows(connection)
        rows._ids["clinics"] = self.clinic_id
        people = {f"{person}_id": getattr(self, f"{person}_id")}
        return rows.add("appointments", **people, **AT_TEN, **fields)


def filled(url: str) -> Old:
    """Fill a database of the first revision."""
    with connected(url) as connection:
        rows = Rows(connection)
        visit = rows.id_of("appointments")
        rows.add("cancellations", reason_note="has a cold")
        rows.add("ai_intake_summaries", **TOLD)
        rows.add(
            "appointments", status="completed", **AT_TEN, doctor_id=rows.add("doctors")
        )
        rows.add("appointments", **AT_TEN, patient_id=rows.add("patients"))
        cancelled = rows.add("appointments", **AT_TEN, status="cancelled")
        rows.add("cancellations", appointment_id=cancelled)
        overbooked = rows.add(
            "appointments",
            **AT_TEN,
            status="cancelled",
            override_reason="an emergency",
            override_conflicts=["doctor-busy", "outside-hours"],
        )
        stands = text(
            "UPDATE appointments SET overbooked = true, status = 'unconfirmed' "
            "WHERE id = :id"
        ).bindparams(bindparam("id", type_=Key))
        connection.execute(stands, {"id": overbooked})
        found = inspect(connection)
        columns = {
            table: [
                column["name"]
                for column in found.get_columns(table)
                if table != "appointments" or column["name"] not in CHANGED
            ]
            for table in found.get_table_names()
            if table != migration.VERSION_TABLE
        }
        assert visit != overbooked
        return Old(
            url,
            columns,
            rows.id_of("clinics"),
            rows.id_of("doctors"),
            rows.id_of("patients"),
            overbooked,
        )


@pytest.fixture
def old(empty_database_url: str) -> Old:
    migration.upgrade(empty_database_url, "0001")
    return filled(empty_database_url)


def sharing(old: Old) -> dict[UUID, tuple[bool, ...]]:
    """Return whether each visit shares and holds doctor and patient."""
    with connected(old.url) as connection:
        found = connection.execute(
            text(
                "SELECT id, shares_doctor, shares_patient, holds_doctor, holds_patient "
                "FROM appointments"
            )
        )
        return {UUID(str(key)): tuple(map(bool, told)) for key, *told in found}


def test_every_row_stays_as_it_was(old: Old) -> None:
    before = old.contents()

    for revision in BACK_AND_FORTH:
        go(old.url, [revision])
        assert old.contents() == before, revision

    assert len(before["appointments"]) == 5
    assert len(before["cancellations"]) == 2


@ways
def test_who_was_overbooked_goes_on_sharing_everybodys_time(
    way: list[str], old: Old
) -> None:
    go(old.url, way)

    shares = sharing(old)
    assert shares.pop(old.overbooked) == (True, True, False, False)
    assert {told[:2] for told in shares.values()} == {(False, False)}


@ways
def test_who_was_overbooked_takes_the_next_step_beside_the_others(
    way: list[str], old: Old, open_: OpenStore
) -> None:
    go(old.url, way)
    store = open_(old.url)

    visit = booking.confirm(
        AppointmentId(old.overbooked),
        store.unit_of_work(old.clinic_id, system("system")),
    )

    assert visit.override.conflicts == ("doctor-busy", "patient-busy", "outside-hours")
    assert sharing(old)[old.overbooked] == (True, True, False, False)


@pytest.mark.parametrize("person", ["doctor", "patient"])
def test_whose_time_was_held_holds_it_in_every_revision(person: str, old: Old) -> None:
    for revision in ["0001", *BACK_AND_FORTH]:
        go(old.url, [revision])
        with (
            pytest.raises(IntegrityError, match=f"ex_appointments_{person}"),
            connected(old.url) as connection,
        ):
            old.beside(person, connection)


@pytest.mark.parametrize("person", ["doctor", "patient"])
def test_who_shared_one_persons_time_shares_both_once_the_diary_is_gone(
    person: str, old: Old
) -> None:
    go(old.url, TO_THE_DIARY)
    with connected(old.url) as connection:
        visit = old.beside(person, connection, **{f"shares_{person}": True})
    is_doctor = person == "doctor"
    assert sharing(old)[visit] == (is_doctor, not is_doctor, not is_doctor, is_doctor)

    go(old.url, ["0001"])
    with connected(old.url) as connection:
        overbooked = dict(
            connection.execute(text("SELECT id, overbooked FROM appointments")).all()
        )
    go(old.url, ["0002"])

    marked = {UUID(str(key)) for key, is_so in overbooked.items() if is_so}
    assert marked == {old.overbooked, visit}
    assert sharing(old)[visit] == (True, True, False, False)


def test_what_was_only_offered_is_gone_with_the_diary_and_visits_stay(
    old: Old,
) -> None:
    before = old.contents()
    go(old.url, TO_THE_DIARY)
    with connected(old.url) as connection:
        rows = Rows(connection)
        for table in ("dated_hours", "time_off", "waitlist_offers"):
            rows.add(table)
        rows.add("appointments", offered_until=TEN)
        kept = rows.add(
            "appointments",
            series_id=rows.id_of("appointment_series"),
            times_moved=2,
            starts_at=TEN + timedelta(days=1),
            ends_at=TEN + timedelta(days=1, minutes=30),
        )

    go(old.url, ["0001"])

    after = old.contents()
    assert len(after["appointments"]) == len(before["appointments"]) + 1
    with connected(old.url) as connection:
        ids = connection.execute(text("SELECT id FROM appointments")).scalars()
        assert kept in {UUID(str(key)) for key in ids}


def of_the_form(store: SqlStore, old: Old) -> tuple[IntakeForm, tuple[Summary, ...]]:
    """Return the one form with its summaries, as the store reads them."""
    with store.unit_of_work(old.clinic_id, system("system")) as uow:
        [form] = uow.intake_forms.page(FormFilter(), PageRequest()).items
        return form, uow.summaries.of_form(form.id)


@ways
def test_a_summary_of_before_says_the_same_without_sources(
    way: list[str], old: Old, open_: OpenStore
) -> None:
    go(old.url, way)

    form, [found] = of_the_form(open_(old.url), old)

    concerns = TOLD["patient_concerns"]
    assert found.digest == Digest(
        summary=(SummaryItem(text=TOLD["summary_text"]),),
        patient_concerns=tuple(SummaryItem(text=text) for text in concerns),
        notes=(SummaryItem(text=TOLD["key_notes"]),),
    )
    assert (found.summary_text, found.key_notes) == (
        TOLD["summary_text"],
        TOLD["key_notes"],
    )
    assert (found.status, found.version) == (SummaryStatus.GENERATED, 1)
    assert (found.machine, found.failure, found.dropped) == (None, None, ())
    assert (form.version, form.draft, form.dropped) == (1, None, ())


@pytest.mark.parametrize("submitted_at", [TEN, None], ids=["submitted", "pending"])
def test_a_form_of_before_was_last_changed_when_it_was_submitted_or_made(
    submitted_at: datetime | None, empty_database_url: str, open_: OpenStore
) -> None:
    migration.upgrade(empty_database_url, "0002")
    made_at = TEN - timedelta(days=1)
    with connected(empty_database_url) as connection:
        rows = Rows(connection)
        form = rows.add("intake_forms", created_at=made_at, submitted_at=submitted_at)
        clinic_id = rows.id_of("clinics")

    go(empty_database_url, TO_INTAKE)

    store = open_(empty_database_url)
    with store.unit_of_work(ClinicId(clinic_id), system("system")) as uow:
        found = uow.intake_forms.get(FormId(form))
    assert found.updated_at == (submitted_at or made_at)
    assert found.created_at == made_at


def test_of_several_summaries_of_a_form_the_newest_stands(
    empty_database_url: str, open_: OpenStore
) -> None:
    """They were of several visits, of which each could have one."""
    migration.upgrade(empty_database_url, "0001")
    with connected(empty_database_url) as connection:
        rows = Rows(connection)
        first, second, third = (
            rows.add(
                "ai_intake_summaries",
                appointment_id=rows.add("appointments", status="cancelled"),
                generated_at=TEN + timedelta(hours=hours),
            )
            for hours in (0, 1, 2)
        )
        clinic_id, form_id = rows.id_of("clinics"), rows.id_of("intake_forms")

    go(empty_database_url, TO_INTAKE)

    store = open_(empty_database_url)
    with store.unit_of_work(ClinicId(clinic_id), system("system")) as uow:
        found = uow.summaries.of_form(FormId(form_id))
    assert [(each.id, each.superseded_at) for each in found] == [
        (third, None),
        (second, TEN + timedelta(hours=2)),
        (first, TEN + timedelta(hours=1)),
    ]


@pytest.mark.slow
def test_what_a_visit_can_have_only_once_is_left_out_without_intake(
    empty_database_url: str,
) -> None:
    migration.upgrade(empty_database_url, "0003")
    with connected(empty_database_url) as connection:
        rows = Rows(connection)
        visit = rows.id_of("appointments")
        current = rows.add("intake_forms", appointment_id=visit, draft={"a": "b"})
        revoked = rows.add("intake_forms", appointment_id=visit, revoked_at=TEN)
        of_none = rows.add(
            "intake_forms", questionnaire_id=rows.id_of("questionnaires")
        )
        of_form = {"intake_form_id": current}
        kept = rows.add("ai_intake_summaries", **of_form, digest={"notes": []})
        rows.add("ai_intake_summaries", **of_form, superseded_at=TEN)
        rows.add("ai_intake_summaries", intake_form_id=of_none, appointment_id=None)
        rows.add("intake_links", form_id=current)

    go(empty_database_url, ["0002"])

    with connected(empty_database_url) as connection:
        forms = connection.execute(text("SELECT id, appointment_id FROM intake_forms"))
        found = {UUID(str(form)): of and UUID(str(of)) for form, of in forms}
        summaries = connection.execute(text("SELECT id FROM ai_intake_summaries"))
        assert [UUID(str(key)) for (key,) in summaries] == [kept]
    assert found == {current: visit, revoked: None, of_none: None}
    go(empty_database_url, TO_INTAKE)


@pytest.mark.slow
@pytest.mark.parametrize("way", [BACK_AND_FORTH, ["base", *BACK_AND_FORTH]], ids=len)
def test_who_went_back_and_forth_has_not_drifted(way: list[str], old: Old) -> None:
    go(old.url, way)

    engine = make_engine(old.url)
    assert differences(engine) == []
    engine.dispose()


@pytest.fixture
def plain_owner(postgres: PostgresServer) -> Iterator[tuple[str, str]]:
    """The URLs of an empty database for a superuser, and for a plain owner of it."""
    name = f"plain_{uuid4().hex}"
    url = postgres.create_database(name)
    with connected(url) as connection:
        connection.execute(text(f"CREATE ROLE {name} LOGIN"))
        connection.execute(text(f"ALTER DATABASE {name} OWNER TO {name}"))
    yield url, make_url(url).set(username=name).render_as_string(hide_password=False)
    postgres.drop_database(name)


@ways
def test_an_owner_whom_row_level_security_holds_changes_all_rows(
    way: list[str], plain_owner: tuple[str, str]
) -> None:
    above, owner = plain_owner
    migration.upgrade(owner, "0001")
    old = filled(above)
    with connected(owner) as connection:
        assert connection.scalar(text("SELECT count(*) FROM appointments")) == 0

    go(owner, way)

    assert sharing(old)[old.overbooked] == (True, True, False, False)
    with connected(above) as connection:
        digest = connection.scalar(text("SELECT digest FROM ai_intake_summaries"))
    assert digest["summary"][0]["text"] == TOLD["summary_text"]
    with connected(owner) as connection:
        assert connection.scalar(text("SELECT count(*) FROM appointments")) == 0
