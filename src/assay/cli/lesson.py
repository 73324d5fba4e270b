"""assay lesson."""

import inspect
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg

from assay.cli.options import Force, Json, note, show, show_names
from assay.spec import Folder, choices

if TYPE_CHECKING:
    from assay.lessons import Lesson

LESSONS = Folder("assay.lessons", helpers=("paper",))
PICTURES = (".svg", ".png", ".pdf")
NAME = f"list, or a lesson ({', '.join(LESSONS)}); assay lesson NAME --help tells its settings"
THIS = Annotated[Positional[str], arg(metavar="NAME", help="this lesson")]
Seed = Annotated[int, arg(metavar="N", help="whose exercises: another seed, other numbers")]
Answers = Annotated[
    UseAppendAction[tuple[str, ...]],
    arg(metavar="N=ANSWER", help='the answer to exercise N, such as "1=2,1" or 2=17/2; exit 1 if it is wrong'),
]
Key = Annotated[bool, arg(help="print the answers to the exercises")]
Out = Annotated[Path | None, arg(metavar="FILE", help=f"draw the figure into a file {', '.join(PICTURES)}")]


def lesson(
    name: Annotated[Positional[str], arg(metavar="list|NAME", help=NAME)],
    *,
    json: Json = False,
) -> int:
    """Work a lesson by hand, with your own numbers, checked against torch; exercises, and their answers."""
    if name != "list":
        raise ValueError(f"unknown lesson {name!r}; {choices(name, ['list', *LESSONS])}")
    show_names("lessons", {each: LESSONS.about(each) for each in LESSONS}, json)
    return 0


def verb_of(words: Sequence[str]) -> Callable[..., int]:
    """The function behind `assay lesson NAME`: the options of all lessons, and the settings of that one."""
    name = next((word for word in words if word in LESSONS), None)
    if name is None:
        return lesson
    function = LESSONS[name]
    settings = [each for each in inspect.signature(function).parameters if each != "seed"]

    def one(name: str, **given: Any) -> int:
        assert name in LESSONS
        own = {each: given.pop(each) for each in settings}
        return _teach(lambda seed: function(**own, seed=seed), **given)

    place, hints = inspect.Parameter, typing.get_type_hints(function, include_extras=True)
    parts = [place("name", place.POSITIONAL_OR_KEYWORD, annotation=THIS)]
    for each in settings:
        default = inspect.signature(function).parameters[each].default
        hint = Annotated[str, arg(metavar=each.upper(), help=hints[each].__metadata__[0])]
        parts.append(place(each, place.KEYWORD_ONLY, default=str(default), annotation=hint))
    parts += list(inspect.signature(_teach).parameters.values())[1:]
    vars(one).pop("__wrapped__", None)  # where types are checked: tyro would look through to **given
    one.__signature__ = inspect.Signature(parts)  # type: ignore[attr-defined]
    one.__annotations__ = {part.name: part.annotation for part in parts}
    one.__doc__ = LESSONS.about(name)
    return one


def _teach(
    make: "Callable[[int], Lesson]",
    *,
    seed: Seed = 0,
    answer: Answers = (),
    key: Key = False,
    out: Out = None,
    force: Force = False,
    json: Json = False,
) -> int:
    if out:
        _can_be_drawn(out, force)
    found = make(seed)
    marks = [(n, text, found.exercises[n - 1].right(text)) for n, text in _read(answer, len(found.exercises))]
    if out:
        _draw(found, out)
    keys = [each.told() for each in found.exercises]
    result = found.describe() | {"answers": [{"exercise": n, "answer": a, "right": right} for n, a, right in marks]}
    lines = [] if answer else [str(found)]
    lines += [f"{n}. {text}: {'right' if right else 'wrong'}" for n, text, right in marks]
    if key:
        lines += ["", f"Key (seed {seed}):", *(f"  {n}. {told}" for n, told in enumerate(keys, 1))]
    show(result | ({"key": keys} if key else {}), "\n".join(lines), json)
    return 0 if all(right for *_, right in marks) else 1


def _read(answers: tuple[str, ...], exercises: int) -> list[tuple[int, str]]:
    """(exercise, answer) of each."""
    read: dict[int, str] = {}
    for text in answers:
        number, sign, answer = text.partition("=")
        if not (sign and number.strip().isdecimal() and answer.strip()):
            raise ValueError(f"--answer {text!r}: write N=ANSWER, such as --answer 1=17/2")
        place = int(number)
        if not 1 <= place <= exercises:
            raise ValueError(f"--answer {text!r}: there are exercises 1 to {exercises}")
        if place in read:
            raise ValueError(f"--answer: exercise {place} was answered twice")
        read[place] = answer.strip()
    return list(read.items())


def _can_be_drawn(out: Path, force: bool) -> None:
    """ValueError before any work."""
    if out.suffix not in PICTURES:
        raise ValueError(f"--out must end in {', '.join(PICTURES)}, got {out}")
    if out.exists() and not force:
        raise ValueError(f"{out} is there already: --force replaces it")
    if not out.parent.is_dir():
        raise ValueError(f"--out {out}: the folder {out.parent} is not there")


def _draw(found: "Lesson", out: Path) -> None:
    from assay.sketching import save

    save(found.sketch, found.title, out)
    note(f"assay: {out}: {found.sketch.words}")
