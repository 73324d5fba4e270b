"""The same readers under Hypothesis: valid seeds that are cut, spliced, flipped and lied about. Always the same ones.

The unit tier has time for the fast readers, `make test` for all; `pytest -m long` feeds each 10 000.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.readers import READERS, SEEDS, seeds
from tests.mistakes.saying import finished

__all__ = ["finished"]
FAST = ("idx", "image", "cifar archive", "weights", "specs", "parquet")
WHOLE_RUNS = ("run, bytes", "run, json", "run, arrays")  # a page each time
NUMBERS = [bytes([byte]) * n for byte in (0, 1, 0x7F, 0x80, 0xFF) for n in (1, 2, 4, 8)]
ONE = settings(derandomize=True, database=None, deadline=None, max_examples=1, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, finished: Path) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    shutil.copytree(finished, folder / "run")
    return folder


@st.composite
def mutated(draw: Any, found: list[bytes]) -> bytes:
    """One of them with up to six changes."""
    data = bytearray(draw(st.sampled_from(found)))
    for _ in range(draw(st.integers(1, 6))):
        head = draw(st.booleans())  # most of what can be lied about stands in front
        start = draw(st.integers(0, min(len(data), 200 if head else len(data))))
        end = min(len(data), start + draw(st.integers(0, 40)))
        match draw(st.sampled_from(["flip", "cut", "drop", "number", "insert", "splice", "double"])):
            case "flip" if start < len(data):
                data[start] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del data[start:]
            case "drop":
                del data[start:end]
            case "number":
                number = draw(st.sampled_from(NUMBERS))
                data[start : start + len(number)] = number
            case "insert":
                data[start:start] = draw(st.binary(max_size=20))
            case "splice":
                other = draw(st.sampled_from(found))
                data[start:] = other[draw(st.integers(0, len(other))) :]
            case "double":
                data[end:end] = data[start:end]
    return bytes(data)


def feed(name: str, place: Path, examples: int) -> None:
    """ValueError or OSError in words for whatever comes; each reader says for itself what else would be wrong."""
    inputs = mutated(seeds(name, place)) if name in SEEDS else st.binary(max_size=300)

    @settings(ONE, max_examples=examples)
    @given(inputs)
    def fed(data: bytes) -> None:
        READERS[name](data, place)

    fed()


@pytest.mark.parametrize("name", FAST)
def test_a_few(place: Path, name: str) -> None:
    feed(name, place, 100)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_some(place: Path, name: str) -> None:
    feed(name, place, 12 if name in WHOLE_RUNS else 300)


@pytest.mark.long
@pytest.mark.parametrize("name", READERS)
def test_many(place: Path, name: str) -> None:
    feed(name, place, 10_000)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_the_seeds_themselves(place: Path, name: str) -> None:
    for seed in seeds(name, place)[:: 7 if name == "run, bytes" else 1]:
        READERS[name](seed, place)
