"""What explain and demo share: a method carried out on a few images of a run."""

from pathlib import Path

from assay.cli.options import device_of, load_images, load_run
from assay.run_folder import SCHEMA, Folder, fresh, safe_name

USUALLY = 6  # images


def explain_run(
    path: Path, method: str, image: tuple[int, ...], data: str | None, split: str, device: str, force: bool
) -> Folder:
    """Explain images (their places in the split) and write maps and settings into RUN/explanations/…"""
    import torch

    from assay import spec
    from assay.adversary.victim import Victim
    from assay.explain import EXPLAIN, Explanation

    call = spec.read(method, EXPLAIN, "method")
    where = device_of(device)
    run, classifier = load_run(path)
    everything = load_images(run, data, split, None)
    if image:
        unknown = sorted(set(image) - set(everything.index.tolist()))
        if unknown:
            raise ValueError(f"--image {unknown[0]}: {everything.name} {split} has no image of that number")
        place = {number: row for row, number in enumerate(everything.index.tolist())}
        chosen = everything.rows(torch.tensor([place[number] for number in image]))
    else:
        chosen = everything.first(min(USUALLY, len(everything)))
    name = safe_name(chosen.name, split, *(image or ["first"]), call)
    folder = fresh(run.explanation(name), force)
    with Victim(classifier.to(where)) as victim:
        found: Explanation = call(victim, chosen.pixels(where), chosen.labels.to(where))
        probability = victim.logits(chosen.pixels(where)).softmax(1)
    arrays = {f"map.{key}": value.cpu().numpy() for key, value in found.maps.items()}
    arrays |= {"images": chosen.images.numpy(), "labels": chosen.labels.numpy(), "index": chosen.index.numpy()}
    arrays |= {"explained": found.explained.cpu().numpy(), "probability": probability.cpu().numpy()}
    folder.write_arrays("maps.safetensors", arrays)
    about = {"method": str(call), "name": call.name, "unit": found.unit, "data": chosen.name, "split": split}
    weights = run.read_json("model.json")["weights"]
    folder.write_json("config.json", {"schema": SCHEMA, **about, "classes": list(chosen.classes), "weights": weights})
    return folder
