from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clinicflow_core.errors import (
    AlreadyAnsweredError,
    BookingConflictError,
    ContentionError,
    KeyReusedError,
)
from clinicflow_core.ports import Once, PageRequest, UnitOfWork
from tests.builders import NOW, OpenClinic, Watch, doctor, once, session, user
from tests.contract.conftest import side_by_side

ALL = PageRequest(limit=200)
NASTY = {"": None, "é\U0001f642": ["\u202e", "it's", 0.5, -3, True, {"deep": {}}]}


def add_doctor(uow: UnitOfWork, name: str = "Dr. Once") -> None:
    added = doctor(name)
    uow.doctors.add(added)
    uow.record("doctor.added", added)


def send(uow: UnitOfWork, act: Callable[[UnitOfWork], None] = add_doctor) -> None:
    with uow:
        act(uow)
        uow.commit()


def names(clinic: OpenClinic) -> list[str]:
    with clinic.unit_of_work() as uow:
        return [found.name for found in uow.doctors.page(ALL).items]


def test_a_repeated_request_gets_the_first_answer(clinic: OpenClinic) -> None:
    send(clinic.unit_of_work(once(answer=NASTY)))

    with pytest.raises(AlreadyAnsweredError) as replayed:
        send(clinic.unit_of_work(once(answer={"never": "rendered"})))

    assert replayed.value.answer == NASTY
    assert names(clinic) == ["Dr. Once", "Dr. Sarah Chen"]


def test_the_answer_is_the_record_of_the_first_event(clinic: OpenClinic) -> None:
    def greet_both(uow: UnitOfWork) -> None:
        uow.record("doctor.greeted", clinic.doctor)
        uow.record("patient.greeted", clinic.patient)

    send(clinic.unit_of_work(once()), greet_both)

    with pytest.raises(AlreadyAnsweredError) as replayed:
        send(clinic.unit_of_work(once()))

    assert replayed.value.answer == {"id": str(clinic.doctor.id)}


def test_the_same_unit_of_work_answers_each_block_anew(clinic: OpenClinic) -> None:
    uow = clinic.unit_of_work(once())
    with uow:
        uow.record("doctor.greeted", clinic.doctor)  # Left undone.
    send(uow, lambda uow: uow.record("patient.greeted", clinic.patient))

    with pytest.raises(AlreadyAnsweredError) as replayed:
        send(uow)

    assert replayed.value.answer == {"id": str(clinic.patient.id)}


def test_a_request_that_made_nothing_is_answered_with_nothing(
    clinic: OpenClinic,
) -> None:
    send(clinic.unit_of_work(once()), lambda uow: None)

    with pytest.raises(AlreadyAnsweredError) as replayed:
        send(clinic.unit_of_work(once()))

    assert replayed.value.answer is None


def test_a_key_of_another_request_is_refused(clinic: OpenClinic) -> None:
    send(clinic.unit_of_work(once()))

    with pytest.raises(KeyReusedError):
        send(clinic.unit_of_work(once(fingerprint="request-2")))

    assert names(clinic) == ["Dr. Once", "Dr. Sarah Chen"]


def test_a_request_that_was_undone_can_be_sent_again(clinic: OpenClinic) -> None:
    with clinic.unit_of_work(once()) as uow:
        add_doctor(uow, "Dr. Undone")

    send(clinic.unit_of_work(once(fingerprint="request-2")))

    assert names(clinic) == ["Dr. Once", "Dr. Sarah Chen"]


def test_an_answer_is_kept_for_a_day(clinic: OpenClinic, watch: Watch) -> None:
    send(clinic.unit_of_work(once()))

    watch.at = NOW + timedelta(hours=24) - timedelta(microseconds=1)

    with pytest.raises(AlreadyAnsweredError):
        send(clinic.unit_of_work(once()))


def test_a_key_is_free_after_a_day(clinic: OpenClinic, watch: Watch) -> None:
    send(clinic.unit_of_work(once(answer=1)))

    watch.at = NOW + timedelta(hours=24)
    send(clinic.unit_of_work(once(fingerprint="request-2", answer=2)))

    watch.at += timedelta(hours=23)
    with pytest.raises(AlreadyAnsweredError) as replayed:
        send(clinic.unit_of_work(once(fingerprint="request-2")))
    assert replayed.value.answer == 2


def sessions_of(clinic: OpenClinic) -> tuple[Any, Any]:
    """Return another session of the owner, and one of somebody else."""
    colleague = user(clinic.id)
    own, others = session(clinic.owner), session(colleague)
    with clinic.store.entrance() as entrance:
        entrance.add_user(colleague)
        entrance.add_session(own)
        entrance.add_session(others)
        entrance.commit()
    return own.id, others.id


def test_a_key_belongs_to_the_account_not_to_the_session(clinic: OpenClinic) -> None:
    own, others = sessions_of(clinic)
    send(clinic.unit_of_work(once()))

    with pytest.raises(AlreadyAnsweredError):
        send(clinic.store.unit_of_work(clinic.id, own, once()))
    send(clinic.store.unit_of_work(clinic.id, others, once()))

    assert len(names(clinic)) == 3


def test_a_key_belongs_to_the_program(clinic: OpenClinic) -> None:
    send(clinic.system("importer", once()))

    with pytest.raises(AlreadyAnsweredError):
        send(clinic.system("importer", once()))
    send(clinic.system("demo", once()))

    assert len(names(clinic)) == 3


def test_a_key_belongs_to_the_clinic(clinic: OpenClinic, other: OpenClinic) -> None:
    send(clinic.system("importer", once()))

    send(other.system("importer", once(fingerprint="request-2")))

    assert len(names(other)) == 2


@pytest.mark.parametrize(
    "key", ["x" * 255, "é" * 255, "\U0001f642", "%", "'; --"], ids=ascii
)
def test_any_text_of_255_characters_is_a_key(key: str, clinic: OpenClinic) -> None:
    send(clinic.unit_of_work(once(key)))

    with pytest.raises(AlreadyAnsweredError):
        send(clinic.unit_of_work(once(key)))


@side_by_side
def test_of_twins_the_second_to_commit_leaves_nothing(clinic: OpenClinic) -> None:
    def overtaken(uow: UnitOfWork) -> None:
        add_doctor(uow, "Dr. Late")
        send(clinic.unit_of_work(once()))

    with pytest.raises(ContentionError):
        send(clinic.unit_of_work(once()), overtaken)

    assert names(clinic) == ["Dr. Once", "Dr. Sarah Chen"]


@side_by_side
@pytest.mark.parametrize(
    ("twin", "told"),
    [
        pytest.param(once(), AlreadyAnsweredError, id="its twin was carried out"),
        pytest.param(
            once(fingerprint="request-2"), KeyReusedError, id="its key was used"
        ),
        pytest.param(once("key-2"), BookingConflictError, id="a stranger came first"),
        pytest.param(None, BookingConflictError, id="nobody came first"),
    ],
)
def test_a_refusal_gives_way_to_the_answer_of_a_twin(
    twin: Once | None, told: type[Exception], clinic: OpenClinic
) -> None:
    """Otherwise the second of two equal requests would be refused by the first."""

    def overtaken(uow: UnitOfWork) -> None:
        if twin is not None:
            send(clinic.unit_of_work(twin))
        raise BookingConflictError(())

    with pytest.raises(told):
        send(clinic.unit_of_work(once()), overtaken)


def test_a_refusal_without_a_key_stays_one(clinic: OpenClinic) -> None:
    with pytest.raises(BookingConflictError), clinic.uow:
        raise BookingConflictError(())


def test_a_refused_request_is_not_answered(clinic: OpenClinic) -> None:
    with pytest.raises(BookingConflictError), clinic.unit_of_work(once()):
        raise BookingConflictError(())

    send(clinic.unit_of_work(once()))

    assert names(clinic) == ["Dr. Once", "Dr. Sarah Chen"]
