"""Patients, as the front desk knows them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar

from attrs import evolve, field, frozen

from clinicflow_core.entities.ids import PatientId
from clinicflow_core.errors import PatientErasedError
from clinicflow_core.wire import HIDDEN

ERASED_NAME = "erased"
"""The first and the last name of a patient who was erased."""

_FILLED = ("email", "phone", "date_of_birth")


@frozen(kw_only=True)
class Patient:
    """
    Somebody who is or will be treated in the clinic.

    Attributes:
        phone: In free format, as it was given.
        erased_at: Set once nothing personal is kept.
        merged_into_id: Who this is, if two patients turned out to be one person.
    """

    __computed__: ClassVar[tuple[str, ...]] = ("full_name",)

    id: PatientId
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    date_of_birth: date | None = field(default=None, repr=False)
    erased_at: datetime | None = None
    merged_into_id: PatientId | None = field(default=None, metadata=HIDDEN)
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @property
    def full_name(self) -> str:
        """First name, space, last name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def search_text(self) -> str:
        """All that the patient can be found by; see `search_words`."""
        if self.erased_at is not None:
            return ""
        digits = re.sub("[^0-9]", "", self.phone or "")
        birth = self.date_of_birth.isoformat() if self.date_of_birth else ""
        parts = (self.first_name, self.last_name, self.email or "", digits, birth)
        return folded(" ".join(parts))

    @property
    def sort_key(self) -> tuple[str, ...]:
        """The order of lists, by code point."""
        return (self.last_name, self.first_name, str(self.id))

    def changed(self, changes: Mapping[str, Any], now: datetime) -> Patient:
        """
        Raises:
            PatientErasedError: If nothing personal is to be kept of the patient.
        """
        self.refuse_erased()
        return self._after(now, **changes)

    def refuse_erased(self) -> None:
        """
        Raises:
            PatientErasedError: If the patient was erased.
        """
        if self.erased_at is not None:
            raise PatientErasedError(self.id)

    def missing_from(self, other: Patient) -> dict[str, Any]:
        """Return what is known of the patient and not of *other*, by field."""
        known = {name: getattr(self, name) for name in _FILLED}
        return {
            name: value
            for name, value in known.items()
            if value is not None and getattr(other, name) is None
        }

    def merged_into(self, survivor_id: PatientId, now: datetime) -> Patient:
        """Return the patient as another name for *survivor_id*, with all details."""
        return self._after(now, merged_into_id=survivor_id)

    def erased(self, now: datetime) -> Patient:
        """Return the patient with nothing personal; one erased before as it is."""
        if self.erased_at is not None:
            return self
        return self._after(
            now,
            first_name=ERASED_NAME,
            last_name=ERASED_NAME,
            email=None,
            phone=None,
            date_of_birth=None,
            erased_at=now,
        )

    def _after(self, now: datetime, **changes: Any) -> Patient:
        return evolve(self, **changes, version=self.version + 1, updated_at=now)


def folded(text: str) -> str:
    """Return *text* without accents and case, for comparing."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))


def search_words(query: str) -> tuple[str, ...]:
    """
    Return the words of *query* as they stand in a patient's `search_text`.

    A phone number is reduced to its digits; a birth date is written 1980-12-31. A comma
    parts words: "Lee, Ann".
    """
    return tuple(
        re.sub("[^0-9]", "", word) if _PHONE_PART.fullmatch(word) else word
        for word in folded(query).replace(",", " ").split()
    )


_PHONE_PART = re.compile(r"(?![0-9]{4}-[0-9]{2}-[0-9]{2}$)[+(]?[0-9][-+()./0-9]*")
