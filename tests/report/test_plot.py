"""The figures for notebooks: those of the report, in colours that a screen has."""

from pathlib import Path

import pytest
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.text import Text

import assay
from assay.report.figures import STYLES
from tests.report.runs import bare_run, make_run


@pytest.mark.parametrize("name", ["curve", "damage", "smallest", "training", "confusion", "becomes"])
def test_a_figure_is_drawn_in_real_colours(tmp_path: Path, name: str) -> None:
    make_run(tmp_path / "run")
    figure = getattr(assay.plot, name)(tmp_path / "run")
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 3000
    lines = {to_hex(line.get_color()) for line in figure.findobj(Line2D)}
    texts = {to_hex(text.get_color()) for text in figure.findobj(Text)}
    areas = {to_hex(patch.get_facecolor()) for patch in figure.axes[0].patches}
    assert not (lines | texts | areas) & set(STYLES)


def test_two_runs_are_told_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_run(tmp_path / name)
    figure = assay.plot.smallest(tmp_path / "a", tmp_path / "b")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


@pytest.mark.parametrize("name", ["curve", "damage", "smallest", "training", "confusion", "becomes"])
def test_without_data_a_line_says_what_is_missing(tmp_path: Path, name: str) -> None:
    bare_run(tmp_path / "run")
    with pytest.raises(ValueError, match=r"assay evaluate|metrics\.jsonl"):
        getattr(assay.plot, name)(tmp_path / "run")
