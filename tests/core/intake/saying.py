"""What patients say, as statements; and what a digest says of it, as plain texts."""

from __future__ import annotations

from clinicflow_core.entities.summary import Digest, Facet, Statement, Topic
from clinicflow_core.intake.extractive import digest_of

MEDICATIONS = "What medications do you take?"
ALLERGIES = "What are you allergic to?"


def free(text: str, question: str = "Anything else?", **fields: object) -> Statement:
    """Return an answer that stands alone."""
    return Statement(answer="/free", question=question, text=text, **fields)  # type: ignore[arg-type]


def talk(*turns: str) -> Statement:
    """Return a dialogue: clinician and patient in turn, the clinician first."""
    speakers = ("Doctor", "Patient") * len(turns)
    lines = (f"{who}: {turn}" for who, turn in zip(speakers, turns, strict=False))
    return Statement(answer="/talk", question="dialogue", text="\n".join(lines))


def entry(topic: Topic, number: int = 0, **facets: str) -> list[Statement]:
    """Return an entry of a list: `entry(Topic.MEDICATIONS, name="Zocor")`."""
    pointer = f"/{topic.value}/{number}"
    return [
        Statement(
            answer=f"{pointer}/{facet}",
            question=facet,
            text=text,
            topic=topic,
            entry=pointer,
            facet=Facet(facet),
        )
        for facet, text in facets.items()
    ]


def told(*statements: Statement) -> dict[str, list[str]]:
    """Return the texts of a digest by list, without the summary and empty lists."""
    return texts(digest_of(statements))


def texts(digest: Digest) -> dict[str, list[str]]:
    lists = {name: [item.text for item in items] for name, items in digest.lists()}
    lists.pop("summary")
    return {name: found for name, found in lists.items() if found}
