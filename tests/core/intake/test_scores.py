from __future__ import annotations

import pytest

from clinicflow_core.entities.questionnaire import Band, Option
from clinicflow_core.intake.scores import Score, scores_of
from tests.core.intake.asking import asks, group, question, scale

OPTIONS = (Option(code="no", score=0), Option(code="often", score=3))
BANDS = (Band(at_least=0, title="Low"), Band(at_least=3, title="High"))


def mood(**fields):
    return asks(
        question("tired", "choice", options=OPTIONS),
        group("page", question("sad", "choice", options=OPTIONS)),
        question("other", "choice", options=OPTIONS),
        scores=(scale("tired", "sad", **{"bands": BANDS} | fields),),
    )


@pytest.mark.parametrize(
    ("answers", "total", "band"),
    [
        pytest.param({"tired": "no", "sad": "no"}, 0, "Low", id="lowest"),
        pytest.param({"tired": "often", "sad": "no"}, 3, "High", id="where it begins"),
        pytest.param({"tired": "often", "sad": "often"}, 6, "High", id="highest"),
    ],
)
def test_a_score_is_the_sum_of_what_the_answers_count(answers, total, band):
    assert scores_of(mood(), {**answers, "other": "often"}) == (
        Score(name="mood", title="Mood", total=total, maximum=6, band=band),
    )


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({}, id="none"),
        pytest.param({"tired": "often"}, id="one missing"),
        pytest.param({"tired": "often", "sad": "maybe"}, id="one that is no option"),
        pytest.param({"tired": "often", "sad": ["no"]}, id="one that is a list"),
    ],
)
def test_part_of_the_answers_makes_no_score(answers):
    assert scores_of(mood(), answers) == ()


@pytest.mark.parametrize(
    "bands", [(), (Band(at_least=1, title="Some"),)], ids=["no bands", "none so low"]
)
def test_a_total_may_mean_nothing_in_particular(bands):
    (score,) = scores_of(mood(bands=bands), {"tired": "no", "sad": "no"})

    assert score.band is None
