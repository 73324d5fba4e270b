"""Forgeries of rows and columns of the table, with everything that follows from them counted again."""

from pathlib import Path

import numpy as np

from assay.data import load
from assay.tally import CERTIFIED, column
from tests.verify.forging import DEEPFOOL, PGD, Forger, edit, forgery


@forgery("images.parquet", "label is")
def another_split_with_its_fingerprint(run: Path) -> None:
    forger, others = Forger(run), load("digits", "validation", 24)
    forger.config |= {"split": "validation", "fingerprint": others.fingerprint}
    forger.rename("test-24-5b896d", f"validation-24-{others.fingerprint[:6]}")


@forgery("images.parquet", "23 rows, but config.json says 24")
def a_row_dropped(run: Path) -> None:
    forger = Forger(run)
    table = {key: values[1:] for key, values in forger.table.items()}
    forger.folder.write_table("images.parquet", table)


@forgery("config.json", "fingerprint is")
def rows_dropped_and_all_counted_again(run: Path) -> None:
    forger = Forger(run)
    broken = forger.rows("broken")[:3]
    forger.keep(np.setdiff1d(np.arange(24), broken))
    forger.rename("test-24-5b896d", f"test-21-{forger.config['fingerprint'][:6]}")


@forgery("images.parquet", "has 2 rows, 1 wanted")
def a_row_doubled(run: Path) -> None:
    forger = Forger(run)
    fine, bad = forger.rows("robust")[0], forger.rows("broken")[0]
    for values in forger.table.values():
        values[bad] = values[fine]
    forger.write()


@forgery("adversarial.safetensors", "the table says that nothing broke it")
def acquitted_with_its_proof_left(run: Path) -> None:
    forger = Forger(run)
    forger.acquit(int(forger.rows("broken")[0]))
    forger.write()


@forgery("images.parquet", "its prediction is what the goal wants")
def acquitted_with_its_prediction_left(run: Path) -> None:
    forger = Forger(run)
    row = int(forger.rows("broken")[0])
    forger.forget(row)
    for attack in forger.config["attacks"]:
        for eps in forger.config["epsilons"]:
            verdict = forger.table[column(attack, eps, "verdict")]
            verdict[row] = "robust" if verdict[row] == "broken" else verdict[row]
    forger.write()


@forgery("images.parquet", "run again it is broken", rerun=True)
def acquitted_in_every_number(run: Path) -> None:
    forger = Forger(run)
    row = int(forger.rows("broken")[0])
    forger.acquit(row)
    forger.forget(row)
    forger.write()


@forgery("adversarial.safetensors", "no adversarial image proves it")
def condemned_without_proof(run: Path) -> None:
    forger = Forger(run)
    row = int(np.flatnonzero(np.isinf(forger.table["eps_broken"]))[0])
    forger.table[column(PGD, 0.1, "verdict")][row] = "broken"
    forger.table[column(PGD, 0.1, "prediction")][row] = (forger.table["label"][row] + 1) % 10
    forger.write()


@forgery("images.parquet", "the model says", rerun=True)
def mistakes_made_right(run: Path) -> None:
    """Wrong on the clean image becomes robust, with the numbers of an image that is."""
    forger = Forger(run)
    wrong, fine = forger.rows("wrong")[0], forger.rows("robust")[0]
    for key, values in forger.table.items():
        if key not in ("index", "label"):
            values[wrong] = values[fine]
    for key in (key for key in forger.table if key.endswith("prediction")):
        forger.table[key][wrong] = forger.table["label"][wrong]
    forger.write()


@forgery("images.parquet", "contradict each other")
def mistakes_made_right_by_halves(run: Path) -> None:
    forger = Forger(run)
    row = forger.rows("wrong")[0]
    forger.table["clean_prediction"][row] = forger.table["label"][row]
    forger.write()


@forgery("images.parquet", "its clean image is not right")
def a_verdict_on_who_was_wrong(run: Path) -> None:
    forger = Forger(run)
    row = forger.rows("wrong")[0]
    forger.table[column(PGD, 0.1, "verdict")][row] = "robust"
    forger.write()


@forgery("images.parquet", "label is")
def another_label_everywhere(run: Path) -> None:
    forger = Forger(run)
    row = int(forger.rows("wrong")[0])
    forger.table["label"][row] = forger.table["clean_prediction"][row]
    forger.table["clean_rank"][row] = 0
    for attack in forger.config["attacks"]:
        for eps in forger.config["epsilons"]:
            forger.table[column(attack, eps, "verdict")][row] = "robust"
    forger.write()


@forgery("adversarial.safetensors", "at most 0.04 wanted")
def a_smaller_eps_in_every_place(run: Path) -> None:
    forger = Forger(run)
    forger.table = {key.replace("@0.05:", "@0.04:"): values for key, values in forger.table.items()}
    for line in forger.costs:
        line["eps"] = 0.04 if line["eps"] == 0.05 else line["eps"]
    forger.config["epsilons"] = [0.04, 0.1]
    forger.write()


@forgery("adversarial.safetensors", "the table says")
def smaller_sizes(run: Path) -> None:
    forger = Forger(run)
    for attack in forger.config["attacks"]:
        for eps in forger.config["epsilons"]:
            for what in ("size", "l2", "linf"):
                forger.table[column(attack, eps, what)] *= np.float32(0.5)
    forger.write()


@forgery("images.parquet", "not of one change")
def smaller_sizes_of_one_kind(run: Path) -> None:
    forger = Forger(run)
    forger.table[column(PGD, 0.1, "l2")] *= np.float32(0.01)
    forger.write()


@forgery("images.parquet", "asked once for all")
def a_search_that_answers_twice(run: Path) -> None:
    forger = Forger(run)
    forger.table[column(DEEPFOOL, 0.1, "confidence")][forger.rows("broken", DEEPFOOL)] *= 0.9
    forger.write()


@forgery("images.parquet", "eps_broken is")
def a_bracket(run: Path) -> None:
    forger = Forger(run)
    forger.table["eps_broken"][:] = np.inf
    forger.folder.write_table("images.parquet", forger.table)


@forgery("images.parquet", "first_breaker is")
def a_first_breaker(run: Path) -> None:
    forger = Forger(run)
    forger.table["first_breaker"][forger.table["first_breaker"] != ""] = "noise"
    forger.folder.write_table("images.parquet", forger.table)


def without(run: Path, *, left: bool = False) -> Forger:
    """The strongest attack was never there."""
    forger = Forger(run)
    if not left:
        for key in forger.columns(PGD):
            del forger.table[key]
    forger.config["attacks"].remove(PGD)
    forger.costs = [line for line in forger.costs if line["attack"] != PGD]
    for row in np.flatnonzero(forger.table["first_breaker"] == PGD):
        forger.forget(int(row))
    forger.write()
    return forger


@forgery("fgsm-deepfool", f"{PGD} was asked for")
def an_attack_taken_away(run: Path) -> None:
    without(run)


@forgery("the end of its name", "wanted")
def an_attack_taken_away_and_the_folder_renamed(run: Path) -> None:
    forger = without(run)
    forger.rename("-pgd-steps=3", "")


@forgery("images.parquet", "config.json does not name")
def an_attack_taken_away_but_its_columns(run: Path) -> None:
    without(run, left=True)


@forgery("images.parquet", "run again it is", rerun=True)
def another_seed_everywhere(run: Path) -> None:
    edit("config.json", "seed", value=5)(run)
    edit("env.json", "seed", value=5)(run)


@forgery("costs.json", "forwards is 30, ", rerun=True)
def cheaper_than_it_was(run: Path) -> None:
    edit("costs.json", 3, "forwards", value=30)(run)


@forgery("images.parquet", "is proven at an eps at which it is broken or wrong")
def a_proof_for_an_image_that_falls(run: Path) -> None:
    forger = Forger(run)
    forger.table[CERTIFIED][forger.rows("broken")[0]] = max(forger.config["epsilons"])
    forger.write()


@forgery("images.parquet", "which is no eps of the list")
def a_proof_at_an_eps_of_its_own(run: Path) -> None:
    forger = Forger(run)
    forger.table[CERTIFIED][forger.rows("robust")[0]] = 0.07
    forger.write()


@forgery("images.parquet", "the bounds prove 0", rerun=True)
def a_proof_that_nobody_made(run: Path) -> None:
    forger = Forger(run)
    forger.table[CERTIFIED][forger.rows("robust")[0]] = max(forger.config["epsilons"])
    forger.write()
