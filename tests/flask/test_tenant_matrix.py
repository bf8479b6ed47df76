"""
Every endpoint, by everybody, with everybody's ids.

Another clinic's id must answer as one that nobody has, byte for byte; who may not do
something is told so; and nothing is read or written on the way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from copy import deepcopy
from io import StringIO
from itertools import product
from uuid import uuid4

import pytest
from attrs import field, frozen
from flask import Flask
from sqlalchemy import bindparam, select
from werkzeug.test import TestResponse

from clinicflow_core.accounts.permissions import PERMISSIONS, Part, Permission
from clinicflow_core.clock import FixedClock
from clinicflow_core.entities.user import Role
from clinicflow_core.memory import (
    MemoryAppointments,
    MemoryDiaries,
    MemoryDoctors,
    MemoryIntakeForms,
    MemoryPatients,
    MemoryQuestionnaires,
    MemoryStore,
    MemoryUsers,
    MemoryWaitlist,
)
from clinicflow_core.ports import Store
from clinicflow_core.settings import Settings
from clinicflow_core.sql import appointments, intake, patients, questionnaires
from clinicflow_core.sql.prepared import Fixed
from clinicflow_core.sql.store import open_store
from clinicflow_core.sql.tables import metadata
from clinicflow_core.sql.types import among
from clinicflow_flask import create_app
from clinicflow_flask.app import ROUTES
from clinicflow_flask.pages.site import PAGES
from clinicflow_flask.routes import Route
from tests.flask import planted
from tests.flask.desk import DOCUMENT, NOW, Desk
from tests.postgres import as_owner
from tests.sql.rows import past_the_wall

CANARY = "CANARY-B"
CLOSED = "1987-06-05"
"""What stands for it in what holds no text: a closed day."""

PUBLIC, SIGNED_IN = frozenset[Permission](), frozenset(Permission)
DIARY = frozenset({Permission.SEE_DIARY, Permission.SEE_OWN_DIARY})
PATIENTS = frozenset({Permission.SEE_PATIENTS, Permission.SEE_OWN_PATIENTS})
INTAKE = frozenset({Permission.SEE_INTAKE, Permission.SEE_OWN_INTAKE})

# Which permissions, any of them, each route needs; written out once more on purpose.
NEEDS: Mapping[str, Collection[Permission]] = {
    "GET /health": PUBLIC,
    "GET /health/ready": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "POST /api/auth/signup": PUBLIC,
    "POST /api/auth/login": PUBLIC,
    "GET /api/auth/google": PUBLIC,
    "GET /api/auth/google/callback": PUBLIC,
    "POST /api/auth/google/signup": PUBLIC,
    "POST /api/auth/google/link": PUBLIC,
    "POST /api/auth/refresh": SIGNED_IN,
    "POST /api/auth/logout": SIGNED_IN,
    "GET /api/auth/me": SIGNED_IN,
    "POST /api/auth/password": SIGNED_IN,
    "GET /api/users": {Permission.SEE_USERS},
    "POST /api/users": {Permission.KEEP_USERS},
    "GET /api/users/{user_id}": {Permission.SEE_USERS},
    "PATCH /api/users/{user_id}": {Permission.KEEP_USERS},
    "GET /api/clinic": {Permission.SEE_CLINIC},
    "PATCH /api/clinic": {Permission.KEEP_CLINIC},
    "GET /api/clinic/scheduling-policy": {Permission.SEE_CLINIC},
    "PUT /api/clinic/scheduling-policy": {Permission.KEEP_CLINIC},
    "GET /api/doctors": {Permission.SEE_CLINIC},
    "POST /api/doctors": {Permission.KEEP_DOCTORS},
    "GET /api/doctors/{doctor_id}": {Permission.SEE_CLINIC},
    "PATCH /api/doctors/{doctor_id}": {Permission.KEEP_DOCTORS},
    "DELETE /api/doctors/{doctor_id}": {Permission.KEEP_DOCTORS},
    "GET /api/doctors/{doctor_id}/hours": {Permission.SEE_CLINIC},
    "PUT /api/doctors/{doctor_id}/hours": {Permission.KEEP_DOCTORS},
    "GET /api/doctors/{doctor_id}/dated-hours": {Permission.SEE_CLINIC},
    "PUT /api/doctors/{doctor_id}/dated-hours": {Permission.KEEP_DOCTORS},
    "GET /api/doctors/{doctor_id}/time-off": {Permission.SEE_CLINIC},
    "POST /api/doctors/{doctor_id}/time-off": {Permission.KEEP_DOCTORS},
    "DELETE /api/doctors/{doctor_id}/time-off/{time_off_id}": {Permission.KEEP_DOCTORS},
    "GET /api/doctors/{doctor_id}/scheduling-policy": {Permission.SEE_CLINIC},
    "PUT /api/doctors/{doctor_id}/scheduling-policy": {Permission.KEEP_DOCTORS},
    "GET /api/patients": PATIENTS,
    "POST /api/patients": {Permission.KEEP_PATIENTS},
    "GET /api/patients/{patient_id}": PATIENTS,
    "PATCH /api/patients/{patient_id}": {Permission.KEEP_PATIENTS},
    "DELETE /api/patients/{patient_id}": {Permission.KEEP_PATIENTS},
    "POST /api/patients/{patient_id}/merge": {Permission.KEEP_PATIENTS},
    "GET /api/patients/{patient_id}/appointments": PATIENTS,
    "GET /api/patients/{patient_id}/intake-forms": PATIENTS,
    "GET /api/appointments": DIARY,
    "POST /api/appointments": {Permission.BOOK},
    "POST /api/appointments/check": {Permission.BOOK},
    "GET /api/appointments/{appointment_id}": DIARY,
    "PATCH /api/appointments/{appointment_id}": {Permission.BOOK},
    "POST /api/appointments/{appointment_id}/reschedule": {Permission.BOOK},
    "POST /api/appointments/{appointment_id}/confirm": {Permission.BOOK},
    "POST /api/appointments/{appointment_id}/arrive": {Permission.RECORD_VISITS},
    "POST /api/appointments/{appointment_id}/complete": {Permission.RECORD_VISITS},
    "POST /api/appointments/{appointment_id}/no-show": {Permission.RECORD_VISITS},
    "POST /api/appointments/{appointment_id}/reinstate": {Permission.BOOK},
    "POST /api/appointments/{appointment_id}/undo": DIARY,
    "POST /api/appointments/{appointment_id}/cancel": {Permission.BOOK},
    "GET /api/appointments/{appointment_id}/history": DIARY,
    "GET /api/appointments/{appointment_id}/moves": DIARY,
    "POST /api/appointment-series": {Permission.BOOK},
    "GET /api/appointment-series/{series_id}": DIARY,
    "DELETE /api/appointment-series/{series_id}": {Permission.BOOK},
    "POST /api/appointment-series/{series_id}/cancel": {Permission.BOOK},
    "POST /api/appointment-series/{series_id}/reschedule": {Permission.BOOK},
    "GET /api/waitlist": {Permission.BOOK},
    "POST /api/waitlist": {Permission.BOOK},
    "GET /api/waitlist/{waitlist_id}": {Permission.BOOK},
    "DELETE /api/waitlist/{waitlist_id}": {Permission.BOOK},
    "POST /api/waitlist/{waitlist_id}/accept": {Permission.BOOK},
    "POST /api/waitlist/{waitlist_id}/decline": {Permission.BOOK},
    "GET /api/schedule/day": DIARY,
    "GET /api/schedule/week": DIARY,
    "GET /api/schedule/availability": DIARY,
    "GET /api/schedule/next": DIARY,
    "GET /api/schedule/stranded": DIARY,
    "GET /api/dashboard/today": DIARY,
    "GET /api/dashboard/figures": DIARY,
    "GET /api/dashboard/figures.csv": DIARY,
    "GET /api/dashboard/activity": DIARY,
    "GET /api/intake/questionnaires": {Permission.SEE_CLINIC},
    "POST /api/intake/questionnaires": {Permission.KEEP_QUESTIONNAIRES},
    "GET /api/intake/questionnaires/{questionnaire_id}": {Permission.SEE_CLINIC},
    "GET /api/intake/questionnaires/{questionnaire_id}/fhir": {Permission.SEE_CLINIC},
    "GET /api/intake/forms": INTAKE,
    "POST /api/intake/forms": {Permission.SEND_INTAKE},
    "GET /api/intake/forms/{form_id}": INTAKE,
    "PATCH /api/intake/forms/{form_id}": {Permission.SEND_INTAKE},
    "GET /api/intake/forms/{form_id}/fhir": INTAKE,
    "POST /api/intake/forms/{form_id}/submit": {Permission.SEND_INTAKE},
    "POST /api/intake/forms/{form_id}/review": {Permission.REVIEW_INTAKE},
    "POST /api/intake/forms/{form_id}/resend": {Permission.SEND_INTAKE},
    "POST /api/intake/forms/{form_id}/revoke": {Permission.SEND_INTAKE},
    "POST /api/intake/forms/{form_id}/summary": INTAKE,
    "GET /api/intake/forms/{form_id}/summary": INTAKE,
    "GET /api/intake/forms/{form_id}/summary/history": INTAKE,
    "PATCH /api/intake/forms/{form_id}/summary": {Permission.SIGN_SUMMARIES},
    "POST /api/intake/forms/{form_id}/summary/sign": {Permission.SIGN_SUMMARIES},
    "GET /api/intake/public/{token}": PUBLIC,
    "PUT /api/intake/public/{token}": PUBLIC,
    "POST /api/intake/public/{token}": PUBLIC,
    "POST /api/intake/public/{token}/draft": PUBLIC,
}
IDS = (
    *("user_id", "doctor_id", "time_off_id", "patient_id", "duplicate_id"),
    *("appointment_id", "series_id", "waitlist_id"),
    *("questionnaire_id", "form_id"),
)
LISTS = ("GET /api/appointments", "GET /api/intake/forms")
"""Which of the routes answer with nothing about what is not there."""
ROLES = tuple(Role)


@frozen
class World:
    """Two clinics; the other one's texts all say whose they are."""

    app: Flask
    store: Store
    staff: Mapping[Role, Desk]
    inactive: Desk
    other: Desk
    own: Mapping[str, str]
    foreign: Mapping[str, str]
    unknown: Mapping[str, str] = field(
        factory=lambda: {name: str(uuid4()) for name in IDS}
    )


def world(settings: Settings, store: Store) -> World:
    app = create_app(settings, store)
    owner, other = (Desk.opened(app, store, Role.OWNER, None) for _ in range(2))
    other.patch("/api/clinic", {"name": CANARY, "clinic_metadata": {"x": CANARY}})
    other.patch(f"/api/users/{other.signed_in.user.id}", {"name": CANARY})
    other.put("/api/clinic/scheduling-policy", {"closed_days": [CLOSED]})
    own, foreign = records(owner, "Our"), records(other, CANARY)
    staff = {Role.OWNER: owner}
    for role in (Role.ADMIN, Role.DOCTOR):
        staff[role] = Desk.opened(app, store, role, owner.signed_in.clinic)
    mine = {"doctor_id": own["doctor_id"]}
    doctors_account = staff[Role.DOCTOR].signed_in.user.id
    assert owner.patch(f"/api/users/{doctors_account}", mine).status_code == 200
    inactive = Desk.opened(app, store, Role.ADMIN, owner.signed_in.clinic)
    gone = f"/api/users/{inactive.signed_in.user.id}"
    assert owner.patch(gone, {"status": "inactive"}).status_code == 200
    return World(app, store, staff, inactive, other, own, foreign)


def records(desk: Desk, name: str) -> Mapping[str, str]:
    """Make a clinic's records, with *name* wherever a text can stand."""
    doctor = desk.doctor(f"Dr. {name}", specialty=name, initials=name[:10])
    patient = desk.patient(name, name, email=f"{name}@example.org", phone=name)
    visit = desk.book(
        doctor_id=doctor,
        patient_id=patient,
        meeting_link=f"https://example.org/{name}",
        start_time="20:00",
        override={"reason": name},
    )
    agreed = {"doctor_id": doctor, "patient_id": patient, "meeting_link": name}
    series = desk.book_series(**agreed, start_time="10:00")
    off = desk.take_time_off(
        doctor, "2026-03-10T08:00", "2026-03-10T12:00", reason=name
    )
    assert [visit["date"] for visit in off["stranded"]] == ["2026-03-10"]
    duplicate = desk.patient(f"{name} Two", name)
    waiting = desk.wait(doctor_id=doctor, patient_id=duplicate, note=name)
    desk.cancel(desk.book(**agreed, date="2026-03-04"))
    desk.get("/api/intake/questionnaires")  # So that the standard one is there.
    asked = desk.questionnaire(title=name)
    form = desk.send_form(
        patient_id=patient, appointment_id=visit["id"], questionnaire_id=asked
    )
    desk.submit(form, reason=name)
    # The owner's own would not do: the last owner stays one, whatever else is asked.
    account = {
        "name": name,
        "email": f"{name}@example.org",
        "role": "doctor",
        "password": f"{name} long enough",
    }
    return {
        "user_id": desk.post("/api/users", account).json["id"],
        "doctor_id": doctor,
        "patient_id": patient,
        "duplicate_id": duplicate,
        "appointment_id": visit["id"],
        "time_off_id": off["id"],
        "series_id": series["id"],
        "waitlist_id": waiting["id"],
        "questionnaire_id": asked,
        "form_id": form["id"],
    }


def sent(desk: Desk, route: Route, ids: Mapping[str, str]) -> TestResponse:
    """Send what fits *route*, about *ids*."""
    fitting = next(planted.requests(route, ids))
    asked = route.path.format_map(ids)
    parameters = DOCUMENT["paths"][route.path][route.method.lower()]["parameters"]
    named = [p["name"] for p in parameters if p["in"] == "query" and p["name"] in ids]
    query = "&".join(f"{name}={ids[name]}" for name in named)
    return desk.request(
        route.method, f"{asked}?{query}" if query else asked, fitting.body
    )


def ids_asked_for(route: Route) -> list[str]:
    """Return the names of the ids that can stand in query or body of *route*."""
    body = next(planted.requests(route, {name: name for name in IDS})).body
    in_body = body.values() if isinstance(body, dict) else ()
    parameters = DOCUMENT["paths"][route.path][route.method.lower()]["parameters"]
    in_query = [p["name"] for p in parameters if p["in"] == "query"]
    return [name for name in IDS if name in in_body or name in in_query]


def may(role: Role, route: Route) -> bool:
    return bool(PERMISSIONS[Part(role.value)] & set(NEEDS[route.endpoint]))


def answered(response: TestResponse, ids: Mapping[str, str]) -> object:
    """Return all that an answer tells, but which of *ids* was asked for."""
    text = response.get_data(as_text=True)
    for name, value in ids.items():
        text = text.replace(value, name)
    headers = [
        (n, v) for n, v in response.headers if n not in ("Date", "Content-Length")
    ]
    return response.status_code, text, headers


def status_of_unknown(role: Role, route: Route, name: str | None) -> int:
    """Return how *role* is answered about an id that nobody has; None for all."""
    diary_of_another = name == "doctor_id" and NEEDS[route.endpoint] == DIARY
    if not may(role, route) or (role is Role.DOCTOR and diary_of_another):
        return 403
    return 200 if route.endpoint in LISTS else 404


def leaks(world: World) -> Iterator[str]:
    """Yield where another clinic's ids answer otherwise than those that nobody has."""
    routes = [route for route in ROUTES if NEEDS[route.endpoint] != PUBLIC]
    for route, (role, desk) in product(routes, world.staff.items()):
        # All of one clinic, and each alone: the first that is not found, or does not
        # belong to the others, would hide them.
        alone = [*(route.ids if route.ids[1:] else ()), *ids_asked_for(route)]
        for name in [*([None] if route.ids else []), *alone]:
            foreign, unknown = (
                sent(desk, route, {**world.own, name: ids[name]} if name else ids)
                for ids in (world.foreign, world.unknown)
            )
            cell = f"{role.value}: {route.endpoint}, {name or 'all'}"
            if answered(foreign, world.foreign) != answered(unknown, world.unknown):
                yield f"{cell} tells them apart"
            if unknown.status_code != status_of_unknown(role, route, name):
                yield f"{cell} is answered with {unknown.status_code}"
            told = foreign.get_data(as_text=True) + str(foreign.headers)
            if CANARY in told or CLOSED in told:
                yield f"{cell} tells of it"


def shown(desk: Desk) -> Iterator[tuple[str, str]]:
    """Yield what *desk* is answered wherever no id need be given."""
    for route in ROUTES:
        is_public = NEEDS[route.endpoint] == PUBLIC
        if route.method == "GET" and not route.ids and not is_public:
            day = "?date=2026-03-03" if route.path == "/api/schedule/day" else ""
            response = desk.get(route.path + day)
            yield (
                route.path,
                f"{response.get_data(as_text=True)}{response.headers}",
            )


def shows(world: World) -> Iterator[str]:
    """Yield what tells of another clinic without being asked about it."""
    for role, desk in world.staff.items():
        for path, text in shown(desk):
            if tells_of_the_other(text, world):
                yield f"{role.value}: {path}"


def tells_of_the_other(text: str, world: World) -> bool:
    return any(told in text for told in (CANARY, CLOSED, *world.foreign.values()))


@pytest.fixture
def two_clinics(settings: Settings, store: Store) -> World:
    return world(settings, store)


def contents(store: Store) -> object:
    """Return everything that is stored, in all clinics, to compare."""
    if isinstance(store, MemoryStore):
        # Not as text, which leaves out whatever is personal.
        return {key: deepcopy(rows) for key, rows in store._committed.items() if rows}
    with past_the_wall(store) as connection:  # type: ignore[arg-type]
        return [
            repr(row)
            for table in metadata.sorted_tables
            for row in sorted(connection.execute(table.select()), key=repr)
        ]


def test_each_route_has_its_place_in_the_matrix(app: Flask) -> None:
    described = {
        f"{method.upper()} {path}"
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
    }
    served = {
        rule.endpoint for rule in app.url_map.iter_rules() if " " in rule.endpoint
    }

    assert set(NEEDS) == {route.endpoint for route in ROUTES} == described
    for_people = {page.endpoint for page in PAGES} | {"pages.GET /static/{name}"}
    assert served - described <= {"GET /metrics"} | for_people
    public = {route.endpoint for route in ROUTES if route.is_public}
    assert {name for name, needed in NEEDS.items() if needed == PUBLIC} == public


def test_nobody_reaches_another_clinic(two_clinics: World, told: StringIO) -> None:
    before = contents(two_clinics.store)

    assert list(leaks(two_clinics)) == []

    assert contents(two_clinics.store) == before
    assert "Answered" in told.getvalue()
    assert CANARY not in told.getvalue()


def test_no_list_shows_another_clinic(two_clinics: World) -> None:
    before = contents(two_clinics.store)

    assert list(shows(two_clinics)) == []

    assert contents(two_clinics.store) == before
    # Its own people see it in each, or there was nothing to show.
    empty = (
        path
        for path, text in shown(two_clinics.other)
        if not tells_of_the_other(text, two_clinics)
    )
    assert list(empty) == []


def test_a_namesake_elsewhere_is_no_possible_duplicate(two_clinics: World) -> None:
    namesake = {"first_name": CANARY, "last_name": CANARY, "phone": CANARY}

    elsewhere, there = (
        desk.post("/api/patients", namesake).json["possible_duplicates"]
        for desk in (two_clinics.staff[Role.OWNER], two_clinics.other)
    )

    assert elsewhere == []
    assert there


@pytest.mark.parametrize(
    "lists",
    [
        *(MemoryAppointments, MemoryDiaries, MemoryDoctors, MemoryIntakeForms),
        *(MemoryPatients, MemoryQuestionnaires, MemoryUsers, MemoryWaitlist),
    ],
)
def test_a_list_of_the_wrong_clinic_would_be_found(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, lists: type
) -> None:
    two_clinics = world(settings, MemoryStore(FixedClock(NOW)))
    name = "read" if lists is MemoryDiaries else "page"
    asked_for = getattr(lists, name)

    def that_of_the_other(self, *asked, **how):  # type: ignore[no-untyped-def]
        self._clinic_id = two_clinics.other.signed_in.clinic.id
        return asked_for(self, *asked, **how)

    monkeypatch.setattr(lists, name, that_of_the_other)

    assert any(shows(two_clinics))


def test_without_a_sign_in_nobody_gets_anything(two_clinics: World) -> None:
    before = contents(two_clinics.store)

    for route in ROUTES:
        if NEEDS[route.endpoint] == PUBLIC:
            continue
        for desk in (
            two_clinics.staff[Role.OWNER].with_token(""),
            two_clinics.inactive,
        ):
            for ids in (two_clinics.own, two_clinics.foreign, two_clinics.unknown):
                response = sent(desk, route, ids)
                assert response.status_code == 401, route.endpoint
                assert CANARY not in response.get_data(as_text=True)

    assert contents(two_clinics.store) == before


def test_who_may_not_is_told_so_and_changes_nothing(two_clinics: World) -> None:
    before = contents(two_clinics.store)

    for route in ROUTES:
        for role, desk in two_clinics.staff.items():
            if NEEDS[route.endpoint] == PUBLIC or may(role, route):
                continue
            for ids in (two_clinics.own, two_clinics.foreign, two_clinics.unknown):
                response = sent(desk, route, ids)
                assert response.status_code == 403, (role, route.endpoint)

    assert contents(two_clinics.store) == before


@pytest.mark.parametrize("role", ROLES)
def test_who_may_is_let_through(role: Role, two_clinics: World) -> None:
    last = ("DELETE", "POST /api/auth", "POST /api/patients/{patient_id}/merge")
    for route in sorted(ROUTES, key=lambda route: route.endpoint.startswith(last)):
        if NEEDS[route.endpoint] in (PUBLIC, SIGNED_IN) or not may(role, route):
            continue
        response = sent(two_clinics.staff[role], route, two_clinics.own)
        assert response.status_code not in (401, 403, 404), route.endpoint
        assert response.status_code < 500


@pytest.mark.parametrize("role", ROLES)
def test_what_is_no_id_is_not_found(role: Role, two_clinics: World) -> None:
    wrong = dict.fromkeys(IDS, "17-or-1-equals-1")
    for route in ROUTES:
        if route.ids and not route.is_public:
            path = route.path.format_map(wrong)
            answer = two_clinics.staff[role].request(route.method, path, {})
            assert answer.status_code == 404, route.endpoint


def test_a_doctor_reaches_nobody_elses_records(two_clinics: World) -> None:
    owner, doctor = two_clinics.staff[Role.OWNER], two_clinics.staff[Role.DOCTOR]
    colleague = records(owner, "Colleague")
    visit, patient = colleague["appointment_id"], colleague["patient_id"]
    form = f"/api/intake/forms/{colleague['form_id']}"
    theirs = f"doctor_id={colleague['doctor_id']}"
    asked = [
        ("GET", f"/api/appointments/{visit}"),
        ("GET", f"/api/appointments/{visit}/history"),
        ("GET", f"/api/appointments/{visit}/moves"),
        ("GET", f"/api/appointment-series/{colleague['series_id']}"),
        ("POST", f"/api/appointments/{visit}/arrive"),
        ("POST", f"/api/appointments/{visit}/complete"),
        ("POST", f"/api/appointments/{visit}/no-show"),
        ("GET", f"/api/appointments?{theirs}"),
        ("GET", f"/api/schedule/day?{theirs}"),
        ("GET", f"/api/schedule/week?{theirs}"),
        ("GET", f"/api/schedule/availability?{theirs}"),
        (
            "GET",
            f"/api/schedule/next?{theirs}&doctor_id={two_clinics.own['doctor_id']}",
        ),
        ("GET", f"/api/patients/{patient}"),
        ("GET", f"/api/patients/{patient}/appointments"),
        ("GET", f"/api/patients/{patient}/intake-forms"),
        ("GET", form),
        ("GET", f"{form}/fhir"),
        ("POST", f"{form}/review"),
        ("POST", f"{form}/summary"),
        ("GET", f"{form}/summary"),
        ("PATCH", f"{form}/summary"),
        ("POST", f"{form}/summary/sign"),
    ]

    for method, path in asked:
        response = doctor.request(method, path)
        assert response.status_code == 403, path
        assert "Colleague" not in response.get_data(as_text=True)
    own = ("day", "week", "availability", "next", "stranded")
    for path in (
        *("/api/appointments", "/api/patients", "/api/intake/forms"),
        *(f"/api/schedule/{name}" for name in own),
    ):
        shown = doctor.get(path).get_data(as_text=True)
        assert [i for i in ("Colleague", *colleague.values()) if i in shown] == []


@pytest.fixture
def without_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patients, visits and their intake are looked up as if there were one clinic."""
    everybodys = select(metadata.tables["patients"])
    monkeypatch.setattr(
        patients,
        "GET_PATIENTS",
        Fixed(everybodys.where(among(everybodys.selected_columns.id, "ids"))),
    )
    for module, table in (
        (appointments, "appointments"),
        (intake, "intake_forms"),
        (questionnaires, "questionnaires"),
    ):
        rows = select(metadata.tables[table])
        get = Fixed(rows.where(rows.selected_columns.id == bindparam("id")))
        monkeypatch.setattr(module, "_GET", get)


@pytest.mark.slow
@pytest.mark.usefixtures("without_filters")
class TestWithoutOneFilter:
    def test_the_matrix_goes_red(self, settings: Settings, sqlite_url: str) -> None:
        with closing(open_store(sqlite_url, FixedClock(NOW))) as store:
            found = list(leaks(world(settings, store)))

        for path in (
            "/api/patients/{patient_id}",
            "/api/appointments/{appointment_id}",
            "/api/intake/forms/{form_id}",
            "/api/intake/questionnaires/{questionnaire_id}",
        ):
            assert any(f"GET {path}," in leak for leak in found), path

    def test_it_goes_red_on_postgresql_past_row_level_security(
        self, settings: Settings, postgres_url: str
    ) -> None:
        with closing(open_store(as_owner(postgres_url), FixedClock(NOW))) as store:
            assert list(leaks(world(settings, store)))

    def test_row_level_security_alone_holds(
        self, settings: Settings, postgres_url: str
    ) -> None:
        with closing(open_store(postgres_url, FixedClock(NOW))) as store:
            assert list(leaks(world(settings, store))) == []


@pytest.mark.slow
def test_the_repositories_alone_hold(settings: Settings, postgres_url: str) -> None:
    with closing(open_store(as_owner(postgres_url), FixedClock(NOW))) as store:
        assert list(leaks(world(settings, store))) == []
