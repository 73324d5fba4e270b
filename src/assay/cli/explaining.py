"""What explain and demo share: methods carried out on a few images of a run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.cli.options import device_of, grouped, load_images, load_run, note
from assay.run_folder import OF_PRINT, SCHEMA, Folder, Run, fresh, safe_name

if TYPE_CHECKING:
    import numpy as np
    import torch

    from assay.adversary.threat import Threat
    from assay.adversary.victim import Victim
    from assay.data import ImageSet
    from assay.explain import Explanation, Facts
    from assay.spec import Call

USUALLY = 6  # images
MANY = 20_000  # passes that are worth a word before
Examine = Callable[["Call", Folder], None]


def explain_run(
    path: Path,
    methods: Sequence[str],
    image: tuple[int, ...],
    data: str | None,
    split: str,
    device: str,
    force: bool,
    skip_bad: bool = False,
    checks: bool = True,
    attacked: str | None = None,
) -> list[Folder]:
    """Explain images (numbered in the whole data set) and write maps and settings into RUN/explanations/…

    The data are read only if one of the methods is about images. checks: also whether maps are true. attacked: a
    threat; of activations also those to the images' attacked twins.
    """
    import torch

    from assay import spec
    from assay.adversary.victim import Victim
    from assay.evaluate.twins import limits
    from assay.explain import EXPLAIN
    from assay.models.classifier import check

    calls = spec.read_all(methods, lambda text: spec.read(text, EXPLAIN, "method"), "method")
    where = device_of(device)
    run, classifier = load_run(path)
    of_images = [call for call in calls if facts(call).of_images]
    if image and not of_images:
        raise ValueError(f"--image {image[0]}: {calls[0].name} is not about images, leave it out")
    if attacked and not any(facts(call).kind == "activations" for call in calls):
        raise ValueError(f"--attacked {attacked}: {calls[0].name} shows no attacked images, activations does")
    threat = limits(attacked, classifier.shape) if attacked else None
    everything = load_images(run, data, split, None, skip_bad) if of_images else None
    chosen = _chosen(everything, image) if everything else None
    names = [_name(call, chosen, image, threat) for call in calls]
    drafts = [fresh(run.explanation(name), force) for name in names]
    with Victim(classifier.to(where)) as victim:
        gradients = threat is not None or any(facts(call).access == "gradients" for call in calls)
        if chosen or gradients:
            some = chosen.pixels(where) if chosen else torch.full((2, *classifier.shape), 0.5, device=where)
            check(classifier, some, len(classifier.classes), gradients)
        examine = _examiner(victim, chosen, everything) if checks and chosen and everything else None
        for call, draft in zip(calls, drafts, strict=True):
            about = facts(call)
            images, checked = chosen if about.of_images else None, examine if about.kind == "maps" else None
            _explain(run, victim, images, call, draft, where, threat, checked)
    return [run.explanation(name) for name in names]


def facts(call: "Call") -> "Facts":
    """What the method says of itself."""
    found: Facts = call.function.facts  # type: ignore[attr-defined]
    return found


def _name(call: "Call", chosen: "ImageSet | None", image: tuple[int, ...], threat: "Threat | None") -> str:
    if not (chosen and facts(call).of_images):
        return safe_name(call)
    twins = ["attacked", threat] if threat and facts(call).kind == "activations" else []
    return safe_name(chosen.name, chosen.split, chosen.fingerprint[:OF_PRINT], *(image or ["first"]), call, *twins)


def _chosen(everything: "ImageSet", image: tuple[int, ...]) -> "ImageSet":
    import torch

    if not image:
        return everything.first(min(USUALLY, len(everything)))
    place = {number: row for row, number in enumerate(everything.index.tolist())}
    if unknown := sorted(set(image) - set(place)):
        near = min(place, key=lambda number: abs(number - unknown[0]))
        raise ValueError(
            f"--image {unknown[0]}: {everything.name} {everything.split} has no image of that number, "
            f"the nearest is {near}"
        )
    return everything.rows(torch.tensor([place[number] for number in image]))


def _examiner(victim: "Victim", chosen: "ImageSet", everything: "ImageSet") -> Examine:
    """What checks the maps of a method, on the images chosen and some more, and writes what it found."""
    from assay.quality import judge
    from assay.trust.examination import Known, enough, examine

    judged, known = enough(chosen, everything), Known()

    def examined(call: "Call", draft: Folder) -> None:
        numbers, told = examine(victim, call, judged, known)
        draft.write_arrays("quality.safetensors", numbers)
        draft.write_json("quality.json", {"schema": SCHEMA, **told, **judge(numbers)})

    return examined


def _arrays(found: "Explanation", chosen: "ImageSet | None") -> "dict[str, np.ndarray]":
    """What was found, and the images that it is about, as a file holds it."""
    arrays = {f"map.{key}": value.cpu().numpy() for key, value in found.maps.items()}
    arrays |= {f"number.{key}": value.cpu().numpy() for key, value in found.numbers.items()}
    arrays |= {key: value.cpu().numpy() for key, value in found.beside.items()}
    if chosen:
        arrays |= {"images": chosen.images.numpy(), "labels": chosen.labels.numpy(), "index": chosen.index.numpy()}
    return arrays


def warn(call: "Call", passes: float) -> None:
    """Say before long work how long it is, in passes, and how to do without."""
    from assay.trust.examination import ASKED

    if (whole := passes * ASKED) > MANY:
        told = f"about {grouped(round(whole))} passes through the model"
        note(f"assay: whether {call} is true takes {told}; --no-checks leaves it out")


def _explain(
    run: Run,
    victim: "Victim",
    chosen: "ImageSet | None",
    call: "Call",
    draft: Folder,
    where: "torch.device",
    threat: "Threat | None",
    examine: Examine | None,
) -> None:
    import torch

    from assay.evaluate.twins import ATTACK, twins
    from assay.tally import moved_words

    model, before = run.read_json("model.json"), victim.forwards
    pixels = chosen.pixels(where) if chosen else torch.zeros(0, *model["shape"], device=where)
    labels = chosen.labels.to(where) if chosen else torch.zeros(0, dtype=torch.int64, device=where)
    found: Explanation = call(victim, pixels, labels)
    if examine:
        warn(call, (victim.forwards - before) / max(1, len(pixels)))
    arrays = _arrays(found, chosen)
    if found.explained is not None:
        probability = victim.logits(pixels).softmax(1)
        arrays |= {"explained": found.explained.cpu().numpy(), "probability": probability.cpu().numpy()}
    kind, told = facts(call).kind, {}
    if chosen and threat and kind == "activations":
        points = twins(victim, pixels, labels, chosen.index.to(where), threat)
        others = call(victim, points, labels).maps
        arrays |= {"attacked": points.cpu().numpy()} | {f"attacked.{key}": others[key].numpy() for key in found.maps}
        words = [*found.words, *moved_words(arrays, list(found.maps))]
        told = {"attack": ATTACK, "threat": str(threat), "words": words}
    draft.write_arrays(f"{kind}.safetensors", arrays)
    about: dict[str, Any] = {
        "method": str(call),
        "name": call.name,
        "kind": kind,
        "maps": list(found.maps),
        "unit": found.unit,
    }
    about |= {"numbers": list(found.numbers)} if found.numbers else {}
    about |= {"words": list(found.words), "classes": list(chosen.classes) if chosen else model["classes"]}
    about |= {"data": chosen.name, "split": chosen.split} if chosen else {}
    about |= {"checked": examine is not None, **told}
    if examine:
        examine(call, draft)
    draft.write_json("config.json", {"schema": SCHEMA, **about, "weights": model["weights"]})
