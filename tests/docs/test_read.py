"""Every command of every page can be typed, each name in it is of something, and no link leads nowhere."""

import contextlib
import re
import shlex
from pathlib import Path

import pytest

from assay.cli import VERBS
from tests.docs.pages import PAGES, ROOT, Piece, inline, missing, parses, pieces
from tests.docs.play import play
from tests.docs.reading import read_command, read_mention

ALL = [piece for page in PAGES for piece in pieces(page)]
COMMANDS = [piece for piece in ALL if not piece.python and ("assay" in piece.words[:1] or "-m assay" in piece.text)]
OTHERS = [piece for piece in ALL if not piece.python and piece not in COMMANDS]
TODAY = [page for page in PAGES if page.parent.name != "decisions"]  # those speak of what might have been
SENTENCES = [piece for page in TODAY for piece in inline(page) if not re.search("…|VERB", piece.text)]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")


@pytest.mark.parametrize("piece", COMMANDS, ids=str)
def test_a_command_can_be_typed(piece: Piece) -> None:
    read_command(piece.words)


@pytest.mark.parametrize("piece", SENTENCES, ids=str)
def test_a_sentence_speaks_of_what_there_is(piece: Piece) -> None:
    read_mention(piece.words)


@pytest.mark.parametrize("piece", OTHERS, ids=str)
def test_another_command_is_about_what_is_there(piece: Piece) -> None:
    words = piece.words
    if words[0] == "make":
        rules = (ROOT / "Makefile").read_text("utf-8")
        assert all(re.search(rf"^{word}:", rules, re.MULTILINE) for word in words[1:])
    if words[0] == "python" and words[1] != "-m":
        assert (ROOT / words[1]).is_file()


@pytest.mark.parametrize("piece", [piece for piece in ALL if piece.python], ids=str)
def test_python_is_python(piece: Piece) -> None:
    assert parses(piece.text)


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("assay attackk RUN --attack fgsm", "did you mean 'attack'"),
        ("assay attack RUN --attackk fgsm", "did you mean '--attack'"),
        ("assay attack RUN --attack fgms", "did you mean 'fgsm'"),
        ('assay attack RUN --attack "pgd(step=40)"', "it has steps"),
        ('assay attack RUN --attack hop_skip_jump --threat "l1(3)"', "knows"),
        ('assay evaluate RUN --threat "l3(0.1)"', "l3"),
        ("assay evaluate RUN --suite standardd", "standard"),
        ('assay evaluate RUN --fail-if "robust > 0.4"', "robust < 0.40"),
        ("assay explain RUN --method salience", "did you mean 'saliency'"),
        ("assay harden RUN --method trade --out RUN2", "trades"),
        ("assay train mnist_cnm", "did you mean 'mnist_cnn'"),
        ("assay train mnist_cnn --data minst", "did you mean 'mnist'"),
        ("assay train mnist_cnn --augment flap", "flip"),
        ("assay model describe mnist_cnm", "did you mean 'mnist_cnn'"),
        ("assay data describe didgits", "did you mean 'digits'"),
        ("assay doctor attack fsgm", "did you mean 'fgsm'"),
        ("assay lesson gradient --y 3", "no option '--y'"),
        ("assay report RUN --images 3", "no option '--images'"),
        ("torchrun --nproc-per-node 2 -m assay train digits_cmm", "did you mean 'digits_cnn'"),
    ],
)
def test_a_slip_of_the_pen_is_found(command: str, named: str) -> None:
    with pytest.raises(ValueError, match=re.escape(named)):
        read_command(shlex.split(command))


def test_a_sentence_may_leave_out_what_a_verb_needs_and_nothing_else() -> None:
    read_mention(["assay", "verify", "--rerun"])
    for words in (["assay", "verify", "--return"], ["assay", "verifyy"]):
        with pytest.raises(ValueError, match="verify"):
            read_mention(words)


def test_what_a_page_shows_must_have_been_said() -> None:
    said = "runs/plain: 3 epochs\n  test   98.3 % (96.4–99.2, n 360)\n  believable"
    assert not missing(("  test  97.0 % (91.0–99.9, n 36)", "…", "  believ…"), said)
    assert missing(("  tests  97.0 % (91.0–99.9, n 36)",), said)
    assert missing(("  believable", "runs/plain: 3 epochs"), said)  # not in this order
    assert missing(("  test  98.3 %",), said)


@pytest.mark.parametrize(
    ("page", "named"),
    [
        ("    assay data list\n\n    digits  1 796 handwritten digits of 7×8 pixels, …\n", ""),
        ("    assay data list\n\n    digits  1 797 written digits, …\n", "nothing like 'digits"),
        ("<!-- exit 1 -->\n\n    assay data list\n", "ended with 0"),
        ("- in a list\n\n      assay data list digits\n", "ended with 2"),
        ("```\nassay data list digits\n```\n", "ended with 2"),
        ("```python\nprint(1 + 1)  # two\n```\n", "nothing like 'two'"),
        ("<!-- read: why -->\n\n    assay data list digits\n", ""),
    ],
)
def test_a_page_that_shows_what_is_not_so_is_found(
    page: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.md").write_text(page, "utf-8")
    with pytest.raises(AssertionError, match=named) if named else contextlib.nullcontext():
        play(tmp_path / "page.md", "now", ("now",), tmp_path, False)


def test_what_a_block_holds() -> None:
    first = pieces(ROOT / "docs/start.md")[0]
    assert first.words[:2] == ["assay", "train"]
    assert first.shown[0].startswith("runs/plain: ")
    assert len(COMMANDS) > 100
    assert sum(piece.runs == "never" for piece in COMMANDS) < 12


def test_every_verb_has_a_page_that_begins_with_its_name() -> None:
    found = {page.stem: page for page in (ROOT / "docs/verbs").glob("*.md")}
    assert set(found) == set(VERBS)
    for verb, page in found.items():
        assert page.read_text("utf-8").startswith(f"# assay {verb}\n")
        assert any(piece.words[:2] == ["assay", verb] for piece in pieces(page))


def test_no_link_leads_nowhere_and_every_page_is_found_from_the_first() -> None:
    reached, to_do = set(), [ROOT / "docs/README.md"]
    while to_do:
        page = to_do.pop()
        if page in reached:
            continue
        reached.add(page)
        for target, _ in LINK.findall(page.read_text("utf-8")):
            if "://" in target:
                continue
            place = (page.parent / target).resolve()
            assert place.exists(), f"{page}: {target}"
            if place.suffix == ".md" and place.is_relative_to(ROOT / "docs"):
                to_do.append(place)
            if place.name == "decisions":
                to_do += place.glob("*.md")
    assert set((ROOT / "docs").glob("**/*.md")) == reached
