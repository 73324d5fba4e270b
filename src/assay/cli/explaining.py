"""What explain and demo share: methods carried out on a few images of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.options import device_of, load_images, load_run
from assay.run_folder import SCHEMA, Folder, Run, fresh, safe_name

if TYPE_CHECKING:
    import torch

    from assay.adversary.victim import Victim
    from assay.data import ImageSet
    from assay.explain import Explanation
    from assay.spec import Call

USUALLY = 6  # images
WITHOUT_GRADIENTS = ("occlusion",)  # all other methods need a model that can be differentiated


def explain_run(
    path: Path,
    methods: Sequence[str],
    image: tuple[int, ...],
    data: str | None,
    split: str,
    device: str,
    force: bool,
) -> list[Folder]:
    """Explain images (numbered in the whole data set) and write maps and settings into RUN/explanations/…"""
    from assay import spec
    from assay.adversary.victim import Victim
    from assay.explain import EXPLAIN
    from assay.models.classifier import check

    calls = spec.read_all(methods, EXPLAIN, "method")
    where = device_of(device)
    run, classifier = load_run(path)
    chosen = _chosen(load_images(run, data, split, None), image)
    names = [safe_name(chosen.name, split, *(image or ["first"]), call) for call in calls]
    drafts = [fresh(run.explanation(name), force) for name in names]
    gradients = any(call.name not in WITHOUT_GRADIENTS for call in calls)
    with Victim(classifier.to(where)) as victim:
        check(classifier, chosen.pixels(where), len(chosen.classes), gradients)
        for call, draft in zip(calls, drafts, strict=True):
            _explain(run, victim, chosen, call, draft, where)
    return [run.explanation(name) for name in names]


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


def _explain(
    run: Run, victim: "Victim", chosen: "ImageSet", call: "Call", draft: Folder, where: "torch.device"
) -> None:
    pixels = chosen.pixels(where)
    found: Explanation = call(victim, pixels, chosen.labels.to(where))
    probability = victim.logits(pixels).softmax(1)
    arrays = {f"map.{key}": value.cpu().numpy() for key, value in found.maps.items()}
    arrays |= {"images": chosen.images.numpy(), "labels": chosen.labels.numpy(), "index": chosen.index.numpy()}
    arrays |= {"explained": found.explained.cpu().numpy(), "probability": probability.cpu().numpy()}
    draft.write_arrays("maps.safetensors", arrays)
    about = {"method": str(call), "name": call.name, "unit": found.unit, "data": chosen.name, "split": chosen.split}
    weights = run.read_json("model.json")["weights"]
    draft.write_json("config.json", {"schema": SCHEMA, **about, "classes": list(chosen.classes), "weights": weights})
