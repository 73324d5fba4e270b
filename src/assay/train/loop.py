"""The loop: one epoch after the other, standard or adversarial, on images that stay in the device's memory."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from assay.adversary.goal import untargeted
from assay.adversary.threat import Threat
from assay.adversary.victim import Precision, Victim, predicted
from assay.chance import Draws, derive, permutation, seeded
from assay.data import ImageSet
from assay.data.augment import AUGMENT
from assay.models.classifier import Classifier
from assay.spec import Call, read
from assay.train import checkpoints
from assay.train.recipes import Recipe

History = list[dict[str, Any]]
PIECE = 1024  # images that are validated at a time
PROBE = 512  # validation images that a hardening is probed with after each epoch


def rise(steps: int) -> float:
    """The share of a training in which the learning rate rises. Where that would be one step, torch divides by 0."""
    return 0.2 if steps != 5 else 0.21


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
    ) -> None:
        self.classifier = classifier.to(device)
        self.recipe = recipe
        self.validation = validation
        self.device = device
        self.precision = precision
        self.adversary = adversary
        self.images, self.labels = _near(images.images, device), images.labels.to(device)
        self.index = images.index.to(device)
        self.augment = [read(text, AUGMENT, "augmentation") for text in recipe.augment]
        self.steps = -(-len(images) // recipe.batch_size)  # in an epoch
        self.optimizer = torch.optim.Adam(classifier.parameters(), lr=recipe.learning_rate)
        total = self.steps * recipe.epochs
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, recipe.learning_rate, total_steps=total, pct_start=rise(total)
        )
        self._augmented(torch.arange(1, device=device), 0)  # ValueError, before any work, for what does not fit
        self.epoch = 0
        self.history: History = []

    def resume(self, path: Path) -> None:
        """Go back to a checkpoint of the same recipe."""
        found = checkpoints.load(path)
        self.classifier.net.load_state_dict(found.net)
        self.optimizer.load_state_dict(found.optimizer)
        self.schedule.load_state_dict(found.schedule)
        self.epoch, self.history = found.epoch, found.history

    def run(self, checkpoint: Path, after_epoch: Callable[[History], None]) -> History:
        """Train to the end. Raises ValueError when the loss is no longer finite; the last checkpoint stays."""
        size, epochs = len(self.images), self.recipe.epochs
        with tqdm(total=size * epochs, initial=size * self.epoch, unit="image", unit_scale=True) as bar:
            for epoch in range(self.epoch, epochs):
                bar.set_description(f"epoch {epoch + 1}/{epochs}")
                self.history.append({"epoch": epoch + 1, **self._learn(epoch, bar), **self._validate()})
                self.epoch = epoch + 1
                state = (self.classifier.net.state_dict(), self.optimizer.state_dict(), self.schedule.state_dict())
                checkpoints.save(checkpoint, checkpoints.Checkpoint(self.epoch, *state, self.history))
                after_epoch(self.history)
        return self.history

    def _learn(self, epoch: int, bar: "tqdm[Any]") -> dict[str, float]:
        order = permutation(len(self.images), self.recipe.seed, "order", epoch).to(self.device)
        losses, hits = torch.zeros(2, device=self.device)
        began = time.perf_counter()
        self.classifier.train()
        with seeded(self.recipe.seed, "epoch", epoch):
            for step, rows in enumerate(order.split(self.recipe.batch_size)):
                logits, loss = self._step(rows, epoch, step)
                losses += loss * len(rows)
                hits += (logits.argmax(1) == self.labels[rows]).sum()
                bar.update(len(rows))
                if step % 50 == 0:  # reading the loss waits for the device: not at every step
                    bar.set_postfix(loss=f"{float(loss):.4f}")
        mean_loss, seconds = float(losses) / len(order), time.perf_counter() - began
        if not math.isfinite(mean_loss):
            raise ValueError(
                f"the loss is no longer finite in epoch {epoch + 1}: try a learning rate below "
                f"{self.recipe.learning_rate:g}; the state after epoch {epoch} is kept"
            )
        return {
            "loss": mean_loss,
            "accuracy": float(hits) / len(order),
            "learning_rate": float(self.schedule.get_last_lr()[0]),
            "images_per_second": len(order) / seconds,
            "seconds": seconds,
        }

    def _step(self, rows: Tensor, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        pixels, labels = self._augmented(rows, epoch).float() / 255, self.labels[rows]
        if self.adversary:
            progress = (epoch * self.steps + step + 1) / (self.recipe.epochs * self.steps)
            growth = min(1.0, progress / self.recipe.warm_up) if self.recipe.warm_up else 1.0
            pixels = self._craft(pixels, labels, self.index[rows], epoch, growth)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            logits = self.classifier(pixels).float()
            loss = F.cross_entropy(logits, labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return logits.detach(), loss.detach()

    def _augmented(self, rows: Tensor, epoch: int) -> Tensor:
        images = self.images[rows.to(self.images.device)].to(self.device)
        draws = Draws(derive(self.recipe.seed, "augment", epoch), self.index[rows])
        for change in self.augment:
            images = change(images, draws)
        return images

    def _craft(self, pixels: Tensor, labels: Tensor, index: Tensor, round_: int, growth: float) -> Tensor:
        """Adversarial images for these weights, in eval mode; until="end": leaving off early makes weak ones."""
        assert self.adversary
        attack, threat = self.adversary
        assert isinstance(threat.eps, float)
        draws = Draws(derive(self.recipe.seed, "craft", round_), index)
        with Victim(self.classifier, precision=self.precision, micro_batch=len(pixels)) as victim:
            crafted: Tensor = attack(
                victim, pixels, untargeted(labels, until="end"), threat.at(threat.eps * growth), draws
            )
        return crafted

    def _validate(self) -> dict[str, float]:
        held_out, labels = self.validation, self.validation.labels.to(self.device)
        with Victim(self.classifier, access="scores") as victim:
            pieces = [held_out.rows(slice(start, start + PIECE)) for start in range(0, len(held_out), PIECE)]
            logits = torch.cat([victim.logits(piece.pixels(self.device)) for piece in pieces])
        found = {
            "validation_loss": float(F.cross_entropy(logits, labels)),
            "validation_accuracy": float((predicted(logits) == labels).float().mean()),
        }
        if self.adversary:
            probe, wanted = held_out.rows(slice(PROBE)), labels[:PROBE]
            crafted = self._craft(probe.pixels(self.device), wanted, probe.index.to(self.device), -1, 1.0)
            with Victim(self.classifier, access="labels") as victim:
                found["validation_robust"] = float((victim.labels(crafted) == wanted).float().mean())
        return found


def _near(images: Tensor, device: torch.device) -> Tensor:
    """The images on the device, unless they would fill half of it: then they stay where they are."""
    if device.type == "cuda" and images.nbytes > torch.cuda.mem_get_info(device)[0] / 2:
        return images
    return images.to(device)
