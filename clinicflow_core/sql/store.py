"""The record in a database: SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, exc

from clinicflow_core import ports
from clinicflow_core.accounts.lockout import Tries
from clinicflow_core.accounts.permissions import Actor, actor_of, at_the_entrance
from clinicflow_core.clock import SystemClock
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import ClinicId, SessionId, UserId
from clinicflow_core.entities.user import Session, User
from clinicflow_core.errors import ClinicNotFoundError, NotSignedInError, RefusedError
from clinicflow_core.sql import accounts, row_security, trail, tries
from clinicflow_core.sql.accounts import SqlUsers
from clinicflow_core.sql.appointments import SqlAppointments
from clinicflow_core.sql.belongings import SqlBelongings
from clinicflow_core.sql.diaries import SqlDiaries
from clinicflow_core.sql.doctors import SqlDoctors
from clinicflow_core.sql.engine import make_engine
from clinicflow_core.sql.figures import SqlFigures
from clinicflow_core.sql.intake import SqlIntakeForms
from clinicflow_core.sql.jobs import SqlJobs
from clinicflow_core.sql.patients import SqlPatients
from clinicflow_core.sql.prepared import Catalogue, Trip
from clinicflow_core.sql.questionnaires import SqlQuestionnaires
from clinicflow_core.sql.refusals import told_apart
from clinicflow_core.sql.summaries import SqlSummaries
from clinicflow_core.sql.waitlist import SqlWaitlist


def open_store(
    url: str, clock: ports.Clock | None = None, *, pool_size: int = 5
) -> SqlStore:
    """
    Return the store in the database at *url*, whose schema must be current.

    Nothing is asked of the database yet.

    Raises:
        ValueError: If *url* is for another database than SQLite or PostgreSQL.
    """
    return SqlStore(make_engine(url, pool_size=pool_size), clock)


class SqlStore:
    """Everything that is kept, for all clinics, in one database."""

    def __init__(self, engine: Engine, clock: ports.Clock | None = None) -> None:
        self.engine = engine
        self._clock = clock or SystemClock()
        self._catalogue = Catalogue(engine.dialect)

    def unit_of_work(
        self,
        clinic_id: ClinicId,
        by: Actor | SessionId,
        once: ports.Once | None = None,
        request_id: str | None = None,
    ) -> SqlUnitOfWork:
        """See `ports.Store.unit_of_work`."""
        return SqlUnitOfWork(self, clinic_id, by, once, request_id)

    def entrance(self, request_id: str | None = None) -> SqlEntrance:
        return SqlEntrance(self, request_id)

    def require_current(self) -> None:
        """
        Raises:
            SchemaNotCurrentError: If the database has another schema than the newest.
            UnavailableError: If it is away or busy.
        """
        from clinicflow_core.sql import migration  # noqa: PLC0415  Slow, and rare.

        with told_apart():
            migration.require_current(self.engine)

    def open_walls(self) -> list[str]:
        """
        Return why the database itself does not keep clinics apart; see `roles`.

        Raises:
            UnavailableError: If it is away or busy.
        """
        from clinicflow_core.sql import roles  # noqa: PLC0415  Rare.

        return roles.open_walls(self.engine)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


class _Transaction:
    """A connection from the pool, from begin to end."""

    _connection: Connection

    def __init__(self, store: SqlStore, request_id: str | None) -> None:
        self._store = store
        self._request_id = request_id
        self._happened: list[tuple[ClinicId, Event]] = []

    def _begin(self) -> Trip:
        with told_apart():
            self._connection = self._store.engine.connect()
            try:
                self._connection.begin()
            except BaseException:
                self._connection.close()
                raise
        self.now: datetime = self._store._clock.now()
        self._happened = []
        self._trip = Trip(self._connection, self._store._catalogue)
        return self._trip

    def _end(self) -> None:
        try:
            self._connection.close()  # Rolls back whatever was not committed.
        except exc.DBAPIError:
            # It is lost, and with it whatever was not committed.
            self._connection.close()

    def _write_events(self) -> None:
        trail.write_events(self._trip, self._happened)
        self._happened.clear()

    def _finish(self) -> None:
        self._trip.finish()
        with told_apart():
            self._connection.commit()


class SqlUnitOfWork(_Transaction):
    """See `ports.UnitOfWork`."""

    actor: Actor
    clinic: Clinic

    def __init__(
        self,
        store: SqlStore,
        clinic_id: ClinicId,
        by: Actor | SessionId,
        once: ports.Once | None,
        request_id: str | None,
    ) -> None:
        super().__init__(store, request_id)
        self._clinic_id = clinic_id
        self._by = by
        self._once = once
        self._answer: object = None

    def _begin(self) -> Trip:
        trip = super()._begin()
        row_security.enter(trip, self._clinic_id)
        return trip

    def __enter__(self) -> Self:
        trip = self._begin()
        try:
            self._identify(trip)
            if self._once is not None:
                self._refuse_second(trip)
        except BaseException:
            self._end()
            raise
        self._answer = None
        self.doctors = SqlDoctors(trip, self._clinic_id)
        self.patients = SqlPatients(trip, self._clinic_id)
        self.appointments = SqlAppointments(trip, self._clinic_id)
        self.belongings = SqlBelongings(trip, self._clinic_id)
        self.diaries = SqlDiaries(trip, self.clinic, self.now)
        self.figures = SqlFigures(trip, self._clinic_id)
        self.intake_forms = SqlIntakeForms(trip, self._clinic_id)
        self.jobs = SqlJobs(trip, self._clinic_id, self.now)
        self.questionnaires = SqlQuestionnaires(trip, self._clinic_id)
        self.summaries = SqlSummaries(trip, self._clinic_id)
        self.waitlist = SqlWaitlist(trip, self._clinic_id, self.now)
        self.origins = trail.SqlOrigins(trip, self._clinic_id)
        self.users = SqlUsers(trip, self._clinic_id, self.now)
        self.events = trail.SqlEvents(trip, self._clinic_id, self._happened)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()
        if self._once is not None and isinstance(error, RefusedError):
            # The twin of this request may have been carried out meanwhile.
            try:
                self._refuse_second(self._begin())
            finally:
                self._end()

    def _identify(self, trip: Trip) -> None:
        if isinstance(self._by, Actor):
            [rows] = trip.now((accounts.GET_CLINIC, {"clinic_id": self._clinic_id}))
            if not rows:
                raise ClinicNotFoundError(self._clinic_id)
            self.actor = self._by
        else:
            asked = {
                "clinic_id": self._clinic_id,
                "session_id": self._by,
                "now": self.now,
            }
            [rows] = trip.now((accounts.SIGNED_IN, asked))
            if not rows:
                raise NotSignedInError
            self.actor = actor_of(accounts.user_of(rows[0], "user_"), self._by)
        self.clinic = accounts.clinic_of(rows[0])

    def _refuse_second(self, trip: Trip) -> None:
        assert self._once is not None
        trail.refuse_second(
            trip, self._clinic_id, self._actor_key(), self._once, self.now
        )

    def _actor_key(self) -> str:
        return str(self.actor.user_id or self.actor.name)

    def change_clinic(self, clinic: Clinic) -> None:
        if clinic.id != self._clinic_id:
            raise ClinicNotFoundError(clinic.id)
        accounts.save_clinic(self._trip, clinic)
        self.clinic = clinic
        self.diaries = SqlDiaries(self._trip, clinic, self.now)

    def record(
        self,
        kind: str,
        record: ports.Recordable,
        facts: Mapping[str, object] | None = None,
        reason: str | None = None,
    ) -> None:
        event = self.actor.did(
            kind,
            record.id,
            self.now,
            facts=facts,
            reason=reason,
            request_id=self._request_id,
        )
        self._happened.append((self._clinic_id, event))
        if self._once is not None and self._answer is None:
            self._answer = self._once.render(record)

    def commit(self) -> None:
        self._write_events()
        if self._once is not None:
            trail.keep_answer(
                self._trip,
                self._clinic_id,
                self._actor_key(),
                self._once,
                self._answer,
                self.now,
            )
        self._finish()


class SqlEntrance(_Transaction):
    """See `ports.Entrance`."""

    def __enter__(self) -> Self:
        row_security.stand_at_the_entrance(self._begin())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def clinics(self) -> tuple[Clinic, ...]:
        [rows] = self._trip.now((accounts.ALL_CLINICS, {}))
        found = (accounts.clinic_of(row) for row in rows)
        return tuple(sorted(found, key=lambda clinic: (clinic.name, clinic.id)))

    def get_clinic(self, clinic_id: ClinicId) -> Clinic:
        [rows] = self._trip.now((accounts.GET_CLINIC, {"clinic_id": clinic_id}))
        if not rows:
            raise ClinicNotFoundError(clinic_id)
        return accounts.clinic_of(rows[0])

    def add_clinic(self, clinic: Clinic) -> None:
        row_security.enter(self._trip, clinic.id)
        accounts.add_clinic(self._trip, clinic)

    def add_user(self, user: User) -> None:
        row_security.enter(self._trip, user.clinic_id)
        accounts.add_user(self._trip, user)

    def save_user(self, user: User) -> None:
        row_security.enter(self._trip, user.clinic_id)
        accounts.save_user(self._trip, user)

    def find_user(self, email: str) -> User | None:
        return accounts.find_user(self._trip, email)

    def hold_user(self, email: str) -> User | None:
        found = accounts.find_user(self._trip, email)
        if found is not None:
            row_security.enter(self._trip, found.clinic_id)
        return accounts.find_user(self._trip, email, hold=True)

    def hold_google_user(self, google_id: str) -> User | None:
        found = accounts.find_google_user(self._trip, google_id)
        if found is not None:
            row_security.enter(self._trip, found.clinic_id)
        return accounts.find_google_user(self._trip, google_id, hold=True)

    def get_user(self, user_id: UserId) -> User:
        return accounts.get_user(self._trip, user_id)

    def add_session(self, session: Session) -> None:
        row_security.enter(self._trip, session.clinic_id)
        accounts.add_session(self._trip, session)

    def hold_session(self, session_id: SessionId) -> Session | None:
        return accounts.hold_session(self._trip, session_id)

    def save_session(self, session: Session) -> None:
        row_security.enter(self._trip, session.clinic_id)
        accounts.save_session(self._trip, session)

    def hold_tries(self, subjects: Collection[str]) -> Mapping[str, Tries]:
        return tries.hold_tries(self._trip, subjects, self.now)

    def save_tries(self, tried: Tries) -> None:
        tries.save_tries(self._trip, tried)

    def forget_tries(self, before: datetime) -> None:
        tries.forget_tries(self._trip, before)

    def record(
        self,
        clinic_id: ClinicId,
        kind: str,
        record: ports.Recordable,
        facts: Mapping[str, object] | None = None,
        by: UserId | None = None,
    ) -> None:
        event = at_the_entrance(by).did(
            kind, record.id, self.now, facts=facts, request_id=self._request_id
        )
        self._happened.append((clinic_id, event))

    def commit(self) -> None:
        self._write_events()
        self._finish()
