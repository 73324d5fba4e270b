"""What --tensorboard asks of train and harden: the extra that may be missing, and the last entries of a board."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.run_folder import Folder
    from assay.train.tensorboard import Board


def needed() -> "type[Board]":
    """The board; ValueError where TensorBoard is not installed."""
    try:
        from assay.train.tensorboard import Board
    except ImportError as error:
        raise ValueError(
            "--tensorboard needs TensorBoard, which is not installed: pip install 'assay[tensorboard]'"
        ) from error
    return Board


def conclude(board: "Board", clean: "Folder") -> None:
    """What the one look at the test images gave."""
    from assay.report.figures import pixels
    from assay.report.per_class import MOST, confusion_figure
    from assay.tally import confusion

    names = clean.read_json("config.json")["classes"]
    pictures = {}
    if len(names) <= MOST:
        matrix = confusion(clean.read_table("images.parquet"), len(names))
        pictures["confusion"] = pixels(confusion_figure(matrix, names))
    board.end(clean.read_json("results.json"), pictures)
