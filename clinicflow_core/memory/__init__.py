"""
The record in memory: for trying things out, for tests, for embedding.

It behaves as the databases do: a unit of work reads what is committed and what
it wrote itself, `Diaries.hold` waits for others, and a commit checks once more
that no time is sold twice.
"""

from clinicflow_core.memory.accounts import MemoryUsers
from clinicflow_core.memory.appointments import MemoryAppointments
from clinicflow_core.memory.belongings import MemoryBelongings
from clinicflow_core.memory.diaries import MemoryDiaries
from clinicflow_core.memory.doctors import MemoryDoctors
from clinicflow_core.memory.figures import MemoryFigures
from clinicflow_core.memory.intake import (
    MemoryIntakeForms,
    MemoryQuestionnaires,
    MemorySummaries,
)
from clinicflow_core.memory.jobs import MemoryJobs
from clinicflow_core.memory.patients import MemoryPatients
from clinicflow_core.memory.store import MemoryEntrance, MemoryStore, MemoryUnitOfWork
from clinicflow_core.memory.trail import MemoryEvents, MemoryOrigins
from clinicflow_core.memory.waitlist import MemoryWaitlist

__all__ = [
    "MemoryAppointments",
    "MemoryBelongings",
    "MemoryDiaries",
    "MemoryDoctors",
    "MemoryEntrance",
    "MemoryEvents",
    "MemoryFigures",
    "MemoryIntakeForms",
    "MemoryJobs",
    "MemoryOrigins",
    "MemoryPatients",
    "MemoryQuestionnaires",
    "MemoryStore",
    "MemorySummaries",
    "MemoryUnitOfWork",
    "MemoryUsers",
    "MemoryWaitlist",
]
