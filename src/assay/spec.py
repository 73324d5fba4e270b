"""Text that names a function and its settings, "pgd(steps=50)", read without running it; the only dynamic import.

File name = name on the command line = test id = label in the report: a folder of functions is its own registry.
"""

import ast
import difflib
import importlib
import importlib.util
import inspect
import math
import pkgutil
import sys
import types
import typing
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any


@dataclass(frozen=True)
class AtLeast:
    """The smallest value that a setting may have."""

    low: float


Count = Annotated[int, AtLeast(1)]
Positive = Annotated[float, AtLeast(0)]
FORM = "write name or name(setting=value, …)"
NUMBERS = "write 0.1 or 8/255"
LITERALS = "only numbers, fractions such as 8/255, strings, True, False and None can stand there"
SPOKEN = {int: "a whole number", float: "a number", str: "text", bool: "True or False", dict: "a table", list: "a list"}
UNIONS = (types.UnionType, typing.Union)  # Annotated[…] | None is the second, also when written like the first


@dataclass(frozen=True)
class Call:
    """A function with checked settings. `str(call)` is its label and reads back as the same call."""

    name: str
    function: Callable[..., Any]
    settings: Mapping[str, Any]

    def __call__(self, *args: Any) -> Any:
        return self.function(*args, **self.settings)

    def same(self, other: "Call") -> bool:
        """Whether both do the same, a default spelt out or not."""
        return self.function is other.function and self._full() == other._full()

    def _full(self) -> dict[str, Any]:
        return defaults(self.function) | dict(self.settings)

    def __str__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return f"{self.name}({settings})" if settings else self.name


class Folder(Mapping[str, Callable[..., Any]]):
    """The functions of a package, one in each file and named like it; a file is imported when it is asked for."""

    def __init__(self, package: str, helpers: tuple[str, ...] = ()) -> None:
        self.package = package
        self.helpers = helpers

    def __getitem__(self, name: str) -> Callable[..., Any]:
        if name not in list(self):
            raise KeyError(name)
        return typing.cast(Callable[..., Any], getattr(importlib.import_module(f"{self.package}.{name}"), name))

    def __iter__(self) -> Iterator[str]:
        found = importlib.util.find_spec(self.package)  # looks for the folder, imports nothing of it
        assert found is not None
        files = pkgutil.iter_modules(found.submodule_search_locations)
        return iter(sorted(file.name for file in files if file.name not in self.helpers))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def about(self, name: str) -> str:
        """The first line of the file, which is read and not imported: help costs nothing."""
        found = importlib.util.find_spec(self.package)
        assert found is not None
        folders = found.submodule_search_locations or []
        file = next(path for folder in folders if (path := Path(folder) / f"{name}.py").exists())
        return (ast.get_docstring(ast.parse(file.read_text("utf-8"))) or "").splitlines()[0]


def defaults(function: Callable[..., Any]) -> dict[str, Any]:
    """What each parameter is if nobody says."""
    return {name: parameter.default for name, parameter in inspect.signature(function).parameters.items()}


def read(text: str, known: Mapping[str, Callable[..., Any]], what: str) -> Call:
    """The call that `text` names, its settings checked against the function's signature.

    Raises ValueError in one line (what, got, allowed, the nearest name) for a name or a setting that is not there.
    """
    name, positional, named = parse(text, what)
    function = pick(name, known, what)
    return Call(name, function, _bind(name, function, positional, named))


def read_all(texts: Iterable[str], reader: Callable[[str], Call], what: str) -> tuple[Call, ...]:
    """Several calls; ValueError also if two of them do the same."""
    calls = tuple(map(reader, texts))
    for call, other in combinations(calls, 2):
        if call.same(other):
            raise ValueError(f"the same {what} was given twice: {call} and {other}")
    return calls


def pick(name: str, known: Mapping[str, Any], what: str) -> Any:
    """`known[name]`, or ValueError with the names there are."""
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}; {choices(name, known)}")
    return known[name]


def choices(got: str, allowed: Iterable[str]) -> str:
    """'there are a, b, c; did you mean b?'"""
    names = list(allowed)
    near = difflib.get_close_matches(got, names, n=1)
    return f"there are {', '.join(names) or 'none'}" + (f"; did you mean {near[0]!r}?" if near else "")


def parse(text: str, what: str = "call") -> tuple[str, list[Any], dict[str, Any]]:
    """Split "name(1, setting=8/255)" into name, positional values and named values. Nothing is evaluated."""
    mistake = f"cannot read {what} {text[:80]!r}: "
    if len(text) > 1000:
        raise ValueError(mistake + f"{len(text)} characters, at most 1000")
    node = _syntax(text, mistake + FORM)
    if isinstance(node, ast.Name):
        return node.id, [], {}
    if isinstance(node, ast.BinOp | ast.Attribute):  # names such as fashion-mnist
        return text.strip(), [], {}
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise ValueError(mistake + FORM)
    named: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg in named:
            raise ValueError(mistake + f"setting {keyword.arg or '**'!r} cannot stand there")
        named[keyword.arg] = _value(keyword.value, mistake)
    return node.func.id, [_value(argument, mistake) for argument in node.args], named


def number(text: str, what: str) -> float:
    """A finite number or fraction such as 8/255."""
    mistake = f"{what} {text[:80]!r} is not a number: "
    value = _value(_syntax(text, mistake + NUMBERS), mistake, NUMBERS)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(mistake + NUMBERS)
    return float(value)


def _syntax(text: str, mistake: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "1or 2" is refused: Python need not warn of it as well
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(mistake) from None


def _value(node: ast.expr, mistake: str, allowed: str = LITERALS) -> Any:
    """A literal, a signed number or a fraction; everything else is refused."""
    match node:
        case ast.Constant(value=bool() | str() | None as value):
            return value
        case ast.Constant(value=int() | float() as value):
            return _finite(value, mistake)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=ast.Constant(value=int() | float())):
            operand = _value(node.operand, mistake, allowed)
            return -operand if isinstance(sign, ast.USub) else operand
        case ast.BinOp(left=ast.Constant() | ast.UnaryOp(), op=ast.Div(), right=ast.Constant() | ast.UnaryOp()):
            above, below = _value(node.left, mistake, allowed), _value(node.right, mistake, allowed)
            if not (type(above) in (int, float) and type(below) in (int, float)):
                raise ValueError(mistake + "a fraction is made of two numbers")
            if below == 0:
                raise ValueError(mistake + "division by zero")
            return _finite(above / below, mistake)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return tuple(_value(element, mistake, allowed) for element in elements)
    raise ValueError(mistake + allowed)


def _finite(value: float, mistake: str) -> float:
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise ValueError(mistake + "a number must be finite")
    return value


def _bind(name: str, function: Callable[..., Any], positional: list[Any], named: dict[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    hints = typing.get_type_hints(function, include_extras=True)
    settings = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    if len(positional) > len(settings):
        raise ValueError(f"{name} has {len(settings)} settings, got {len(positional)} values")
    for setting in named:
        if setting not in settings:
            listed = choices(setting, settings) if settings else "it has none"
            raise ValueError(f"{name} has no setting {setting!r}; {listed}".replace("there are", "it has"))
    given = dict(zip(settings, positional, strict=False))
    if twice := given.keys() & named.keys():
        raise ValueError(f"{name} got {sorted(twice)[0]!r} twice")
    given |= named
    for parameter in parameters:
        if parameter.name in settings and parameter.name not in given and parameter.default is parameter.empty:
            raise ValueError(f"{name} needs {parameter.name}: write {name}({parameter.name}=…)")
    return {setting: checked(f"{name}: {setting}", value, hints[setting]) for setting, value in given.items()}


def checked(what: str, value: Any, hint: Any) -> Any:
    """The value, as a type annotation wants it (an int passes for a float); ValueError says what is wanted."""
    options = typing.get_args(hint) if typing.get_origin(hint) in UNIONS else (hint,)
    for option in options:
        plain, *limits = typing.get_args(option) if typing.get_origin(option) is Annotated else (option,)
        if not _fits(value, plain):
            continue
        for limit in limits:
            if isinstance(limit, AtLeast) and value < limit.low:
                raise ValueError(f"{what} must be at least {limit.low}, got {value!r}")
        if typing.get_origin(plain) is tuple:
            return tuple(checked(what, item, typing.get_args(plain)[0]) for item in value)
        return float(value) if plain is float else value
    raise ValueError(f"{what} must be {' or '.join(map(_spoken, options))}, got {_short(value)}")


def _fits(value: Any, plain: Any) -> bool:
    if typing.get_origin(plain) is typing.Literal:
        return value in typing.get_args(plain)
    if typing.get_origin(plain) is list:
        return isinstance(value, list) and all(_fits(item, typing.get_args(plain)[0]) for item in value)
    if typing.get_origin(plain) is tuple:
        return isinstance(value, tuple) and all(_fits(item, _plain(typing.get_args(plain)[0])) for item in value)
    if plain is float:
        return type(value) in (int, float) and abs(value) <= sys.float_info.max
    return type(value) is plain


def _plain(hint: Any) -> Any:
    """The type without its limits."""
    return typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint


def _spoken(hint: Any) -> str:
    hint = _plain(hint)
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(map(repr, typing.get_args(hint)))
    if typing.get_origin(hint) is list:
        return f"a list, each {_spoken(typing.get_args(hint)[0])}"
    if typing.get_origin(hint) is tuple:
        return f"a row in brackets, each {_spoken(typing.get_args(hint)[0])}"
    return SPOKEN.get(hint, "None")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
