"""A model on images that nobody attacked, but that are noisy, blurred, pale, bright, turned or shifted."""

import contextlib
import hashlib
import json
import math
import shutil
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from assay.adversary.victim import MICRO_BATCH, Victim
from assay.chance import Draws
from assay.corrupted_folder import Corrupted, corrupted_of, names_of, strengths_of
from assay.corruptions import CORRUPTIONS, STRENGTHS, corrupt, described
from assay.data import ImageSet
from assay.evaluate.judge import answers
from assay.evaluate.record import trained_on
from assay.evaluate.robust import MEMORY, SHARD
from assay.models.black_box import access_of
from assay.models.classifier import Classifier, check
from assay.run_folder import OF_PRINT, SCHEMA, Folder, Run, code_hash, fresh, safe_name
from assay.tally import column, corrupted


def corrupt_run(
    run: Run,
    classifier: Classifier,
    images: ImageSet,
    seed: int,
    device: torch.device,
    force: bool,
    env: dict[str, Any],
) -> Corrupted:
    """Ask the model about the images under every corruption and strength; write it into RUN/corruptions/….

    What is done of it is kept in RUN/shards until all is; the same again goes on there. ValueError if the folder is
    there and not `force`, or the model's answers are no logits.
    """
    about = describe(run, classifier, images, seed, device)
    folder = fresh(corrupted_of(run, about["name"]), force)
    with Victim(classifier.to(device)):
        check(classifier, images.rows(slice(MICRO_BATCH)).pixels(device), len(images.classes))
    about |= {"trained_on": trained_on(run, images), "access": access_of(classifier.net)}
    kept = Folder(run.path / "shards" / _key(about, images))
    table = _table(classifier, images, seed, device, kept)
    folder.write_table("images.parquet", table)
    folder.write_arrays("examples.safetensors", {"images": examples(images, seed)})
    folder.write_json("env.json", env)
    figures = corrupted(table, names_of(about), strengths_of(about))
    folder.write_json("results.json", {"schema": SCHEMA, **figures})
    folder.write_json("config.json", {"schema": SCHEMA, **about})
    shutil.rmtree(kept.path, ignore_errors=True)
    with contextlib.suppress(OSError):  # those of others may lie there
        kept.path.parent.rmdir()
    return folder


def describe(run: Run, classifier: Classifier, images: ImageSet, seed: int, device: torch.device) -> dict[str, Any]:
    """For config.json: what the answers depend on."""
    chance = ["seed", seed] if seed else []
    name = safe_name(images.name, images.split, len(images), images.fingerprint[:OF_PRINT], *chance)
    return {
        **{"name": name, "data": images.name, "split": images.split, "n": len(images)},
        **{"fingerprint": images.fingerprint, "classes": list(images.classes), "shape": list(images.shape)},
        **{"seed": seed, "device": device.type, "weights": run.read_json("model.json")["weights"]},
        **{"architecture": classifier.architecture, "corruptions": described()},
    }


def ask(
    classifier: Classifier, images: ImageSet, seed: int, device: torch.device, bar: "tqdm[Any] | None" = None
) -> dict[str, np.ndarray]:
    """The rows of the table for some images: what the model says of each, as it is and under each corruption.

    The pictures are made on the CPU, whatever the device, so that they are the same everywhere.
    """
    draws, pixels = Draws(seed, images.index), images.pixels()
    table = {"index": images.index.numpy(), "label": images.labels.numpy()}
    with Victim(classifier, access="scores") as victim:
        for name, strength in [("", 0), *((name, strength) for name in CORRUPTIONS for strength in STRENGTHS)]:
            seen = corrupt(name, pixels, draws, strength) if strength else pixels
            keys = [column(name, strength, "") if strength else "clean_"] * 2
            for key, what, values in zip(
                keys, ("prediction", "confidence"), answers(victim.logits(seen.to(device))), strict=True
            ):
                table[key + what] = values.cpu().numpy()
            if bar is not None:
                bar.update(len(images))
    return table


def examples(images: ImageSet, seed: int) -> np.ndarray:
    """The first image as uint8 (corruption, strength 0 to 5, C, H, W)."""
    one = images.rows(slice(1))
    draws, pixels = Draws(seed, one.index), one.pixels()
    rows = [torch.cat([corrupt(name, pixels, draws, strength) for strength in (0, *STRENGTHS)]) for name in CORRUPTIONS]
    return (torch.stack(rows) * 255).round().to(torch.uint8).numpy()


def parts(images: ImageSet) -> list[slice]:
    """The rows that are asked about together: as many as memory allows."""
    size = max(1, min(SHARD, MEMORY // (4 * math.prod(images.shape))))
    return [slice(start, min(start + size, len(images))) for start in range(0, len(images), size)]


def _table(
    classifier: Classifier, images: ImageSet, seed: int, device: torch.device, kept: Folder
) -> dict[str, np.ndarray]:
    found, each = [], 1 + len(CORRUPTIONS) * len(STRENGTHS)
    with tqdm(total=len(images) * each, unit="image", leave=False) as bar:
        for rows in parts(images):
            file = f"{rows.start}.parquet"
            if kept.has(file):
                found.append(kept.read_table(file))
                bar.update((rows.stop - rows.start) * each)
                continue
            found.append(ask(classifier, images.rows(rows), seed, device, bar))
            kept.path.mkdir(parents=True, exist_ok=True)
            kept.write_table(file, found[-1])
    return {key: np.concatenate([part[key] for part in found]) for key in found[0]}


def _key(about: dict[str, Any], images: ImageSet) -> str:
    """A name for all that the answers depend on: the user's file that makes the network, too."""
    content = [about, images.index.tolist(), code_hash(about["architecture"])]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
