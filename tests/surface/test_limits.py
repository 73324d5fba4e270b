"""The house rules that no linter knows: short files, short functions."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    [*ROOT.glob("src/**/*.py"), *ROOT.glob("tests/**/*.py"), *ROOT.glob("benchmarks/*.py"), *ROOT.glob("examples/*.py")]
)


def test_shapes_are_checked_wherever_they_are_written(pytestconfig: pytest.Config) -> None:
    checked = pytestconfig.getoption("jaxtyping_packages").split(",")
    written = [file for file in ROOT.glob("src/**/*.py") if "from jaxtyping import" in file.read_text("utf-8")]
    modules = [".".join(file.relative_to(ROOT / "src").with_suffix("").parts) for file in written]
    assert [name for name in modules if not name.startswith(tuple(checked[:-1]))] == []
    assert len(modules) > 50


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_files_have_at_most_300_lines_and_functions_50(file: Path) -> None:
    text = file.read_text("utf-8")
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 50, node.name
