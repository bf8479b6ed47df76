from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.entities.patient import Patient
from clinicflow_core.intake.redaction import Redaction
from tests.builders import patient

ANN = patient(
    "Ann Lee",
    date_of_birth=date(1980, 3, 9),
    email="ann.lee@example.org",
    phone="+1 (555) 867-5309",
)


def hidden(text: str, of: Patient = ANN) -> str:
    return Redaction.of(of).hide(text)


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("Ann Lee", id="the full name"),
        pytest.param("LEE, ANN", id="the last name first, in capitals"),
        pytest.param("ann lee", id="in small letters"),
        pytest.param("Ánn Lée", id="with accents"),
        pytest.param("A\u0301nn", id="with an accent of its own"),
        pytest.param("\uff21\uff4e\uff4e", id="in wide letters"),
        pytest.param("A\u200bn\u200bn", id="with letters of no width in between"),
        pytest.param("Ann", id="the first name alone"),
        pytest.param("Anns", id="possessive without an apostrophe"),
        pytest.param("AnnLee", id="run together"),
        pytest.param("leeann", id="run together the other way round"),
        pytest.param("annlee1980", id="in a user's name"),
    ],
)
def test_no_spelling_of_a_name_is_told(written):
    text = hidden(f"My name: {written}. It hurts.")

    assert text.startswith("My name: [NAME-1]")
    assert text.endswith(" It hurts.")
    assert not {"ann", "lee"} & set(text.lower().replace("'", " ").split())


@pytest.mark.parametrize(
    "written",
    [
        "1980-03-09",
        "1980/3/9",
        "19800309",
        "03/09/1980",
        "3/9/80",
        "3-9-1980",
        "09.03.1980",
        "9/3/1980",
        "March 9, 1980",
        "march 9th 1980",
        "March the 9th, 1980",
        "9th day of March 1980",
        "the ninth of March in 1980",
        "1980\u5e743\u67089\u65e5",
        "\u0669/\u0663/\u0661\u0669\u0668\u0660",
        "Mar. 9 '80",
        "9 March 1980",
        "the 9th of March, 1980",
        "9-Mar-1980",
        "9mar1980",
        "March 9",
        "03091980",
    ],
)
def test_no_spelling_of_the_birth_date_is_told(written):
    text = hidden(f"Born {written}, in spring.")

    assert text.replace("the ", "") == "Born [DATE-1], in spring."


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        pytest.param("Ann.Lee@Example.org", "EMAIL", id="the e-mail on record"),
        pytest.param("someone+x@mail.co.uk", "EMAIL", id="another e-mail"),
        pytest.param("555 867 5309", "PHONE", id="the phone, spaced"),
        pytest.param("(555)867-5309", "PHONE", id="the phone in brackets"),
        pytest.param("+15558675309", "PHONE", id="the phone in one go"),
        pytest.param("867.5309", "PHONE", id="the phone without its area"),
        pytest.param("1-800-555-0199", "PHONE", id="another phone"),
        pytest.param("+43 1 5331234", "PHONE", id="a phone abroad"),
        pytest.param("078-05-1120", "SSN", id="a social security number"),
        pytest.param(str(ANN.id), "ID", id="the id on record"),
        pytest.param(ANN.id.hex.upper(), "ID", id="the id without dashes"),
        pytest.param("https://example.org/ann?x=1", "URL", id="a link"),
        pytest.param("www.example.org", "URL", id="a host"),
        pytest.param("facebook.com/someone", "URL", id="a page"),
        pytest.param("4929123456789012", "NUMBER", id="a long number"),
    ],
)
def test_no_contact_or_number_of_anybody_is_told(written, kind):
    assert hidden(f"Reach me: {written} please") == f"Reach me: [{kind}-1] please"


@pytest.mark.parametrize(
    "text",
    [
        "Lisinopril 10 mg twice daily, 120/80, since 2019-04-01",
        "5.5mg/ml, 1/2 tablet and 50,000 units",
        "Pain 7 of 10, worse after 3 weeks.It wakes me",
        "annual planning in Leeds, 03/10/1980",
    ],
)
def test_what_says_nothing_about_the_person_stays(text):
    assert hidden(text) == text


@pytest.mark.parametrize(
    ("name", "said", "told"),
    [
        pytest.param(
            "Will May", "it will hurt, may bleed", "it will hurt, may bleed", id="verbs"
        ),
        pytest.param("Will May", "will may here", "[NAME-1] [NAME-2] here", id="both"),
        pytest.param("Will May", "it will; may I", "it will; may I", id="apart"),
        pytest.param("Will May", "Will hurts", "[NAME-1] hurts", id="a capital"),
        pytest.param("Rose Bell", "rose petals", "[NAME-1] petals", id="a flower"),
        pytest.param(
            "Allegra Stone", "Allegra 180 mg", "[NAME-1] 180 mg", id="also a drug"
        ),
        pytest.param("An Do", "An ache, I do", "[NAME-1] ache, I do", id="short"),
        pytest.param("An No", "No. None.", "No. None.", id="a name that is an answer"),
        pytest.param(
            "Li Ng", "li ng, Li's", "[NAME-1] [NAME-2], [NAME-3]'s", id="tiny"
        ),
        pytest.param(
            "Anne-Marie O'Neil",
            "Marie O'Neil",
            "[NAME-1] [NAME-2]'[NAME-3]",
            id="parts",
        ),
        pytest.param("José Ñandú", "Jose Nandu", "[NAME-1] [NAME-2]", id="no accents"),
        pytest.param("小龍 李", "我是李小龍。", "[NAME-1]。", id="no spaces"),
    ],
)
def test_names_that_are_words_are_hidden_where_they_can_be_names(name, said, told):
    assert hidden(said, patient(name)) == told


def test_what_a_patient_types_is_never_taken_for_a_token():
    redaction = Redaction.of(ANN)

    told = redaction.hide("I am Ann, not [NAME-1] nor [DATE-7]")

    assert told == "I am [NAME-1], not [TEXT-1] nor [TEXT-2]"
    assert redaction.restore(told) == "I am Ann, not [NAME-1] nor [DATE-7]"


def test_each_spelling_comes_back_as_it_was():
    redaction = Redaction.of(ANN)

    told = redaction.hide("ANN and Ann and ANN")

    assert told == "[NAME-1] and [NAME-2] and [NAME-1]"
    assert redaction.restore("of [NAME-2]") == "of Ann"


def test_a_token_that_stands_for_nothing_stays():
    assert Redaction.of(ANN).restore("of [NAME-9]") == "of [NAME-9]"


def test_a_patient_without_contacts_is_hidden_too():
    told = hidden("Bo Fox, 867-5309, ab@example.org", patient("Bo Fox"))

    assert told == "[NAME-1] [NAME-2], [PHONE-1], [EMAIL-1]"


def test_a_phone_without_an_area_is_hidden_in_any_punctuation():
    assert hidden("86 75 30 9", patient("Bo Fox", phone="867-5309")) == "[PHONE-1]"


def test_a_number_too_short_to_be_a_phone_is_not_looked_for():
    assert hidden("room 911", patient("Bo Fox", phone="911")) == "room 911"


TYPED = """
Ann ann LEE ann.lee@example.org 1980-03-09 5558675309 [NAME-1] will 10 mg , . ' [ ] Á
https://a.b/c 078-05-1120 aspirin
"""
PIECES = st.sampled_from([*TYPED.split(), "\u200b", "\n"]) | st.text(max_size=4)


@given(st.lists(PIECES).map(" ".join))
def test_whatever_is_hidden_comes_back_exactly(text):
    redaction = Redaction.of(ANN)

    told = redaction.hide(text)

    assert redaction.restore(told) == text
    assert "ann.lee@example.org" not in told
    assert "5558675309" not in told


@pytest.mark.parametrize(
    ("born", "said"),
    [
        (date(1980, 5, 12), "the twelfth of May"),
        (date(1980, 5, 20), "May twentieth, 1980"),
        (date(1980, 5, 21), "twenty-first of May 1980"),
        (date(1980, 5, 31), "May the thirty first"),
    ],
)
def test_a_birth_date_is_hidden_as_it_is_said(born, said):
    redaction = Redaction.of(patient(date_of_birth=born))

    hidden = redaction.hide(f"I was born on {said}")

    assert said.removeprefix("the ") not in hidden
    assert "May" not in hidden
    assert redaction.restore(hidden) == f"I was born on {said}"


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("\u0141ukasz", "\u017b\u00f3\u0142\u0107", "Lukasz Zolc"),
        ("Lukasz", "Zolc", "\u0141ukasz \u017b\u00f3\u0142\u0107"),
        ("Bj\u00f8rn", "S\u00e6ther", "Bjorn Saether"),
        ("\u0110ang", "I\u015f\u0131k", "Dang Isik"),
        ("J\u00fcrgen", "M\u00fcller", "Juergen Mueller"),
        ("Ann", "Quackenbush", "MrsQuackenbush"),
    ],
)
def test_a_name_is_hidden_in_other_letters(first, last, said):
    redaction = Redaction.of(patient(first_name=first, last_name=last))

    hidden = redaction.hide(f"This is {said} speaking")

    assert not {word for word in said.split() if word in hidden}
    assert "Quackenbush" not in hidden
    assert redaction.restore(hidden) == f"This is {said} speaking"


@pytest.mark.parametrize(
    "said",
    [
        "blackrose77@planted.example",
        "blackrose77 @ planted.example",
        "blackrose77(at)planted.example",
        "blackrose77 at planted dot example",
        "my instagram is blackrose77",
    ],
)
def test_an_address_is_hidden_however_it_is_written(said):
    redaction = Redaction.of(patient(email="blackrose77@planted.example"))

    assert "blackrose77" not in redaction.hide(f"Write to {said} please")


def test_a_short_first_part_of_an_address_is_hidden_with_the_rest():
    redaction = Redaction.of(patient(email="zq@planted.example"))

    assert redaction.hide("zq(at)planted.example, zq") == "[EMAIL-1], zq"


@pytest.mark.parametrize("said", ["06 12 34 56 78", "020 7946 0958"])
def test_numbers_of_other_countries_are_hidden(said):
    assert said not in Redaction.of(patient()).hide(f"Call {said} please")


@pytest.mark.parametrize(
    "said", ["11\\23\\1971", "11 | 23 | 1971", "11\u201423\u20141971"]
)
def test_a_birth_date_is_hidden_behind_other_marks(said):
    redaction = Redaction.of(patient(date_of_birth=date(1971, 11, 23)))

    assert "1971" not in redaction.hide(f"born {said} here")
