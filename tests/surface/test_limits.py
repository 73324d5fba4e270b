"""The house rules that no linter knows: short files, short functions; and what the README says can be typed."""

import ast
import re
import shlex
from pathlib import Path

import pytest

from assay.cli import function_of
from assay.cli.parsing import read_arguments

ROOT = Path(__file__).parents[2]
FILES = sorted(
    [*ROOT.glob("src/**/*.py"), *ROOT.glob("tests/**/*.py"), *ROOT.glob("benchmarks/*.py"), *ROOT.glob("examples/*.py")]
)
PAGES = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
COMMANDS = [
    line.strip() for page in PAGES for line in page.read_text("utf-8").splitlines() if re.match(" {4}assay [a-z]", line)
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_files_have_at_most_300_lines_and_functions_50(file: Path) -> None:
    text = file.read_text("utf-8")
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 50, node.name


def test_the_readme_shows_commands() -> None:
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_can_be_typed(command: str) -> None:
    _, verb, *arguments = shlex.split(command, comments=True)
    assert read_arguments(verb, function_of(verb, arguments), arguments) is not None
