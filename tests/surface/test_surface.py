"""What others build on does not change unseen: public names, verbs, flags; and help costs nothing."""

import json
import subprocess
import sys

import pytest

import assay
from assay.cli import VERBS
from tests.surface.flags import RENEW, SNAPSHOT, surface

HEAVY = ("torch", "numpy", "scipy", "sklearn", "pyarrow", "safetensors", "matplotlib", "jinja2", "PIL", "tqdm")
HEAVY += ("tensorboard",)
LOOK = """
import contextlib, io, json, sys
from assay.cli import main
found = {}
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = main(words)
    found[" ".join(words)] = [code, *(name for name in json.loads(sys.argv[2]) if name in sys.modules)]
print(json.dumps(found))
"""


def test_the_surface_is_the_one_that_was_agreed_on() -> None:
    changed = set(surface().splitlines()) ^ set(SNAPSHOT.read_text("utf-8").splitlines())
    assert surface() == SNAPSHOT.read_text("utf-8"), (
        f"{sorted(changed)}: if that is meant, {RENEW}, and look at the diff"
    )


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    assert assay.__all__ == sorted(assay.__all__)
    for name in assay.__all__:
        assert getattr(assay, name).__doc__, name
    with pytest.raises(AttributeError, match="module 'assay' has no attribute 'nothing'"):
        _ = assay.nothing


def test_neither_help_nor_a_wrong_word_loads_what_is_heavy() -> None:
    helps = [["--help"], ["--version"], *([verb, "--help"] for verb in VERBS)]
    mistakes = [["trai"], ["train"], ["train", "digits_cnn", "--epocs", "3"], ["attack", "r", "--device", "gpu"]]
    command = [sys.executable, "-c", LOOK, json.dumps(helps + mistakes), json.dumps(HEAVY)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    wanted = {" ".join(words): [0 if words in helps else 2] for words in helps + mistakes}
    assert json.loads(said.stdout) == wanted
