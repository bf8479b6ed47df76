from __future__ import annotations

import pytest

from clinicflow_core.intake.claims import Claim, claims


def said(text, *, allergens=False):
    found = claims(text, allergens=allergens)
    return {each.mention.name: each.claim for each in found}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("I take Zocor", {"Zocor": Claim.TAKEN}, id="taken"),
        pytest.param("I'm on Zocor", {"Zocor": Claim.TAKEN}, id="on it"),
        pytest.param("I tried Zocor", {"Zocor": Claim.TOOK}, id="took"),
        pytest.param("I took Zocor a month ago", {"Zocor": Claim.TOOK_ONCE}, id="once"),
        pytest.param("I stopped Zocor", {"Zocor": Claim.STOPPED}, id="stopped"),
        pytest.param(
            "We stopped giving her Zocor", {"Zocor": Claim.STOPPED}, id="by others"
        ),
        pytest.param("I used to take Zocor", {"Zocor": Claim.STOPPED}, id="used to"),
        pytest.param(
            "I took Zocor, but I quit it", {"Zocor": Claim.STOPPED}, id="quit after"
        ),
        pytest.param("I don't use Zocor", {"Zocor": Claim.NOT_SO}, id="denied"),
        pytest.param("better than Zocor", {"Zocor": Claim.ASIDE}, id="compared"),
        pytest.param("Can I take Zocor?", {"Zocor": Claim.ASIDE}, id="asked for"),
        pytest.param("I came for my Zocor", {"Zocor": Claim.ASIDE}, id="a purpose"),
        pytest.param("My mother takes Zocor", {"Zocor": Claim.ASIDE}, id="of others"),
        pytest.param("I'm allergic to Zocor", {"Zocor": Claim.ALLERGIC}, id="allergic"),
        pytest.param("I can't take Zocor", {"Zocor": Claim.ALLERGIC}, id="cannot"),
        pytest.param("Zocor gives me hives", {"Zocor": Claim.ALLERGIC}, id="gives"),
        pytest.param(
            "I had Zocor and then my face swelled up",
            {"Zocor": Claim.ALLERGIC},
            id="what came of it",
        ),
        pytest.param(
            "They gave me Zocor and I'm still on it", {"Zocor": Claim.TAKEN}, id="still"
        ),
        pytest.param(
            "She put me on Zocor a year ago", {"Zocor": Claim.TAKEN}, id="since"
        ),
        pytest.param("Zocor.", {"Zocor": Claim.NOTHING}, id="only named"),
    ],
)
def test_the_words_around_a_drug_say_what_is_claimed_of_it(text, found):
    assert said(text) == found


def test_a_sentence_may_claim_several_things():
    found = said("I stopped metformin and now take Januvia, better than Glucotrol")

    assert found == {
        "metformin": Claim.STOPPED,
        "Januvia": Claim.TAKEN,
        "Glucotrol": Claim.ASIDE,
    }


def test_a_relative_means_the_patient_by_my_mother():
    (named,) = claims("My mother takes Zocor", allergens=False, by_family=True)

    assert named.claim is Claim.TAKEN


def test_the_names_of_a_list_share_its_claim():
    found = said("Sulfa, penicillin and some mycins give me a rash")

    assert set(found.values()) == {Claim.ALLERGIC}
    assert len(found) == 3


def test_a_list_goes_on_behind_doses_and_purposes():
    found = said("I take Dilantin for my seizures, Toprol for my pressure and Zocor")

    assert found == dict.fromkeys(("Dilantin", "Toprol", "Zocor"), Claim.TAKEN)


def test_a_capitalised_word_in_the_place_of_a_drug_counts():
    found = said("I take Zyxolan, Fumbarol and aspirin, and Quxamide on Monday")

    assert set(found) == {"Zyxolan", "Fumbarol", "aspirin", "Quxamide"}


@pytest.mark.parametrize("text", ["I take Mondays off", "I use Walgreens"])
def test_not_every_capitalised_word_is_a_drug(text):
    assert said(text) == {}


def test_allergens_are_found_where_the_talk_is_of_allergies():
    assert said("cats and horse serum", allergens=True) == dict.fromkeys(
        ("cats", "horse serum"), Claim.NOTHING
    )
    assert said("I have cats") == {}
    assert said("I'm allergic to cats") == {"cats": Claim.ALLERGIC}
