"""Forgeries of proofs, weights, pictures, and of what the training measured."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from assay.data import load
from assay.run_folder import Run
from tests.verify.forging import ATTACKED, CLEAN, FORGERIES, Forger, Forgery, forgery, weights


def of_proofs(change: Callable[[dict[str, np.ndarray]], Any]) -> Forgery:
    def forge(run: Path) -> None:
        forger = Forger(run)
        change(forger.proof)
        forger.folder.write_arrays("adversarial.safetensors", forger.proof)

    return forge


def swap(proof: dict[str, np.ndarray]) -> None:
    proof["pixels"][[0, 1]] = proof["pixels"][[1, 0]]


def outside(proof: dict[str, np.ndarray]) -> None:
    proof["pixels"][0] = np.clip(proof["pixels"][0] + 0.15, 0, 1)


def point(value: float) -> Callable[[dict[str, np.ndarray]], None]:
    def change(proof: dict[str, np.ndarray]) -> None:
        proof["pixels"][0, 0, 0, 0] = value

    return change


def fewer(proof: dict[str, np.ndarray]) -> None:
    proof |= {key: array[1:] for key, array in proof.items()}


def twice(proof: dict[str, np.ndarray]) -> None:
    proof |= {key: np.concatenate([array, array[:1]]) for key, array in proof.items()}


def shrunk(proof: dict[str, np.ndarray]) -> None:
    images = load("digits", "test", 24)
    one = images.pixels()[images.index.tolist().index(int(proof["index"][0]))].numpy()
    proof["pixels"][0] = one + 0.5 * (proof["pixels"][0] - one)


PROOFS = "adversarial.safetensors"
FORGERIES |= {
    "two proofs swapped": (of_proofs(swap), PROOFS, "its size is"),
    "a proof outside the ball": (of_proofs(outside), PROOFS, "its size is"),
    "a proof outside the box": (of_proofs(point(-0.01)), PROOFS, "out of [0, 1]"),
    "a proof that is no number": (of_proofs(point(float("nan"))), PROOFS, "no numbers"),
    "a proof taken away": (of_proofs(fewer), PROOFS, "no adversarial image proves it"),
    "a proof twice": (of_proofs(twice), PROOFS, "has 2 adversarial images"),
    "a proof nearer than it was": (of_proofs(shrunk), PROOFS, "the table says"),
    "all proofs away": (lambda run: (run / "evaluations" / ATTACKED / PROOFS).unlink(), PROOFS, "is missing"),
    "no gallery": (
        lambda run: (run / "evaluations" / ATTACKED / "gallery.json").unlink(),
        "gallery.json",
        "is missing",
    ),
}


@forgery("model.safetensors", "has hash")
def swapped_weights(run: Path) -> None:
    weights(run)


@forgery(f"{ATTACKED}/config.json", "weights is")
def swapped_weights_described(run: Path) -> None:
    weights(run, described=True)


@forgery("model.safetensors", "not the weights of checkpoint.pt")
def swapped_weights_told_to_all(run: Path) -> None:
    weights(run, described=True, evaluations=True)


@forgery("images.parquet", "clean_prediction", rerun=True)
def swapped_weights_and_no_checkpoint(run: Path) -> None:
    weights(run, described=True, evaluations=True, checkpoint=False)


@forgery("adversarial.safetensors", "the table says broken", rerun=True)
def swapped_weights_that_fool_nobody(run: Path) -> None:
    weights(run, described=True, evaluations=True, checkpoint=False)


@forgery("metrics.jsonl", "epoch 2: accuracy is 0.99")
def a_better_epoch(run: Path) -> None:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    before = lines[1].split('"accuracy": ')[1].split(",")[0]
    lines[1] = lines[1].replace(f'"accuracy": {before}', '"accuracy": 0.99')
    (run / "metrics.jsonl").write_text("\n".join(lines) + "\n")


@forgery("metrics.jsonl", "epochs [1] is 3, 2 wanted")
def an_epoch_left_out(run: Path) -> None:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    (run / "metrics.jsonl").write_text(f"{lines[0]}\n{lines[2]}\n")


@forgery("metrics.jsonl", "validation_accuracy is 0.99, the model has", rerun=True)
def a_better_last_epoch_without_checkpoint(run: Path) -> None:
    (run / "checkpoint.pt").unlink()
    lines = (run / "metrics.jsonl").read_text().splitlines()
    before = lines[2].split('"validation_accuracy": ')[1].split("}")[0].split(",")[0]
    (run / "metrics.jsonl").write_text("\n".join([*lines[:2], lines[2].replace(before, "0.99")]) + "\n")


@forgery("panels/data.json", "is missing")
def no_word_of_what_it_learnt_from(run: Path) -> None:
    shutil.rmtree(run / "panels")


@forgery("panels/trained_on.safetensors", "prints is not that of the data")
def other_images_learnt_from(run: Path) -> None:
    folder = Run(run)
    folder.write_arrays("panels/trained_on.safetensors", {"prints": np.arange(400)})


@forgery(f"{CLEAN}/predictions.safetensors", "the table says")
def surer_than_it_is(run: Path) -> None:
    folder = Forger(run, CLEAN).folder
    arrays = folder.read_arrays("predictions.safetensors")
    arrays["probability"][:] = arrays["probability"][::-1]
    folder.write_arrays("predictions.safetensors", arrays)


@forgery("gallery.safetensors", "the clean image is another")
def a_nicer_picture(run: Path) -> None:
    folder = Forger(run).folder
    arrays = folder.read_arrays("gallery.safetensors")
    arrays["clean"][0, 0, 0, 0] ^= 255
    folder.write_arrays("gallery.safetensors", arrays)


@forgery("saliency", "map.saliency is not what saliency finds", rerun=True)
def a_nicer_map(run: Path) -> None:
    (path,) = run.glob("explanations/*saliency/maps.safetensors")
    arrays = safetensors.numpy.load_file(path)
    key = next(key for key in arrays if key.startswith("map."))
    arrays[key] = arrays[key][:, ::-1].copy()
    path.write_bytes(safetensors.numpy.save(arrays))


@forgery("maps.safetensors", "is another picture than that of the data")
def another_image_explained(run: Path) -> None:
    (path,) = run.glob("explanations/*saliency/maps.safetensors")
    arrays = safetensors.numpy.load_file(path)
    arrays["labels"][0] = (arrays["labels"][0] + 1) % 10
    path.write_bytes(safetensors.numpy.save(arrays))


def _maps(run: Path, method: str, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    (path,) = run.glob(f"explanations/*{method}*/maps.safetensors")
    arrays = safetensors.numpy.load_file(path)
    change(arrays)
    path.write_bytes(safetensors.numpy.save(arrays))


@forgery("integrated_gradients", "is said to be missing, the map misses")
def a_map_more_complete_than_it_is(run: Path) -> None:
    _maps(run, "integrated", lambda arrays: arrays["number.completeness error"].__imul__(np.float32(0)))


@forgery("integrated_gradients", "number.logit's rise is not what", rerun=True)
def a_map_more_complete_by_a_smaller_rise(run: Path) -> None:
    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays["number.completeness error"][:] = 0
        arrays["number.logit's rise"][:] = arrays["map.integrated_gradients"].sum((1, 2))

    _maps(run, "integrated", change)


@forgery("smoothgrad", "map.smoothgrad is not what smoothgrad(samples=4) finds", rerun=True)
def a_smoother_map(run: Path) -> None:
    _maps(run, "smoothgrad", lambda arrays: arrays["map.smoothgrad"].__imul__(np.float32(0.9)))


@forgery("grad_cam", "map.grad_cam is not what grad_cam finds", rerun=True)
def a_map_of_another_place(run: Path) -> None:
    _maps(run, "grad_cam", lambda arrays: arrays.update({"map.grad_cam": arrays["map.grad_cam"][:, ::-1].copy()}))


@forgery("occlusion", "map.probability is not what occlusion(patch=3) finds", rerun=True)
def a_patch_that_matters_less(run: Path) -> None:
    _maps(run, "occlusion", lambda arrays: arrays["map.probability"].__iadd__(np.float32(0.01)))
