"""What is written comes back; what is half-written never takes the place of what was whole."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assay.contents import verify
from assay.files import whole
from assay.run_folder import SCHEMA, Evaluation, Folder, Run, create, file_hash, fresh, open_run, safe_name

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
TYPES = ["uint8", "int64", "float32", "float64"]
ARRAYS = st.dictionaries(
    st.text("abcd@=.:() ", min_size=1, max_size=9),
    st.sampled_from(TYPES).flatmap(lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, min_side=0))),
    max_size=4,
)
COLUMNS = st.integers(1, 9).flatmap(
    lambda n: st.dictionaries(
        st.text(min_size=1, max_size=9), st.sampled_from(TYPES).flatmap(lambda kind: hnp.arrays(kind, n)), min_size=1
    )
)
SHARED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(content=JSON)
@SHARED
def test_json_comes_back(tmp_path: Path, content: Any) -> None:
    Folder(tmp_path).write_json("any.json", content)
    assert Folder(tmp_path).read_json("any.json") == content


@given(lines=st.lists(st.dictionaries(st.text(), PLAIN)))
@SHARED
def test_lines_come_back(tmp_path: Path, lines: list[dict[str, Any]]) -> None:
    Folder(tmp_path).write_lines("any.jsonl", lines)
    assert Folder(tmp_path).read_lines("any.jsonl") == lines
    assert len((tmp_path / "any.jsonl").read_bytes().splitlines()) == len(lines)


def same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> bool:
    return found.keys() == wanted.keys() and all(
        found[key].dtype == wanted[key].dtype
        and found[key].shape == wanted[key].shape
        and np.array_equal(found[key], wanted[key], equal_nan=wanted[key].dtype != object)
        for key in wanted
    )


@given(arrays=ARRAYS)
@SHARED
def test_arrays_come_back_bit_for_bit(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    Folder(tmp_path).write_arrays("any.safetensors", arrays)
    assert same(Folder(tmp_path).read_arrays("any.safetensors"), arrays)


@given(columns=COLUMNS)
@SHARED
def test_tables_come_back(tmp_path: Path, columns: dict[str, np.ndarray]) -> None:
    words = {"verdict": np.array(["robust"] * len(next(iter(columns.values()))), dtype=object)}
    Folder(tmp_path).write_table("any.parquet", columns | words)
    assert same(Folder(tmp_path).read_table("any.parquet"), columns | words)


def test_no_bit_of_a_table_changes_unseen(tmp_path: Path) -> None:
    folder, wanted = Folder(tmp_path), {"confidence": np.linspace(0, 1, 300, dtype=np.float32)}
    folder.write_table("t.parquet", wanted)
    content = (tmp_path / "t.parquet").read_bytes()
    for place in range(0, len(content), 13):
        spoilt = bytearray(content)
        spoilt[place] ^= 4
        (tmp_path / "t.parquet").write_bytes(spoilt)
        with contextlib.suppress(ValueError):  # named as damaged, or it did not matter
            assert same(folder.read_table("t.parquet"), wanted), place


def test_arrays_that_lie_otherwise_in_memory_come_back(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    Folder(tmp_path).write_arrays("a", {"turned": array.transpose(2, 0, 1), "every second": array[:, ::2]})
    found = Folder(tmp_path).read_arrays("a")
    assert np.array_equal(found["turned"], array.transpose(2, 0, 1))
    assert np.array_equal(found["every second"], array[:, ::2])


@pytest.mark.parametrize("content", [{"a": float("nan")}, {"a": float("inf")}, {"a": object()}])
def test_what_is_no_json_is_not_written_and_the_old_file_stays(tmp_path: Path, content: Any) -> None:
    folder = Folder(tmp_path)
    folder.write_json("any.json", {"old": 1})
    with pytest.raises((ValueError, TypeError)):
        folder.write_json("any.json", content)
    assert folder.read_json("any.json") == {"old": 1}
    assert os.listdir(tmp_path) == ["any.json"]


@pytest.mark.parametrize("error", [OSError(28, "full"), ValueError("a bug"), KeyboardInterrupt()], ids=repr)
def test_whole_leaves_the_old_file_whatever_happens(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write() -> None:
        with whole(path) as part:
            part.write_text("half of the ne")
            assert path.read_text() == "old"
            raise error

    with pytest.raises(type(error)):
        write()
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_text() == "old"


def test_whole_makes_a_file_as_open_to_others_as_any(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    with whole(tmp_path / "deep" / "file") as part:
        part.write_text("new")
    assert (tmp_path / "deep" / "file").read_text() == "new"
    assert (tmp_path / "deep" / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode


def evaluation(path: Path, eps: float = 0.1) -> Evaluation:
    """The least that is a finished evaluation."""
    config = {"data": "d", "split": "test", "n": 0, "fingerprint": "f", "classes": ["0", "1"], "shape": [1, 2, 2]}
    config |= {"attacks": [], "norm": "linf", "eps": eps, "epsilons": [eps], "goal": "g", "seed": 0, "weights": "w"}
    draft = fresh(Run(path).evaluation("some"), force=True)
    draft.write_json("costs.json", [])
    draft.write_json("config.json", config | {"precision": "float32"})
    return Run(path).evaluation("some")


def test_a_draft_takes_its_place_with_its_last_file(tmp_path: Path) -> None:
    old = evaluation(tmp_path)
    draft = fresh(old, force=True)
    draft.write_arrays("gallery.safetensors", {"a": np.zeros(3)})
    assert Run(tmp_path).names("evaluations") == ["some"]
    assert not old.has("gallery.safetensors")
    evaluation(tmp_path, eps=0.2)
    assert old.read_json("config.json")["eps"] == 0.2
    assert not old.has("gallery.safetensors")  # nothing of a draft that was given up
    assert os.listdir(tmp_path / "evaluations") == ["some"]


def test_a_draft_that_fails_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    old = evaluation(tmp_path)
    draft = fresh(old, force=True)
    draft.write_arrays("gallery.safetensors", {"a": np.zeros(3)})
    with pytest.raises(ValueError, match="JSON"):
        draft.write_json("results.json", float("nan"))
    with pytest.raises(TypeError):
        draft.write_table("images.parquet", {"a": np.zeros(3), "b": object()})  # type: ignore[dict-item]
    assert old.read_json("config.json")["eps"] == 0.1


def test_a_finished_folder_is_not_made_again_unless_forced(tmp_path: Path) -> None:
    folder = evaluation(tmp_path)
    with pytest.raises(ValueError, match="some exists: --force makes it again"):
        fresh(folder, force=False)
    (folder.path / "config.json").unlink()  # not finished
    assert fresh(folder, force=False).draft


def test_complete_folders_are_listed_oldest_first(tmp_path: Path) -> None:
    for age, name in ((3, "c"), (1, "a"), (2, "b")):
        Folder(tmp_path / "evaluations" / name).write_json("config.json", {})
        os.utime(tmp_path / "evaluations" / name / "config.json", (age, age))
    (tmp_path / "evaluations" / "unfinished").mkdir()
    Folder(tmp_path / "evaluations" / ".d.part").write_json("config.json", {})
    assert Folder(tmp_path).names("evaluations") == ["a", "b", "c"]
    assert Folder(tmp_path).names("explanations") == []


def test_a_model_is_bound_to_its_weights_by_their_hash(tmp_path: Path) -> None:
    about = {"architecture": "a", "shape": [1, 2, 2], "classes": ["0"], "mean": [0.0], "std": [1.0], "parameters": 2}
    run, weights = Run(tmp_path), {"w": np.array([1.5, -2.5], np.float32)}
    run.write_model(about, weights)
    description, found = run.read_model()
    assert same(found, weights)
    assert description == about | {"weights": file_hash(tmp_path / "model.safetensors")}
    run.write_arrays("model.safetensors", {"w": np.array([1.5, 2.5], np.float32)})
    with pytest.raises(ValueError, match=r"model.safetensors has hash .*, model.json says"):
        run.read_model()


def test_a_run_is_created_once(tmp_path: Path) -> None:
    run = create(tmp_path / "deep" / "run")
    create(tmp_path / "deep" / "run")  # empty still
    run.write_json("config.json", {"schema": SCHEMA, "data": "digits", "fingerprint": "f"})
    assert open_run(run.path) == run
    with pytest.raises(ValueError, match="exists: take another --out, or --force"):
        create(run.path)
    create(run.path, force=True)
    assert os.listdir(run.path) == []


@given(parts=st.lists(st.text(max_size=70) | st.floats(), min_size=1, max_size=4))
@settings(deadline=None)
def test_a_safe_name_is_a_file_name_of_bounded_length(parts: list[object]) -> None:
    name = safe_name(*parts)
    assert len(name) <= 100
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=-")


def test_long_names_that_differ_stay_different() -> None:
    names = {safe_name("x" * 120 + end) for end in "abc"}
    assert len(names) == 3


WANTED = {"n": int, "share": float, "rows": [{"label": int}], "maybe": str | None}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"n": 1, "share": 1, "rows": [{"label": 2}]}, None),
        ({"n": 1, "share": 0.5, "rows": [], "maybe": "x", "more": {}}, None),
        ({"n": True, "share": 1, "rows": []}, "n must be a whole number, got True"),
        ({"n": 1, "share": "1", "rows": []}, "share must be a number, got '1'"),
        ({"n": 1, "share": float("inf"), "rows": []}, "share must be a number, got inf"),
        ({"n": 1, "share": 1, "rows": {}}, "rows must be a list, got {}"),
        ({"n": 1, "share": 1, "rows": [{"label": None}]}, "label must be a whole number, got None"),
        ({"n": 1, "share": 1, "rows": [3]}, "rows must be a table, got 3"),
        ({"n": 1, "rows": [], "maybe": 3, "share": 1}, "maybe must be text or None, got 3"),
        ({"rows": []}, "its content lacks n, share"),
        ([], "its content must be a table, got []"),
    ],
)
def test_contents_are_held_to_what_is_wanted(content: Any, said: str | None) -> None:
    if said is None:
        verify("file", json.loads(json.dumps(content)), WANTED)
        return
    with pytest.raises(ValueError) as error:
        verify("file", content, WANTED)
    assert str(error.value) == f"file is damaged: {said}"
