"""A gate fails by the lower bound, and a pipeline can read why."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from assay.cli.gate import Gate, write_junit

RESULTS = {
    "clean": {"share": 0.95, "low": 0.93, "high": 0.97, "n": 500},
    "robust": [
        {"eps": 0.1, "share": 0.8, "low": 0.77, "high": 0.83, "n": 500},
        {"eps": 0.3, "share": 0.42, "low": 0.38, "high": 0.46, "n": 500},
    ],
}


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ("robust < 0.40", True),  # 0.42, but perhaps only 0.38
        ("robust<0.38", False),
        ("robust < 1e-1", False),
        ("clean < 0.93", False),
        ("clean < .94", True),
    ],
)
def test_it_fails_by_the_lower_bound_at_the_eps_of_the_threat(text: str, fails: bool) -> None:
    assert bool(Gate(text).fails(RESULTS, 0.3, None)) == fails


@pytest.mark.parametrize(
    ("checks", "fails"), [({"verdict": "believable"}, False), ({"verdict": "suspicious"}, True), (None, True)]
)
def test_a_number_may_have_to_be_believable(checks: dict[str, str] | None, fails: bool) -> None:
    assert bool(Gate("verdict != believable").fails(RESULTS, 0.3, checks)) == fails


@pytest.mark.parametrize(
    "text", ["", "robust", "robust > 0.4", "robust < 40", "robust < x", "verdict < 1", "bold < 0.1"]
)
def test_what_is_no_gate_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"--fail-if .*robust < 0.40") as said:
        Gate(text)
    assert "\n" not in str(said.value)


def test_the_junit_file_says_which_gate_failed_and_why(tmp_path: Path) -> None:
    write_junit(tmp_path / "gates.xml", "run <1>", {"robust < 0.40": "robust & low", "clean < 0.9": ""}, 1.5)
    suite = ET.parse(tmp_path / "gates.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("time")) == ("2", "1", "1.500")
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["robust < 0.40"]
    assert suite[0][0].get("message") == "robust & low"
