from __future__ import annotations

import csv

import pytest

from tests.benchmarks.summaries import main, same, says_none, wanted_in

ROWS = [
    ("1", "MEDICATIONS", "Zocor 5 mg daily and Lasix.", "Are you on Zocor?", "Yes."),
    ("2", "MEDICATIONS", "None.", "Do you take any medications?", "No."),
    ("3", "ALLERGY", "She is allergic to eggs.", "Any allergies?", "Eggs and cats."),
    ("4", "ALLERGY", "No known drug allergies.", "Any allergies?", "No."),
    ("5", "CC", "Cough.", "What brings you in?", "I have a cough."),
]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["ID", "section_header", "section_text", "dialogue"])
        for number, header, reference, asked, said in ROWS:
            talk = f"Doctor: {asked}\nPatient: {said}"
            writer.writerow([number, header, reference, talk])
    return path


def test_the_benchmark_counts_drug_by_drug_and_lists_what_it_misses(file, capsys):
    main([str(file)])

    out = capsys.readouterr().out
    assert "missed ['lasix'], false []" in out
    assert "missed [], false ['cats']" in out
    assert "recall 0.500 (1 of 2), precision 1.000 (1 of 1)" in out
    assert out.count("recall 1.000 (1 of 1), precision 1.000 (1 of 1)") == 2


@pytest.mark.parametrize(
    ("reference", "names"),
    [
        ("Advair and Allegra.  He takes these regularly.", ["advair", "allegra"]),
        ("Currently taking Toprol for hypertension and anxiety.", ["toprol"]),
        ("1. Prilosec. 2. Tramadol p.r.n.", ["prilosec", "tramadol"]),
        ("PCN, but has tolerated others.", ["pcn"]),
        ("No known drug allergies.", []),
    ],
)
def test_a_reference_names_its_drugs(reference, names):
    assert wanted_in(reference) == names
    assert says_none(reference) is (not names)


def test_a_brand_and_its_generic_are_the_same():
    assert same("Tylenol", "acetaminophen 500 mg")
    assert same("latex", "latex gloves")
    assert not same("Zocor", "Lasix")
