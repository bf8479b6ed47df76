"""
A process that books without end, until it is killed.

Run as ``python -m tests.races.writer URL CLINIC LEDGER NUMBER``. What came of each
booking goes into the ledger at once, one line each.
"""

from __future__ import annotations

import os
import random
import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from clinicflow_core.clock import FixedClock
from clinicflow_core.desk import booking
from clinicflow_core.desk.booking import BookAppointment
from clinicflow_core.errors import ClinicFlowError
from clinicflow_core.ports import PageRequest
from clinicflow_core.sql.store import open_store
from tests.builders import DAY, NOW, clock
from tests.races.racers import as_program


def main(url: str, clinic: str, ledger: Path, number: int) -> None:
    store = open_store(url, FixedClock(NOW))
    uow = as_program(store, UUID(clinic))
    roll = random.Random(number)
    with uow:
        doctors = [doctor.id for doctor in uow.doctors.page(PageRequest()).items]
        patients = [one.id for one in uow.patients.page((), PageRequest()).items]
    out = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        minutes = 8 * 60 + 5 * roll.randrange(48)
        request = BookAppointment(
            doctor_id=roll.choice(doctors),
            patient_id=roll.choice(patients),
            date=DAY + timedelta(days=roll.randrange(1000)),
            start_time=clock(f"{minutes // 60:02}:{minutes % 60:02}"),
            duration=roll.choice([5, 20, 45]),
        )
        try:
            visit = booking.book(request, uow)
        except ClinicFlowError as refused:
            os.write(out, f"refused {type(refused).__name__}\n".encode())
        else:
            os.write(out, f"booked {visit.id}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
