"""From the words of a command line to a call: tyro reads them, and what it finds wrong becomes one line.

Tyro says what is wrong in boxes, for eyes. The events that it draws them from are private: hence the one version that
pyproject.toml wants, and tests/mistakes, which hold this file to it.
"""

import ast
import inspect
import re
from collections.abc import Callable
from typing import Any, NoReturn, get_args, get_origin

import tyro
from tyro import _errors

from assay.spec import choices

Verb = Callable[..., int]


class ReadError(Exception):
    """A command line that cannot be read. No ValueError, which tyro would catch."""


def read_arguments(verb: str, function: Verb, arguments: list[str]) -> Callable[[], int] | None:
    """The call that the arguments ask for; None if they ask for help, which has been printed.

    Raises ValueError in one line: what, got, allowed, the nearest name.
    """

    def stop(event: _errors.ParseErrorEvent) -> NoReturn:
        raise ReadError(f"{_line(event, verb, function, arguments)}; see assay {verb} --help")

    config = (tyro.conf.FlagCreatePairsOff,)
    try:
        with _errors.on_parse_error(stop):
            call = tyro.cli(_deferred(function), prog=f"assay {verb}", args=arguments, config=config)
    except ReadError as error:
        raise ValueError(str(error)) from None
    except SystemExit:  # help
        return None
    return call


def _deferred(function: Verb) -> Callable[..., Callable[[], int]]:
    """The same signature, but the call waits: tyro would take a ValueError of the work for one of the words."""

    def later(*args: object, **kwargs: object) -> Callable[[], int]:
        return lambda: function(*args, **kwargs)

    later.__wrapped__ = function  # type: ignore[attr-defined]
    later.__doc__, later.__annotations__ = function.__doc__, function.__annotations__
    return later


def _line(event: Any, verb: str, function: Verb, arguments: list[str]) -> str:
    flags = ["--" + name.replace("_", "-") for name in _names(function, inspect.Parameter.KEYWORD_ONLY)]
    given = [word.split("=")[0].replace("_", "-") for word in arguments if re.match("--?[^-0-9.]", word)]
    if unknown := [word for word in given if word not in (*flags, "-h", "--help")]:
        return f"{verb} has no option {unknown[0]!r}; {choices(unknown[0], flags)}".replace("there are", "it has")
    match event:
        case _errors.MissingArgs():
            return f"{verb} needs {' and '.join(_spelled(missing.arg) for missing in event.missing_arguments)}"
        case _errors.BadValue():
            return f"{event.argument.display_name()} needs a value: {_spelled(event.argument)}"
        case _errors.InvalidChoice():
            name = event.argument.lowered.metavar if event.argument.is_positional() else event.argument.display_name()
            return f"{name}: unknown value {event.value!r}; {choices(event.value, event.choices)}"
        case _errors.UnrecognizedArgs():
            places = [name.upper() for name in _names(function, inspect.Parameter.POSITIONAL_OR_KEYWORD)]
            return f"{verb} takes {' '.join(places) or 'options'} only, got {event.tokens[0]!r} as well"
        case _errors.InstantiationFailure():
            return f"{_spelled(event.argument)} takes {_kind(event.argument)}, got {_values(event.message)}"
    return f"{verb} cannot read {' '.join(arguments)!r}"


def _names(function: Verb, kind: Any) -> list[str]:
    return [parameter.name for parameter in inspect.signature(function).parameters.values() if parameter.kind is kind]


def _spelled(argument: Any) -> str:
    """--epochs N, or RUN."""
    metavar = str(argument.lowered.metavar)
    return metavar if argument.is_positional() else f"{argument.display_name()} {metavar}"


def _kind(argument: Any) -> str:
    wanted = argument.field.type_stripped
    kind = "a whole number" if int in (wanted, *get_args(wanted)) else "a number"
    return f"{kind.removeprefix('a ')}s" if get_origin(wanted) is tuple else kind


def _values(message: str) -> str:
    """The words that could not be converted, which only the message tells."""
    found = re.search(r"(?:from|arguments:) (\[.*\])", message)
    return repr(" ".join(ast.literal_eval(found.group(1)))) if found else message
