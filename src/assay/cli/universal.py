"""assay universal."""

from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from assay.cli.options import (
    Data,
    Device,
    Force,
    Images,
    Json,
    RunPath,
    Seed,
    SkipBad,
    ThreatText,
    device_of,
    load_images,
    load_run,
    percent,
    show,
)  # fmt: skip

if TYPE_CHECKING:
    import numpy as np

    from assay.adversary.threat import Threat
    from assay.data import ImageSet
    from assay.evaluate.universal import Fitted, Transfer

SHOWN = 8  # unseen images in the report's picture
ON = "on how many training images the second noise is fitted, beside the one that is fitted on a single image"


def universal(
    run: RunPath,
    *,
    toward: Annotated[int | None, arg(metavar="CLASS", help="one target only; every class if not given")] = None,
    on: Annotated[int, arg(metavar="N", help=ON)] = 100,
    steps: Annotated[int, arg(metavar="N", help="of Adam")] = 1500,
    rate: Annotated[float, arg(metavar="X", help="its learning rate, in pixels of [0, 1]")] = 0.005,
    threat: ThreatText = "linf(0.3)",
    data: Data = None,
    images: Images = 1000,
    skip_bad: SkipBad = False,
    seed: Seed = 0,
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Fit one noise that turns images into a class, and see what it does to images it has not seen."""
    from assay.adversary.threat import read_threat
    from assay.evaluate.universal import fit_all

    for name, value in (("--on", on), ("--steps", steps)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if not 0 < rate <= 1:
        raise ValueError(f"--rate must be above 0 and at most 1, got {rate:g}")
    where, budget = device_of(device), read_threat(threat)
    found, classifier = load_run(run)
    if found.has("panels/universal.json") and not force:
        raise ValueError(f"{run} has fitted noises: --force replaces them")
    unseen = load_images(found, data, "test", images, skip_bad)
    taught = load_images(found, data, "train", None, skip_bad)
    budget.fits(unseen.shape)
    names = unseen.classes
    if toward is not None and not 0 <= toward < len(names):
        raise ValueError(f"--toward {toward}: there are classes 0 to {len(names) - 1}")
    targets = tuple(range(len(names))) if toward is None else (toward,)
    fits = {
        n: fit_all(
            classifier.to(where), taught, unseen, targets, budget, n, steps=steps, rate=rate, seed=seed, device=where
        )
        for n in sorted({1, on})
    }
    about: dict[str, Any] = {"threat": str(budget), "data": unseen.name, "classes": list(names)}
    about |= {"targets": list(targets), "steps": steps, "rate": rate, "seed": seed, "n": len(unseen)}
    about["fits"] = [_described(n, *each) for n, each in fits.items()]
    _write(found, unseen, about, fits, classifier, budget, where)
    show(about, _text(str(run), about), json)
    return 0


def _described(on: int, fitted: "dict[int, Fitted]", moved: "Transfer") -> dict[str, Any]:
    import numpy as np

    from assay.tally import share

    def plain(array: "np.ndarray") -> Any:
        return [plain(row) for row in array] if array.ndim else None if array != array else round(float(array), 4)

    n = int(moved.counts.sum())
    return {
        "on": on,
        "reached": [round(each.reached, 4) for each in fitted.values()],
        "success": plain(moved.success),
        "failure": [share(np.arange(n) < int(count)) for count in moved.fooled.sum(0)],
        "matrix": plain(moved.matrix),
        "counts": moved.counts.tolist(),
    }


def _write(
    run: Any, unseen: "ImageSet", about: dict[str, Any], fits: dict[int, Any], net: Any, threat: "Threat", where: Any
) -> None:
    """The figures, the noises as files that add_noise reads, and a few images with the noise of the first target."""
    import torch

    from assay.adversary.victim import Victim
    from assay.attacks.add_noise import noisy

    some = unseen.rows(slice(SHOWN))
    said, noises = [], []
    for n, (fitted, _) in fits.items():
        for target, each in fitted.items():
            run.write_arrays(f"panels/noise-{target}-on-{n}.safetensors", {"delta": each.delta.numpy()})
        noises.append(torch.stack([each.delta for each in fitted.values()]))
        with Victim(net, access="labels") as victim:
            points = noisy(some.pixels(where), next(iter(fitted.values())).delta.to(where), threat)
            said.append(victim.labels(points).cpu())
    arrays = {"noises": torch.stack(noises).numpy(), "images": some.images.numpy(), "labels": some.labels.numpy()}
    run.write_arrays("panels/universal.safetensors", arrays | {"said": torch.stack(said).numpy()})
    run.write_json("panels/universal.json", about)


def _text(run: str, about: dict[str, Any]) -> str:
    lines = [f"{run}: {about['steps']} steps within {about['threat']}, tried on {about['n']} images not seen"]
    for fit in about["fits"]:
        lines.append(f"  fitted on {fit['on']} image{'s' * (fit['on'] > 1)}")
        for place, target in enumerate(about["targets"]):
            success = fit["success"][place]
            told = "–" if success is None else f"{100 * success:5.1f} %"
            lines.append(
                f"    toward {about['classes'][target]:<12} reached {100 * fit['reached'][place]:5.1f} % of its own,"
                f" {told} of the others; not their own class {percent(fit['failure'][place])}"
            )
    first = about["fits"][-1]["on"]
    noise = f"{run}/panels/noise-{about['targets'][0]}-on-{first}.safetensors"
    lines.append(
        f"""  to use one:  assay attack {run} --attack 'add_noise(delta="{noise}")' --threat '{about["threat"]}'"""
    )
    return "\n".join(lines)
