"""Files of the user's own that are run because he names them: FILE.py:FUNCTION, and who is to blame when they fail."""

import contextlib
import importlib.util
import sys
import traceback
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assay.spec import pick

YOURS = "_assay_user_"  # before the names of modules that are files of the user's


def settled(text: str) -> str:
    """The same name from wherever it is read: the path of a FILE.py:FUNCTION is whole."""
    path, _, function = text.rpartition(":")
    return f"{Path(path).expanduser().resolve()}:{function}" if path.endswith(".py") else text


def from_file(text: str, what: str) -> Callable[..., Any]:
    """The function that FILE.py:FUNCTION names. Runs the file: it is the user's own code, named by the user."""
    path, _, name = text.rpartition(":")
    file = Path(path)
    if not path.endswith(".py"):
        raise ValueError(f"{what} {text!r} is not of the form FILE.py:FUNCTION")
    try:
        there = file.is_file()
    except OSError:  # a name too long, a folder that may not be read
        there = False
    if not there:
        raise ValueError(f"{what} {text!r}: there is no file {path!r}")
    found = importlib.util.spec_from_file_location(f"{YOURS}{file.stem}", file)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module  # a dataclass looks its module up
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            found.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        message = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"{what} {text!r} cannot be loaded: {message.rstrip(':')}") from error
    own = {key: value for key, value in vars(module).items() if callable(value) and not key.startswith("_")}
    return typing.cast(Callable[..., Any], pick(name, own, f"function in {path}"))


def blame(error: BaseException) -> str | None:
    """What to say of an error that came out of a file of the user's; None if it came from elsewhere."""
    frames = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [(frame, line) for frame, line in frames if frame.f_globals.get("__name__", "").startswith(YOURS)]
    if not own:
        return None
    frame, line = own[-1]
    return f"{frame.f_code.co_filename}, line {line}: {type(error).__name__}: {error}".removesuffix(": ")
