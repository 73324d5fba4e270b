"""A command is read by the parser that reads a person's, and each of its words by what would; nothing is run."""

import functools
import inspect
import shlex
from collections.abc import Callable
from typing import Any

from assay.adversary.goal import read_goal
from assay.adversary.threat import read_threat
from assay.attacks import ATTACKS
from assay.cli import VERBS, function_of
from assay.cli.gate import Gate
from assay.cli.parsing import read_arguments
from assay.data import DATA, spoken
from assay.data.augment import AUGMENT
from assay.evaluate.robust import facts
from assay.explain import EXPLAIN
from assay.models import MODELS
from assay.spec import choices, number, pick, read
from assay.train.methods import read_method
from assay.train.recipes import recipe as named

PLACEHOLDERS = {"N": "1", "X": "0.5", "E,E,…": "0,0.1"}


def read_command(words: list[str]) -> None:
    """ValueError if it cannot be typed, or a name in it is of nothing. Words in capitals stand for a reader's own."""
    if "assay" not in words[:1]:
        words = words[words.index("-m") + 1 :]
    verb, *rest = [PLACEHOLDERS.get(word, word) for word in words[1:]]
    if verb not in VERBS:
        raise ValueError(f"unknown verb {verb!r}; {choices(verb, VERBS)}")
    if rest[-1:] == ["--help"]:
        return
    given = arguments(verb, rest)
    for name, value in given.items():
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, str) and not each.isupper() and (known := READERS.get(name)):
                known(each, verb, given)
    if verb == "train" and not given["recipe"].isupper():
        same = {key: given[key] for key in ("model", "epochs", "batch_size", "learning_rate")}
        named(given["recipe"]).changed(**same)


def read_mention(words: list[str]) -> None:
    """The same for what a sentence says of a verb, which may leave out what the verb needs: `assay verify --rerun`."""
    try:
        read_command(words)
    except ValueError as error:
        if not str(error).startswith(f"{words[1]} needs "):
            raise


def arguments(verb: str, words: list[str]) -> dict[str, Any]:
    """What the function behind the verb would be given."""
    function, heard = function_of(verb, words), {}

    @functools.wraps(function)
    def hear(*args: Any, **kwargs: Any) -> int:
        bound = inspect.signature(function).bind(*args, **kwargs)
        bound.apply_defaults()
        heard.update(bound.arguments)
        return 0

    call = read_arguments(verb, hear, words)
    assert call is not None, shlex.join(words)
    call()
    return heard


def _attack(text: str, verb: str, given: dict[str, Any]) -> None:
    if ".py:" in text:
        return
    call = read(text, ATTACKS, "attack")
    norm = given["norm"] if verb == "doctor" else read_threat(given["threat"]).norm.name
    if norm and norm not in facts(call).norms:
        raise ValueError(f"{call.name} knows {' and '.join(facts(call).norms)}, got {norm}")


def _method(text: str, verb: str, given: dict[str, Any]) -> None:
    if verb == "explain":
        read(text, EXPLAIN, "method")
    else:
        read_method(text, read_threat(given["threat"]))


def _data(text: str, *_: Any) -> None:
    pick(text.partition(":")[0], {spoken(key): key for key in DATA}, "data set")


def _name(text: str, verb: str, given: dict[str, Any]) -> None:
    if verb == "data":
        _data(text)
    elif verb == "model" and "/" not in text and ".py:" not in text:
        read(text, MODELS, "model")


def _eps(text: str, *_: Any) -> None:
    for each in text.split(","):
        number(each, "--eps")


READERS: dict[str, Callable[..., Any]] = {
    "attack": _attack,
    "target": lambda text, verb, given: given.get("what") == "attack" and _attack(text, verb, given),
    "method": _method,
    "data": _data,
    "name": _name,
    "eps": _eps,
    "threat": lambda text, *_: read_threat(text),
    "attacked": lambda text, *_: read_threat(text),
    "augment": lambda text, *_: text == "none" or read(text, AUGMENT, "augmentation"),
    "goal": lambda text, *_: read_goal(text),
    "fail_if": lambda text, *_: Gate(text),
    "recipe": lambda text, *_: named(text),
    "model": lambda text, *_: ".py:" in text or read(text, MODELS, "model"),
}
