"""Scores: what is worked out from the answers to a questionnaire."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from clinicflow_core.entities.questionnaire import Definition, Scale


@frozen(kw_only=True)
class Score:
    """
    The total of one of a questionnaire's scales.

    Attributes:
        name: What programs call it: "phq-9".
        maximum: The highest total that there is.
        band: What the total means: "Moderate depression"; None if nothing is said.
    """

    name: str
    title: str
    total: int
    maximum: int
    band: str | None


def scores_of(
    definition: Definition, answers: Mapping[str, object]
) -> tuple[Score, ...]:
    """
    Return the scores of *answers*, in the order of the definition's scales.

    A scale of which one answer is missing has no score: part of a total would look
    better than the patient feels.
    """
    return tuple(
        Score(
            name=scale.name,
            title=scale.title,
            total=total,
            maximum=_maximum(definition, scale),
            band=_band(scale, total),
        )
        for scale in definition.scores
        if (total := definition.total_of(scale, answers)) is not None
    )


def _maximum(definition: Definition, scale: Scale) -> int:
    return sum(
        max(option.score or 0 for option in place.question.options)
        for place in definition.places
        if place.question.link_id in scale.questions
    )


def _band(scale: Scale, total: int) -> str | None:
    reached = (band.title for band in reversed(scale.bands) if band.at_least <= total)
    return next(reached, None)
