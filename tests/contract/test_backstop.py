"""
The stores refuse by themselves what the rules would have refused.

Nothing is held and no rule is asked here: what comes through is written.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from attrs import evolve

from clinicflow_core.entities.appointment import Appointment, Override, Status
from clinicflow_core.entities.waitlist import Offer, Outcome
from clinicflow_core.errors import BookingConflictError, ContentionError
from clinicflow_core.ports import AppointmentFilter, PageRequest
from clinicflow_core.scheduling.conflicts import ConflictKind
from tests.builders import DAY, NOW, OpenClinic, offer, overbooked

HOLDS = {
    Status.UNCONFIRMED: True,
    Status.CONFIRMED: True,
    Status.COMPLETED: True,
    Status.CANCELLED: False,
    Status.NO_SHOW: False,
}

EXISTING = "09:00-10:00"
OVERLAPS = [
    pytest.param("08:00-09:00", False, id="ends as it starts"),
    pytest.param("08:00-09:01", True, id="runs one minute over"),
    pytest.param("08:00-10:00", True, id="ends together"),
    pytest.param("08:00-11:00", True, id="around"),
    pytest.param("09:00-09:01", True, id="starts together"),
    pytest.param("09:00-10:00", True, id="the same"),
    pytest.param("09:20-09:40", True, id="inside"),
    pytest.param("09:59-10:30", True, id="starts a minute early"),
    pytest.param("10:00-10:30", False, id="starts as it ends"),
    pytest.param("11:00-11:30", False, id="later"),
]

Beside = Callable[[OpenClinic, str], Appointment]


def of_the_doctor(clinic: OpenClinic, times: str) -> Appointment:
    """Return a visit with the same doctor and another patient."""
    return clinic.visit(times, patient_id=clinic.patients[1].id)


def of_the_patient(clinic: OpenClinic, times: str) -> Appointment:
    """Return a visit of the same patient with another doctor."""
    return clinic.visit(times, doctor_id=clinic.add_doctor().id)


beside = pytest.mark.parametrize("beside", [of_the_doctor, of_the_patient])
shared = pytest.mark.parametrize(
    ("who", "beside"),
    [
        ("doctor", of_the_doctor),
        ("patient", of_the_patient),
        ("doctor patient", of_the_doctor),
        ("doctor patient", of_the_patient),
    ],
)
"""Whose time an override shares, and a visit that shares it."""

kept = pytest.mark.parametrize(
    ("who", "beside"), [("doctor", of_the_patient), ("patient", of_the_doctor)]
)
"""Whose time an override shares, and a visit that takes the other one's."""


def stored(clinic: OpenClinic) -> list[Appointment]:
    with clinic.uow as uow:
        found = uow.appointments.page(AppointmentFilter(), PageRequest(limit=200))
    return list(found.items)


def refused(clinic: OpenClinic, visit: Appointment, how: str = "add") -> bool:
    """Return whether the store refuses *visit*; it must say so as the rules do."""
    before = stored(clinic)
    try:
        clinic.commit(lambda uow: getattr(uow.appointments, how)(visit))
    except ContentionError as contention:
        refusal = contention.refusal
    else:
        assert visit in stored(clinic)
        return False
    assert isinstance(refusal, BookingConflictError)
    [conflict] = refusal.conflicts
    assert conflict.kind in (ConflictKind.DOCTOR_BUSY, ConflictKind.PATIENT_BUSY)
    assert stored(clinic) == before
    return True


@beside
@pytest.mark.parametrize(("times", "clash"), OVERLAPS)
def test_nobody_is_in_two_visits_at_once(
    times: str, clash: bool, beside: Beside, clinic: OpenClinic
) -> None:
    clinic.store_visit(EXISTING)

    assert refused(clinic, beside(clinic, times)) is clash


@beside
@pytest.mark.parametrize(("times", "clash"), OVERLAPS[:2] + OVERLAPS[-3:-1])
def test_nobody_is_moved_into_another_visit(
    times: str, clash: bool, beside: Beside, clinic: OpenClinic
) -> None:
    clinic.store_visit(EXISTING)
    visit = beside(clinic, "20:00-20:30")
    clinic.commit(lambda uow: uow.appointments.add(visit))
    time = clinic.visit(times)

    moved = evolve(
        visit,
        start_time=time.start_time,
        end_time=time.end_time,
        duration=time.duration,
        starts_at=time.starts_at,
        ends_at=time.ends_at,
        version=2,
    )

    assert refused(clinic, moved, "save") is clash


def test_strangers_can_meet_at_the_same_time(clinic: OpenClinic) -> None:
    clinic.store_visit(EXISTING)
    elsewhere = of_the_patient(clinic, EXISTING)

    assert not refused(
        clinic,
        clinic.visit(
            EXISTING,
            doctor_id=elsewhere.doctor_id,
            patient_id=clinic.patients[1].id,
        ),
    )


@pytest.mark.parametrize("on", [-1, 0], ids=["into the day", "out of the day"])
def test_a_visit_past_midnight_holds_both_days(on: int, clinic: OpenClinic) -> None:
    night = clinic.store_visit("22:00-06:00", on=DAY + timedelta(days=on))
    morning = clinic.visit("05:59-06:30", on=DAY + timedelta(days=on + 1))
    after = clinic.visit("06:00-06:30", on=DAY + timedelta(days=on + 1))

    assert night.duration == 8 * 60
    assert refused(clinic, morning)
    assert not refused(clinic, after)


def test_the_longest_visit_holds_its_time_to_the_end(clinic: OpenClinic) -> None:
    long = clinic.visit("09:00-09:30")
    clinic.store_visit(
        "09:00-09:30",
        duration=24 * 60,
        end_time=long.start_time,
        ends_at=long.starts_at + timedelta(days=1),
    )
    tomorrow = DAY + timedelta(days=1)

    assert refused(clinic, clinic.visit("08:59-09:30", on=tomorrow))
    assert not refused(clinic, clinic.visit("09:00-09:30", on=tomorrow))


def test_every_status_says_whether_it_holds_the_time() -> None:
    assert set(HOLDS) == set(Status)


@beside
@pytest.mark.parametrize(("status", "holds"), HOLDS.items())
def test_a_visit_holds_its_time_in_some_statuses(
    status: Status, holds: bool, beside: Beside, clinic: OpenClinic
) -> None:
    clinic.store_visit(EXISTING, status=status)

    assert refused(clinic, beside(clinic, EXISTING)) is holds


@beside
@pytest.mark.parametrize(("status", "holds"), HOLDS.items())
def test_only_a_visit_that_would_hold_its_time_is_refused(
    status: Status, holds: bool, beside: Beside, clinic: OpenClinic
) -> None:
    clinic.store_visit(EXISTING)
    visit = evolve(beside(clinic, EXISTING), status=status)

    assert refused(clinic, visit) is holds


@pytest.mark.parametrize("status", [s for s, holds in HOLDS.items() if not holds])
def test_a_visit_does_not_come_back_into_a_time_that_was_given_away(
    status: Status, clinic: OpenClinic
) -> None:
    given_up = clinic.store_visit(EXISTING, status=status)
    clinic.store_visit(EXISTING)

    assert refused(clinic, given_up.reinstated(None, NOW), "save")


def test_a_visit_that_keeps_its_time_can_be_saved(clinic: OpenClinic) -> None:
    visit = clinic.store_visit(EXISTING)

    assert not refused(clinic, visit.confirmed(NOW), "save")


@shared
def test_an_overbooked_visit_stands_beside_one_of_whom_its_override_names(
    who: str, beside: Beside, clinic: OpenClinic
) -> None:
    clinic.store_visit(EXISTING)
    visit = beside(clinic, EXISTING)

    assert refused(clinic, visit)
    assert not refused(clinic, evolve(visit, override=overbooked(who=who)))


@shared
def test_an_overbooked_visit_keeps_that_time_from_nobody(
    who: str, beside: Beside, clinic: OpenClinic
) -> None:
    clinic.store_visit(EXISTING, override=overbooked(who=who))

    assert not refused(clinic, beside(clinic, EXISTING))


@kept
def test_an_overbooked_visit_still_holds_the_time_of_the_other_person(
    who: str, beside: Beside, clinic: OpenClinic
) -> None:
    clinic.store_visit(EXISTING, override=overbooked(who=who))

    assert refused(clinic, beside(clinic, EXISTING))


@kept
def test_an_override_accepts_no_overlap_of_the_other_person(
    who: str, beside: Beside, clinic: OpenClinic
) -> None:
    clinic.store_visit(EXISTING)

    assert refused(
        clinic, evolve(beside(clinic, EXISTING), override=overbooked(who=who))
    )


@shared
def test_a_visit_that_gives_up_its_override_must_find_its_time_free(
    who: str, beside: Beside, clinic: OpenClinic
) -> None:
    clinic.store_visit(EXISTING)
    sharing = evolve(beside(clinic, EXISTING), override=overbooked(who=who))
    clinic.commit(lambda uow: uow.appointments.add(sharing))

    assert refused(clinic, evolve(sharing, override=None, version=2), "save")
    assert not refused(clinic, sharing.confirmed(NOW), "save")


def test_an_override_of_other_rules_does_not_share_the_time(
    clinic: OpenClinic,
) -> None:
    late = Override(reason="she came late", conflicts=("outside-hours", "in-the-past"))
    clinic.store_visit(EXISTING, override=late)

    assert refused(clinic, clinic.visit(EXISTING, override=late))


@beside
def test_what_is_offered_holds_its_time(beside: Beside, clinic: OpenClinic) -> None:
    clinic.store_offer(EXISTING)

    assert refused(clinic, beside(clinic, EXISTING))


@beside
@pytest.mark.parametrize(
    ("how", "what"),
    [
        ("end_offer", lambda lapsed: lapsed.ended(Outcome.EXPIRED)),
        ("let_go", lambda lapsed: lapsed.id),
    ],
    ids=["is ended", "is let go of"],
)
def test_an_offer_that_nobody_accepted_holds_its_time_until_it(
    how: str,
    what: Callable[[Offer], object],
    beside: Beside,
    clinic: OpenClinic,
) -> None:
    """The rules say that it holds nothing; the store knows no clock."""
    lapsed = clinic.store_offer(EXISTING, expires_at=NOW - timedelta(hours=1))
    visit = beside(clinic, EXISTING)

    assert refused(clinic, visit)
    clinic.commit(lambda uow: getattr(uow.waitlist, how)(what(lapsed)))
    assert not refused(clinic, visit)


@beside
def test_a_time_that_is_taken_is_offered_to_nobody(
    beside: Beside, clinic: OpenClinic
) -> None:
    clinic.store_visit(EXISTING)
    held = beside(clinic, EXISTING)
    entry = clinic.store_entry(patient_id=held.patient_id)

    with pytest.raises(ContentionError) as contention:
        clinic.commit(lambda uow: uow.waitlist.add_offer(offer(held, entry), held))

    assert isinstance(contention.value.refusal, BookingConflictError)
    with clinic.uow as uow:
        assert uow.waitlist.offers_of([entry.id]) == ()


@pytest.mark.parametrize("outcome", [Outcome.DECLINED, Outcome.WITHDRAWN])
def test_an_offer_that_came_to_nothing_frees_its_time(
    outcome: Outcome, clinic: OpenClinic
) -> None:
    offered = clinic.store_offer(EXISTING)

    clinic.commit(lambda uow: uow.waitlist.end_offer(offered.ended(outcome)))

    assert not refused(clinic, clinic.visit(EXISTING))


def test_an_accepted_offer_goes_on_holding_its_time_as_a_visit(
    clinic: OpenClinic,
) -> None:
    offered = clinic.store_offer(EXISTING)
    visit = clinic.visit(EXISTING, id=offered.id, status=Status.CONFIRMED)

    clinic.commit(
        lambda uow: uow.waitlist.accept_offer(offered.ended(Outcome.ACCEPTED), visit)
    )

    assert stored(clinic) == [visit]
    assert refused(clinic, of_the_doctor(clinic, EXISTING))
    clinic.commit(lambda uow: uow.appointments.save(visit.cancelled(NOW)))
    assert not refused(clinic, of_the_doctor(clinic, EXISTING))


def test_two_visits_of_one_block_are_held_against_each_other(
    clinic: OpenClinic,
) -> None:
    with pytest.raises(ContentionError):
        clinic.commit(
            lambda uow: uow.appointments.add(of_the_doctor(clinic, EXISTING)),
            lambda uow: uow.appointments.add(clinic.visit("09:30-10:30")),
        )

    assert stored(clinic) == []


def test_a_time_that_is_left_in_the_same_block_can_be_taken(
    clinic: OpenClinic,
) -> None:
    leaving = clinic.store_visit(EXISTING)
    coming = of_the_doctor(clinic, EXISTING)

    clinic.commit(
        lambda uow: uow.appointments.save(leaving.cancelled(NOW)),
        lambda uow: uow.appointments.add(coming),
    )

    assert set(stored(clinic)) >= {coming}


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        (of_the_doctor, ConflictKind.DOCTOR_BUSY),
        (of_the_patient, ConflictKind.PATIENT_BUSY),
    ],
)
def test_a_refused_move_says_who_is_busy(
    other: Beside, kind: ConflictKind, clinic: OpenClinic
) -> None:
    given_up = clinic.store_visit(EXISTING, status=Status.CANCELLED)
    coming = other(clinic, EXISTING)
    clinic.commit(lambda uow: uow.appointments.add(coming))

    with pytest.raises(ContentionError) as contention:
        clinic.commit(lambda uow: uow.appointments.save(given_up.reinstated(None, NOW)))

    [conflict] = contention.value.refusal.conflicts
    assert conflict.kind is kind
