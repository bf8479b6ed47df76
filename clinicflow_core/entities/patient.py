"""Patients, as the front desk knows them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar

from attrs import evolve, field, frozen

from clinicflow_core.entities.ids import PatientId


@frozen(kw_only=True)
class Patient:
    """
    Somebody who is or will be treated in the clinic.

    Attributes:
        phone: In free format, as it was given.
    """

    __computed__: ClassVar[tuple[str, ...]] = ("full_name",)

    id: PatientId
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    date_of_birth: date | None = field(default=None, repr=False)
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
        digits = re.sub("[^0-9]", "", self.phone or "")
        birth = self.date_of_birth.isoformat() if self.date_of_birth else ""
        parts = (self.first_name, self.last_name, self.email or "", digits, birth)
        return folded(" ".join(parts))

    @property
    def sort_key(self) -> tuple[str, ...]:
        """The order of lists, by code point."""
        return (self.last_name, self.first_name, str(self.id))

    def changed(self, changes: Mapping[str, Any], now: datetime) -> Patient:
        return evolve(self, **changes, version=self.version + 1, updated_at=now)


def folded(text: str) -> str:
    """Return *text* without accents and case, for comparing."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))


def search_words(query: str) -> tuple[str, ...]:
    """
    Return the words of *query* as they stand in a patient's `search_text`.

    A phone number is reduced to its digits; a birth date is written 1980-12-31.
    """
    return tuple(
        re.sub("[^0-9]", "", word) if _PHONE_PART.fullmatch(word) else word
        for word in folded(query).split()
    )


_PHONE_PART = re.compile(r"(?![0-9]{4}-[0-9]{2}-[0-9]{2}$)[+(]?[0-9][-+()./0-9]*")
