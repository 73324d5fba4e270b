"""A training as TensorBoard shows it: RUN/tb, beside metrics.jsonl and with the same numbers."""

import contextlib
import io
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from assay.adversary.victim import frozen
from assay.data import ImageSet
from assay.data.describe import contact_sheet
from assay.files import reason
from assay.models.classifier import Classifier

TAGS = {
    "loss": "loss/training",
    "validation_loss": "loss/validation",
    "accuracy": "accuracy/training",
    "validation_accuracy": "accuracy/validation",
    "validation_robust": "accuracy/validation_robust",
    "learning_rate": "learning_rate",
    "images_per_second": "images_per_second",
}
STEP, TEST, TOP = "loss/step", "accuracy/test", "accuracy/test_top5"
METRICS = ("accuracy/validation", TEST)  # beside the hyper-parameters
TOGETHER = {"loss": [STEP, "loss/training", "loss/validation"], "accuracy": ["accuracy/.*"]}  # in one chart
CLASSES, SIDE, NAME = 25, 48, 120  # of the sheet of samples: classes at most, pixels of a tile and of a name


class Board:
    """Writes into a folder that `tensorboard --logdir` reads; the x of every entry is the number of steps done.

    `steps` is their number in an epoch, `history` a line for each epoch that is done. Taken up again, it writes into
    the same folder, and what an earlier process wrote of later steps counts no more.
    """

    def __init__(
        self,
        folder: Path,
        classifier: Classifier,
        settings: Mapping[str, Any],
        images: ImageSet,
        steps: int,
        history: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.steps, self.done = steps, len(history) * steps
        begun = [int(path.name.split(".")[3]) for path in folder.glob("events.out.tfevents.*")]
        if begun:  # files are read in the order of their names, which begin with the second they were made in
            time.sleep(max(0.0, min(1.0, max(begun) + 1 - time.time())))
        self.writer = SummaryWriter(str(folder), purge_step=self.done + 1 if begun else None)
        if begun:
            return
        self._graph(classifier, images)
        self.writer.add_image("samples", samples(images), 0, dataformats="HWC")
        self.writer.add_custom_scalars({"training": {name: ["Multiline", tags] for name, tags in TOGETHER.items()}})
        self._add(*start_of(settings))
        for line in history:
            self.epoch(line)

    def epoch(self, line: Mapping[str, Any], step_losses: Sequence[float] = ()) -> None:
        """What an epoch measured, a line of metrics.jsonl; and of each of its steps the loss."""
        done = line["epoch"] * self.steps
        before = done - self.steps
        for step, value in enumerate(step_losses, before + 1):
            self.writer.add_scalar(STEP, value, step)
        for key, tag in TAGS.items():
            if key in line:
                self.writer.add_scalar(tag, line[key], done)
        self.done = done
        self.writer.flush()  # what was learnt is there after kill -9

    def end(self, results: Mapping[str, Any], pictures: Mapping[str, UInt8[np.ndarray, "H W 3"]]) -> None:
        """The accuracy on the test images and what was drawn of it; the board is then closed."""
        after = self.done + 1  # so that a finished training, taken up again, does not say it twice
        self.writer.add_scalar(TEST, results["clean"]["share"], after)
        self.writer.add_scalar(TOP, results["top5"]["share"], after)
        for name, picture in pictures.items():
            self.writer.add_image(name, picture, after, dataformats="HWC")
        self._add(hparams({}, {})[2])
        self.close()

    def close(self) -> None:
        """Write what is left; nothing can be added any more."""
        self.writer.close()

    def _add(self, *summaries: Any) -> None:
        assert self.writer.file_writer, "it is not closed"
        for summary in summaries:
            self.writer.file_writer.add_summary(summary)

    def _graph(self, classifier: Classifier, images: ImageSet) -> None:
        """The network, unless it is one that cannot be traced."""
        pixels = images.rows(slice(1)).pixels(classifier.mean.device)
        quiet = contextlib.redirect_stdout(io.StringIO())  # torch prints there what it then raises
        with frozen(classifier), warnings.catch_warnings(), quiet:
            warnings.simplefilter("ignore")  # tracing says of itself that it is old
            try:
                self.writer.add_graph(classifier, pixels)
            except Exception as error:  # the network may be anybody's
                self.writer.add_text("graph", f"The network cannot be traced: {reason(error)}", 0)


def samples(images: ImageSet) -> UInt8[np.ndarray, "H W 3"]:
    """The first images of each class, a row for each with its name; of very many classes only the first."""
    sheet = contact_sheet(images)[:CLASSES]
    classes, n, channels, height, width = sheet.shape
    colours = sheet[:, :, :1].expand(-1, -1, 3, -1, -1) if channels < 3 else sheet[:, :, :3]
    scale = max(1, SIDE // max(height, width))
    tiles = colours.repeat_interleave(scale, 3).repeat_interleave(scale, 4).permute(0, 1, 3, 4, 2).numpy()
    height, width = height * scale + 2, width * scale + 2
    picture = Image.new("RGB", (NAME + n * width, classes * height), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    for row, name in enumerate(images.classes[:classes]):
        draw.text((NAME - 6, row * height + height // 2), name[:16], "black", font, anchor="rm")
        for column in range(n):
            picture.paste(Image.fromarray(tiles[row, column]), (NAME + column * width, row * height))
    return np.asarray(picture)


def start_of(settings: Mapping[str, Any]) -> list[Any]:
    """The hyper-parameters of a training, and the metrics to show beside them, as TensorBoard wants to read them."""
    words = {key: ", ".join(value) if isinstance(value, list) else value for key, value in settings.items()}
    words = {key: value for key, value in words.items() if value not in ("", None) and value is not False}
    experiment, session, _ = hparams(words, dict.fromkeys(METRICS, 0.0))
    return [experiment, session]
