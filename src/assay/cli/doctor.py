"""assay doctor."""

import contextlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from assay.cli.options import Data, Json, Split, load_images, load_named, load_run, show
from assay.spec import Folder, number

if TYPE_CHECKING:
    from torch import nn

    from assay.data import ImageSet
    from assay.doctor.findings import Diagnosis
    from assay.run_folder import Run

OF_ATTACK, OF_MODEL = ("claims", "norm", "eps", "quick", "run"), ("data", "split", "images", "weights")
TARGET = f"FILE.py:FUNCTION; an attack of the house ({', '.join(Folder('assay.attacks'))}); or for model a run folder"
LEAST, MOST = 0.0001, 100  # of --eps: less is lost in the rounding of float32
ASKED = 128  # images that a model is asked about
CLAIMS = "what it claims to be; found out by running it if not given"
INTO = "a run folder whose report is to show what was found of an attack; of a run itself it always does"


def doctor(
    what: Annotated[Positional[Literal["attack", "model"]], arg(metavar="attack|model")],
    target: Annotated[Positional[str], arg(metavar="TARGET", help=TARGET)],
    *,
    claims: Annotated[Literal["one-step", "iterative", "minimum", "black-box"] | None, arg(help=CLAIMS)] = None,
    norm: Annotated[Literal["linf", "l2", "l1"] | None, arg(help="the norm of its eps; found out if not given")] = None,
    eps: Annotated[str | None, arg(metavar="E", help="the eps to examine it at; its own if it has one")] = None,
    quick: Annotated[bool, arg(help="only what five seconds are enough for")] = False,
    run: Annotated[Path | None, arg(metavar="RUN", help=INTO)] = None,
    weights: Annotated[Path | None, arg(metavar="FILE", help="weights for the model of FILE.py:FUNCTION")] = None,
    data: Data = None,
    split: Split = "test",
    images: Annotated[int | None, arg(metavar="N", help=f"so many images; {ASKED} if not given")] = None,
    json: Json = False,
) -> int:
    """Say what is wrong with your attack or your model, what it does to the number, and how to mend it."""
    given: dict[str, object] = {"claims": claims, "norm": norm, "eps": eps, "quick": quick or None, "run": run}
    given |= {"data": data, "images": images, "weights": weights, "split": None if split == "test" else split}
    foreign = OF_MODEL if what == "attack" else OF_ATTACK
    if wrong := [name for name in foreign if given[name] is not None]:
        raise ValueError(f"--{wrong[0]} is for doctor {'model' if what == 'attack' else 'attack'}")
    if run:
        _known(run)  # a run that cannot be written to is better known before the work
    with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
        if what == "attack":
            found = _attack(target, claims, norm, eps, quick)
        else:
            found = _model(target, data, split, images, weights)
            run = Path(target) if ".py:" not in target else None
    if run:
        _record(run, what, found)
    show(found.describe(), _text(found), json)
    return 0 if found.healthy else 1


def _attack(target: str, claims: Any, norm: Any, eps: str | None, quick: bool) -> "Diagnosis":
    from assay.adversary.yours import yours
    from assay.attacks import ATTACKS
    from assay.doctor.attack import examine_attack
    from assay.evaluate.guest import house
    from assay.evaluate.robust import facts
    from assay.spec import read
    from assay.user_code import from_file

    told = None if eps is None else number(eps, "--eps")
    if told is not None and not LEAST <= told <= MOST:
        raise ValueError(f"--eps must be between {LEAST} and {MOST}, got {eps}")
    if ".py:" in target:
        _fits(told, norm)
        return examine_attack(
            yours(from_file(target, "attack"), target), norm=norm, eps=told, claims=claims, quick=quick
        )
    call = read(target, ATTACKS, "attack")
    if facts(call).kind in ("control", "fitted"):
        raise ValueError(f"{call.name} is no attack that could be examined: it asks the model nothing")
    norm = norm or facts(call).norms[0]
    if norm not in facts(call).norms:
        raise ValueError(f"{call.name} knows {' and '.join(facts(call).norms)}, got {norm}")
    _fits(told, norm)
    if claims is None and facts(call).kind == "minimum":
        claims = "minimum"
    return examine_attack(house(call, norm), norm=norm, eps=told, claims=claims, quick=quick)


def _fits(eps: float | None, norm: str | None) -> None:
    if eps is not None and eps > 1 and norm == "linf":
        raise ValueError(f"--eps must be at most 1 in linf, got {eps:g}; for 8 levels of 255 write 8/255")


def _model(target: str, data: str | None, split: str, count: int | None, weights: Path | None) -> "Diagnosis":
    from assay.models.classifier import put
    from assay.models.weights import read, renamed
    from assay.models.yours import from_user

    if ".py:" not in target:
        if weights:
            raise ValueError("--weights is for a model of FILE.py:FUNCTION; a run has its own")
        run, classifier = load_run(Path(target))
        _known(Path(target))
        return _asked(classifier, load_images(run, data, split, count), count, target)
    if data is None:
        raise ValueError(f"doctor model {target} needs --data NAME: images to ask it about, such as --data cifar10")
    chosen = load_named(data, split, count)
    net = from_user(target)
    if weights:
        put(net, renamed(net, read(weights)))
    return _asked(net, chosen, count, target)


def _asked(net: "nn.Module", images: "ImageSet", count: int | None, name: str) -> "Diagnosis":
    """What is found by asking about the images; those that it names are named as in their split."""
    from assay.doctor.model import examine_model

    chosen = images if count else images.first(min(ASKED, len(images)))
    found = examine_model(net, chosen.pixels(), chosen.labels, len(chosen.classes), name)
    findings = (replace(each, images=tuple(chosen.index[list(each.images)].tolist())) for each in found.findings)
    return replace(found, findings=tuple(findings))


def _known(path: Path) -> "tuple[Run, list[dict[str, Any]]]":
    """The run, and what was found before; ValueError if there is no run, or it is damaged."""
    from assay.run_folder import open_run

    run = open_run(path)
    return run, run.read_json("panels/doctor.json")["examined"] if run.has("panels/doctor.json") else []


def _record(path: Path, what: str, found: "Diagnosis") -> None:
    """Into the run, for its report; what was found of the same before is replaced."""
    run, known = _known(path)
    name = run.name if what == "model" else found.subject
    examined = [each for each in known if (each["what"], each["subject"]) != (what, name)]
    run.write_json("panels/doctor.json", {"examined": [*examined, {"what": what, **found.describe(), "subject": name}]})


def _text(found: "Diagnosis") -> str:
    lines = [f"{found.subject} ({found.claims})"]
    for finding in found.findings:
        lines += [f"  {finding.severity:<8}{finding.name}", f"          {finding.effect}"]
        if finding.images:
            lines.append(f"          images {', '.join(map(str, finding.images))}, found by {finding.check}")
        lines.append(f"          {finding.mend}")
    worse = sum(finding.severity != "note" for finding in found.findings)
    verdict = "nothing wrong found" if not worse else f"{worse} thing{'s' * (worse > 1)} to mend"
    lines.append(f"  {verdict}: {len(found.checks)} checks in {found.seconds:.1f} s")
    if found.skipped:
        lines.append(f"  no time was left for {', '.join(found.skipped)}")
    return "\n".join(lines)
