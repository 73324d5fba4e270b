"""assay corrupt."""

from typing import TYPE_CHECKING, Any

from assay.cli.options import (
    Data,
    Device,
    Force,
    Images,
    Json,
    RunPath,
    Seed,
    SkipBad,
    Split,
    device_of,
    environment,
    load_images,
    load_run,
    percent,
    show,
)  # fmt: skip

if TYPE_CHECKING:
    from assay.corrupted_folder import Corrupted
    from assay.run_folder import Run


def corrupt(
    run: RunPath,
    *,
    data: Data = None,
    split: Split = "test",
    images: Images = None,
    skip_bad: SkipBad = False,
    seed: Seed = 0,
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Accuracy where nobody attacks: noise, blur, contrast, brightness, rotation, shift, each in five strengths."""
    from assay.evaluate.corrupted import corrupt_run

    where = device_of(device)
    found, classifier = load_run(run)
    chosen = load_images(found, data, split, images, skip_bad)
    folder = corrupt_run(found, classifier, chosen, seed, where, force, environment(seed))
    results = folder.read_json("results.json")
    show({"corruptions": str(folder.path), **results}, _text(folder, results), json)
    return 0


def _text(folder: "Corrupted", results: dict[str, Any]) -> str:
    config = folder.read_json("config.json")
    rows = [str(folder.path)]
    if config["trained_on"]:
        known = f"{config['trained_on']} of {config['n']} images"
        rows.append(f"  {known} are among those that the model was trained on")
    rows.append(f"  {'clean':<18}{percent(results['clean'])}")
    for each in results["each"]:
        lines = [line for line in results["lines"] if line["corruption"] == each["corruption"]]
        steps = "".join(f"{100 * line['share']:6.1f}" for line in lines)
        rows.append(f"  {each['corruption']:<18}{percent(each)}   strength 1 to {len(lines)}:{steps}")
    rows.append(f"  {'mean of all':<18}{percent(results['mean'])}")
    return "\n".join(rows)


def compared(before: "Run", after: "Run") -> list[dict[str, Any]]:
    """The same images under both models, where both have looked at them corrupted: the mean, and each corruption."""
    from assay.corrupted_folder import KIND, corrupted_of, names_of, strengths_of
    from assay.tally import kept, paired_mean

    results = []
    for name in [name for name in before.names(KIND) if name in after.names(KIND)]:
        folders = [corrupted_of(run, name) for run in (before, after)]
        ours, theirs = (folder.read_json("config.json") for folder in folders)
        if any(ours[key] != theirs[key] for key in ("fingerprint", "n", "seed", "corruptions")):
            continue
        names, strengths = names_of(ours), strengths_of(ours)
        tables = [folder.read_table("images.parquet") for folder in folders]
        about: dict[str, Any] = {"corruptions": name, "before": before.name, "after": after.name}
        about["mean"] = paired_mean(*(kept(table, names, strengths) for table in tables))
        about["each"] = [
            {"corruption": one, **paired_mean(*(kept(table, [one], strengths) for table in tables))} for one in names
        ]
        results.append(about)
    return results


def compared_text(result: dict[str, Any]) -> str:
    """That as a table of text."""
    head = f"  {'':<16}{result['before']:>32}{result['after']:>32}   points gained (95 %, paired)"
    rows = [f"{result['corruptions']}: nobody attacks, mean over the strengths", head]
    for what, line in [*((each["corruption"], each) for each in result["each"]), ("mean of all", result["mean"])]:
        both = f"{percent(line['before']):>32}{percent(line['after']):>32}"
        gained, low, high = (100 * line[key] for key in ("gained", "low", "high"))
        rows.append(f"  {what:<16}{both}   {gained:+.1f} ({low:+.1f} to {high:+.1f})")
    return "\n".join(rows)
