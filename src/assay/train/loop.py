"""The loop: one epoch after the other, standard or adversarial, on images that stay in the device's memory."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from assay.adversary.threat import Threat, linf
from assay.adversary.victim import Precision
from assay.chance import Draws, derive, permutation, seeded
from assay.data import ImageSet
from assay.data.augment import AUGMENT
from assay.models.classifier import Classifier
from assay.models.weights import frozen_eval
from assay.spec import Call, read
from assay.tally import kept_epoch
from assay.train import checkpoints
from assay.train.average import Average
from assay.train.checkpoints import Checkpoint
from assay.train.compiled import compiled, tried
from assay.train.descent import optimizer, schedule, sizes
from assay.train.methods import METHODS, Fit, read_method, single_step
from assay.train.methods.batch import Batch
from assay.train.perturbation import perturbed
from assay.train.provision import near, peak_memory
from assay.train.ranks import Ranks
from assay.train.recipe import Recipe
from assay.train.sentinel import alarm, sound
from assay.train.validation import validated

History = list[dict[str, Any]]
Seen = Callable[[History, list[float]], None]
WATCHED_STEPS = 8  # in every eighth step it is looked whose loss the attack has lowered
ALONE = Ranks()
SAFE = "pgd(steps=5)"  # what the sentinel goes over to: several steps do not collapse


class Training:
    """A classifier on its way: `run` goes through the epochs that are left, and writes a checkpoint after each.

    The same recipe gives the same weights on the same machine, also when it was killed and taken up again.
    """

    def __init__(
        self,
        classifier: Classifier,
        recipe: Recipe,
        images: ImageSet,
        validation: ImageSet,
        *,
        device: torch.device,
        precision: Precision,
        adversary: tuple[Call, Threat] | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.classifier = classifier.to(device)
        self.recipe = recipe
        self.validation = validation
        self.device = device
        self.precision = precision
        self.method = adversary[0] if adversary else None
        self.threat = adversary[1] if adversary else None
        self.ranks = ranks
        self.images, self.labels = near(images.images, device), images.labels.to(device)
        self.index = images.index.to(device)
        self.augment = [read(text, AUGMENT, "augmentation") for text in recipe.augment]
        self._augmented(torch.arange(1, device=device), 0)  # ValueError, before any work, for what does not fit
        self.module: nn.Module = self.classifier
        self.sizes = sizes(len(images), recipe.batch_size)
        self.steps = len(self.sizes)  # in an epoch
        self.optimizer = optimizer(classifier.net, recipe)
        self.schedule = schedule(self.optimizer, recipe, self.steps * recipe.epochs)
        if self.method:
            self._try(min(2, len(images)))
        self.compiling = self._compile() if recipe.compiled else 0.0
        self.module = ranks.wrapped(self.module)
        self.average = Average(classifier.net, recipe.average) if recipe.average else None
        self.epoch = 0
        self.history: History = []
        self.undone: History = []
        self.best: dict[str, Any] | None = None
        self.good = self._state().own() if self.method else None

    def resume(self, path: Path) -> None:
        """Go back to a checkpoint of the same recipe."""
        self._go_to(found := checkpoints.load(path))
        self.best = found.best
        self.undone = found.undone or []
        self.good = Checkpoint(**found.good) if found.good else None
        if found.method and self.threat:
            self.method = read_method(found.method, self.threat)

    def run(self, checkpoint: Path, after_epoch: Seen) -> History:
        """Train to the end; after_epoch hears the metrics so far and the losses of the epoch's steps.

        Raises ValueError when the loss is no longer finite; the last checkpoint stays.
        """
        size, epochs = len(self.images), self.recipe.epochs
        with tqdm(total=size * epochs, unit="image", unit_scale=True, disable=not self.ranks.first) as bar:
            while self.epoch < epochs and not self._gave_up():
                bar.n = size * self.epoch
                bar.set_description(f"epoch {self.epoch + 1}/{epochs}")
                losses, line = self._learn(self.epoch, bar)
                self.history.append({"epoch": self.epoch + 1, **line, **self._validate(), **self._since()})
                sound(self.history[-1]["validation_loss"], self.epoch, self.recipe.learning_rate)
                self.epoch += 1
                if why := self._alarm():
                    self._take_back(why)
                self._remember()
                if self.ranks.first:
                    good = vars(self.good) if self.good else None
                    checkpoints.save(checkpoint, replace(self._state(), best=self.best, good=good))
                    after_epoch(self.history, losses)
                self.ranks.wait()
        self.classifier.net.load_state_dict(replace(self._state(), best=self.best).final())
        return self.history

    def _learn(self, epoch: int, bar: "tqdm[Any]") -> tuple[list[float], dict[str, float]]:
        order = permutation(len(self.images), self.recipe.seed, "order", epoch).to(self.device)
        sums, losses = torch.zeros(4, dtype=torch.float64, device=self.device), []
        began = time.perf_counter()
        self.classifier.train()
        frozen_eval(self.classifier.net)
        joined = () if self.ranks.size == 1 else (self.ranks.rank,)
        with seeded(self.recipe.seed, "epoch", epoch, *joined):
            for step, rows in enumerate(order.split(self.sizes)):
                batch, logits, loss = self._step(rows, epoch, step)
                right = (logits.argmax(1) == batch.labels).sum()
                fell = torch.zeros_like(right) if batch.fell is None else batch.fell
                sums += torch.stack([loss / batch.share, right, fell, torch.full_like(right, batch.seen)]).double()
                losses.append(loss)
                bar.update(len(rows))
                if step % 50 == 0:  # reading the loss waits for the device: not at every step
                    bar.set_postfix(loss=f"{float(loss):.4f}")
        self._agree()
        summed_loss, hits, lower, seen = self.ranks.sum(sums).tolist()  # waits for the device
        seconds = time.perf_counter() - began
        mean_loss = summed_loss / len(order)
        sound(mean_loss, self.epoch, self.recipe.learning_rate)
        found = {
            "loss": mean_loss,
            "accuracy": hits / len(order),
            "learning_rate": float(self.schedule.get_last_lr()[0]),
            "images_per_second": len(order) / seconds,
            "seconds": seconds,
            "peak_memory": peak_memory(self.device),
        }
        if self.method:
            found["growth"] = self._growth(epoch, 1)
        if seen:
            found["abnormal"] = lower / seen
        if self.compiling:
            found["compiling"], self.compiling = self.compiling, 0.0
        return (self.ranks.sum(torch.stack(losses)) / self.ranks.size).tolist(), found

    def _since(self) -> dict[str, str]:
        """For the first epoch after one that was taken back: why it was."""
        told = [part["because"] for part in self.undone if part["back_to"] == self.epoch]
        return {"taken_back": told[-1]} if told else {}

    def _compile(self) -> float:
        """Learn through torch.compile from here on; the seconds that it takes, apart from those of the training."""
        self.module, began = compiled(self.classifier), time.perf_counter()
        for images in sorted(set(self.sizes)):
            self._try(images)
        return time.perf_counter() - began

    def _try(self, images: int) -> None:
        """Some images on their way, before anything is written: what does not fit is found here. Nothing is learnt."""
        with tried(self.classifier), seeded(self.recipe.seed, "trial"):
            batch = self._batch(torch.arange(images, device=self.device), 0, 0)
            self._fit(batch)()[1].backward()

    def _agree(self) -> None:
        """What each process's batch norm has counted becomes their mean: one network is validated, kept, taken up."""
        self.ranks.agree(self.classifier.net)
        if self.average:
            with self.average.worn():
                self.ranks.agree(self.classifier.net)

    def _step(self, rows: Tensor, epoch: int, step: int) -> tuple[Batch, Tensor, Tensor]:
        batch = self._batch(rows, epoch, step)
        fit = self._fit(batch)
        moved = self._perturbed(batch, fit) if self.recipe.awp else nullcontext()
        with moved:
            logits, loss = fit()
            self.optimizer.zero_grad()
            loss.backward()
        self.optimizer.step()
        self.schedule.step()
        if self.average:
            self.average.update()
        return batch, logits.detach(), loss.detach()

    def _batch(self, rows: Tensor, epoch: int, step: int) -> Batch:
        mine = self.ranks.share(rows)
        pixels, growth = self._augmented(mine, epoch).float() / 255, self._growth(epoch, step + 1)
        threat = self.threat or linf(0.0)
        assert isinstance(threat.eps, float)
        return Batch(
            classifier=self.classifier,
            module=self.module,
            pixels=pixels,
            labels=self.labels[mine],
            threat=threat.at(threat.eps * growth),
            draws=Draws(derive(self.recipe.seed, "craft", epoch), self.index[mine]),
            precision=self.precision,
            smoothing=self.recipe.label_smoothing,
            share=self.ranks.size / len(rows),
            progress=growth,
            statistics=self.recipe.crafted_by,
            watched=bool(self.method) and step % WATCHED_STEPS == 0,
        )

    def _fit(self, batch: Batch) -> Fit:
        if self.method is None:
            return batch.learning(batch.pixels)
        if self.method.name in METHODS:
            fit: Fit = self.method(batch)
            return fit
        return batch.learning(batch.craft(self.method))

    def _perturbed(self, batch: Batch, fit: Fit) -> AbstractContextManager[None]:
        def alone() -> Tensor:
            batch.module = self.classifier  # no backward pass of all processes follows
            loss = fit()[1]
            batch.module = self.module
            return loss

        return perturbed(self.classifier.net, alone, self.recipe.awp, self.ranks)

    def _growth(self, epoch: int, step: int) -> float:
        """Which share of eps there is after so many steps of an epoch."""
        progress = (epoch * self.steps + step) / (self.recipe.epochs * self.steps)
        return min(1.0, progress / self.recipe.warm_up) if self.recipe.warm_up else 1.0

    def _augmented(self, rows: Tensor, epoch: int) -> Tensor:
        images = self.images[rows.to(self.images.device)].to(self.device)
        draws = Draws(derive(self.recipe.seed, "augment"), self.index[rows])
        for change in self.augment:
            images = change(images, draws, epoch)
        return images

    def _validate(self) -> dict[str, float]:
        with self.average.worn() if self.average else nullcontext():
            settings = (self.threat, self.recipe, self.ranks, self.device, self.precision)
            return validated(self.classifier, self.validation, *settings)

    def _gave_up(self) -> bool:
        if not (self.recipe.patience and self.history):
            return False
        return self.epoch - kept_epoch("best", self.history) >= self.recipe.patience

    def _alarm(self) -> str | None:
        """What the sentinel says; certified training needs none, it is no attack that could be learnt by heart."""
        watched = None if self.recipe.certifies else self.method
        return alarm(self.history, watched.name != "blend") if watched else None

    def _remember(self) -> None:
        """The weights of the best epoch, and the state that the sentinel would go back to."""
        if not self.history or kept_epoch("best", self.history) != self.epoch:
            return
        if self.recipe.keep == "best":
            with self.average.worn() if self.average else nullcontext():
                self.best = {"epoch": self.epoch, "net": self._state().own().net}
        if self.method:
            self.good = self._state().own()

    def _take_back(self, why: str) -> None:
        """Back to the last good state, and on with a method that does not collapse; of other methods it is noted."""
        if self.method is None or not single_step(self.method) or self.good is None or self.threat is None:
            self.history[-1]["alarm"] = why
            return
        told = {"epoch": self.epoch, "because": why, "method": str(self.method), "back_to": self.good.epoch}
        self.undone.append(told | {"then": SAFE, "lines": self.history[self.good.epoch :]})
        self._go_to(self.good)
        self.method = read_method(SAFE, self.threat)

    def _state(self) -> Checkpoint:
        states = (self.classifier.net.state_dict(), self.optimizer.state_dict(), self.schedule.state_dict())
        average = self.average.state() if self.average else None
        method = str(self.method) if self.method else None
        return Checkpoint(self.epoch, *states, self.history, average, method, self.undone)

    def _go_to(self, state: Checkpoint) -> None:
        state = state.own()
        self.classifier.net.load_state_dict(state.net)
        self.optimizer.load_state_dict(state.optimizer)
        self.schedule.load_state_dict(state.schedule)
        if self.average and state.average:
            self.average.load(state.average)
        self.epoch, self.history = state.epoch, state.history
