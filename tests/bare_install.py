"""
Checks an installation without extras: all of the core but its stores imports, and a
visit can be booked in memory, once.

Run by ``nox -s bare`` in an environment that has the core's seven libraries only.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from datetime import date, time

import clinicflow_core

NEEDS_AN_EXTRA = ("clinicflow_core.sql", "clinicflow_core.settings")
NOT_OURS = {
    "alembic",
    "authlib",
    "bcrypt",
    "click",
    "flask",
    "joserfc",
    "openai",
    "psycopg",
    "requests",
    "rich",
    "sqlalchemy",
    "typed_settings",
}


def modules_of_the_core() -> list[str]:
    """Return the names of all modules that must import without an extra."""
    names = []
    for module in pkgutil.iter_modules(clinicflow_core.__path__, "clinicflow_core."):
        if module.name not in NEEDS_AN_EXTRA:
            names.append(module.name)
            # Walking a package imports it: here that is what is asked.
            path = getattr(importlib.import_module(module.name), "__path__", ())
            names += [m.name for m in pkgutil.walk_packages(path, f"{module.name}.")]
    return names


def book_twice() -> None:
    """Book a visit in memory, and the same time again, which must be refused."""
    # Here, once it is clear that they import.
    from clinicflow_core.accounts.permissions import system
    from clinicflow_core.desk import accounts, booking, doctors, register
    from clinicflow_core.entities.doctor import Weekday
    from clinicflow_core.errors import BookingConflictError
    from clinicflow_core.memory import MemoryStore

    store = MemoryStore()
    clinic = accounts.found_clinic(accounts.NewClinic(name="Bare"), store.entrance())
    desk = store.unit_of_work(clinic.id, system("bare install"))
    doctor = doctors.add(doctors.AddDoctor(name="Dr. Chen"), desk)
    monday = doctors.Stretch(weekday=Weekday.MONDAY, start=time(9), end=time(17))
    doctors.set_hours(doctor.id, doctors.SetHours(hours=(monday,)), desk)
    patient = register.register(
        register.RegisterPatient(first_name="Ann", last_name="Lee"), desk
    ).patient
    wanted = booking.BookAppointment(
        doctor_id=doctor.id,
        patient_id=patient.id,
        date=date(2031, 3, 3),
        start_time=time(9),
    )
    booking.book(wanted, desk)
    try:
        booking.book(wanted, desk)
    except BookingConflictError:
        return
    sys.exit("The same time was booked twice.")


def main() -> None:
    """Import them all and book; fail if something is missing or brought in."""
    names = modules_of_the_core()
    for name in names:
        importlib.import_module(name)
    if brought_in := NOT_OURS & sys.modules.keys():
        sys.exit(f"Importing the core brings in {', '.join(sorted(brought_in))}.")
    if not names:
        sys.exit("No module of the core was found.")
    book_twice()
    print(f"{len(names)} modules of the core import on their own, and book.")


if __name__ == "__main__":
    main()
