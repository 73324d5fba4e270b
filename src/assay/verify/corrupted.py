"""What `assay corrupt` found: table against data, figures against table, examples made again; with the model, all."""

from typing import Any

import numpy as np
import torch

from assay.adversary.victim import Victim
from assay.chance import Draws
from assay.corrupted_folder import KIND, Corrupted, corrupted_of, names_of, strengths_of
from assay.corruptions import corrupt, described
from assay.data import ImageSet
from assay.evaluate.corrupted import describe, examples, parts
from assay.evaluate.judge import answers
from assay.evaluate.record import trained_on
from assay.models.black_box import access_of
from assay.models.classifier import Classifier
from assay.run_folder import SCHEMA, Run
from assay.tally import Table, column, corrupted
from assay.verify.ledger import Ledger
from assay.verify.source import Source

NEAR = 1e-4  # of a logit, and of a probability: so near to a tie another machine may answer otherwise
DEVICES = ("cpu", "cuda")
UNASKED = "that the answers to corrupted images are the model's (RUN/corruptions): --rerun asks it"


def verify_corruptions(ledger: Ledger, run: Run, source: Source, model: Classifier | None) -> None:
    """Each folder of RUN/corruptions."""
    for name in run.names(KIND):
        with ledger.reading():
            _folder(ledger, run, corrupted_of(run, name), source, model)


def _folder(ledger: Ledger, run: Run, folder: Corrupted, source: Source, model: Classifier | None) -> None:
    where = folder.path / "config.json"
    config, table = folder.read_json("config.json"), folder.read_table("images.parquet")
    described_model = run.read_json("model.json")
    for key in ("weights", "shape", "classes", "architecture"):
        ledger.same(where, key, config.get(key), described_model[key])
    with ledger.reading():
        results = dict(folder.read_json("results.json"))
        results.pop("schema", SCHEMA)
        ledger.same(folder.path / "results.json", "", results, corrupted(table, names_of(config), strengths_of(config)))
    _rows(ledger, folder, config, table)
    if not ledger.same(where, "corruptions", config["corruptions"], described()):
        return  # of another version, whose pictures nobody here can make
    command = str(folder.read_json("env.json").get("command", "")) if folder.has("env.json") else ""
    told = (config["data"], config["split"], config["shape"], config["classes"])
    images = source.first(ledger, where, source.whole(ledger, where, *told, command), config["n"])
    if images is not None:
        _against_data(ledger, run, folder, config, table, images)
    if config["device"] not in DEVICES:
        ledger.differs(where, f"device is {config['device']!r}, {' or '.join(DEVICES)} wanted")
        return
    if model is None or images is None or len(images) != len(table["index"]):
        ledger.unsure(UNASKED)
        return
    wanted = describe(run, model, images, config["seed"], torch.device(config["device"]))
    ledger.same(where, "name", config.get("name"), wanted["name"])
    ledger.same(where, "access", config.get("access"), access_of(model.net))
    for rows in parts(images):
        _asked(ledger, folder, {key: values[rows] for key, values in table.items()}, images.rows(rows), model, config)


def _against_data(
    ledger: Ledger, run: Run, folder: Corrupted, config: dict[str, Any], table: Table, images: ImageSet
) -> None:
    where, file = folder.path / "config.json", folder.path / "images.parquet"
    ledger.same(where, "fingerprint", config["fingerprint"], images.fingerprint)
    ledger.same(where, "trained_on", config.get("trained_on"), trained_on(run, images))
    for key, wanted in (("index", images.index.numpy()), ("label", images.labels.numpy())):
        if len(table[key]) != len(wanted):
            ledger.differs(file, f"{len(table[key])} rows, {len(wanted)} images")
            return
        text = f"{key} is another than in {config['data']} {config['split']}"
        ledger.rows(file, table["index"], table[key] != wanted, text)
    said, made = folder.read_arrays("examples.safetensors")["images"], examples(images, config["seed"])
    if np.abs(said.astype(int) - made).max(initial=0) > 1:  # a level, of rounding on another machine
        ledger.differs(folder.path / "examples.safetensors", "images are not those that the data and the seed make")
    else:
        ledger.figures += said.shape[0] * said.shape[1]


def _rows(ledger: Ledger, folder: Corrupted, config: dict[str, Any], table: Table) -> None:
    """No row twice, and confidences that a largest probability can have."""
    file, index, k = folder.path / "images.parquet", table["index"], len(config["classes"])
    _, first, counts = np.unique(index, return_index=True, return_counts=True)
    twice = np.zeros(len(index), bool)
    twice[first[counts > 1]] = True
    ledger.rows(file, index, twice, "it has several rows, 1 wanted")
    for start, name in _answered(config):
        said, sure = table[f"{start}prediction"], table[f"{start}confidence"]
        possible = (sure >= 1 / k - 1e-6) & (sure <= 1 + 1e-6)
        wrong = np.where(said < 0, sure != 0, ~possible)

        def tell(row: int, name: str = name, sure: np.ndarray = sure) -> str:
            return f"{name}: confidence {sure[row]:.6g} cannot be, of {k} classes"

        ledger.rows(file, index, wrong, tell)


def _answered(config: dict[str, Any]) -> list[tuple[str, str]]:
    """The beginnings of the columns of each answer, and what it is called in a line."""
    pairs = [(name, strength) for name in names_of(config) for strength in strengths_of(config)]
    return [("clean_", "clean"), *((column(*pair, ""), f"{pair[0]} at strength {pair[1]}") for pair in pairs)]


def _asked(
    ledger: Ledger, folder: Corrupted, table: Table, images: ImageSet, model: Classifier, config: dict[str, Any]
) -> None:
    """The model asked again, about some rows: the same class, but for near ties, and the same confidence."""
    draws, pixels, device = Draws(config["seed"], images.index), images.pixels(), model.mean.device
    pairs = [("", 0), *((name, strength) for name in names_of(config) for strength in strengths_of(config))]
    for (start, called), (name, strength) in zip(_answered(config), pairs, strict=True):
        seen = corrupt(name, pixels, draws, strength) if strength else pixels
        with Victim(model, access="scores") as victim:
            logits = victim.logits(seen.to(device)).cpu()
        found, sure = (values.numpy() for values in answers(logits))
        said, confidence = table[f"{start}prediction"], table[f"{start}confidence"]
        best, own = (
            logits.amax(1),
            logits.gather(1, torch.from_numpy(said.astype(np.int64)).clamp_min(0)[:, None])[:, 0],
        )
        wrong = (own < best - NEAR * best.abs().clamp_min(1)).numpy() & (found >= 0)
        wrong |= ((said < 0) != (found < 0)) | (np.abs(confidence - sure) > 10 * NEAR)

        def tell(
            row: int,
            called: str = called,
            said: Any = said,
            confidence: Any = confidence,
            found: Any = found,
            sure: Any = sure,
        ) -> str:
            there = f"{said[row]} ({confidence[row]:.6g})"
            return f"{called}: the table says {there}, the model {found[row]} ({sure[row]:.6g})"

        ledger.rows(folder.path / "images.parquet", table["index"], wrong, tell)
        ledger.figures += int((~wrong).sum())
