"""Checkpoints that are there as a whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmflamingo.files.writing import replacing


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Gives a draft that takes the place of a checkpoint when it is on the disk.

    Raises:
        OSError: It can't be written; the message names the checkpoint, and a former one is as it was.
    """
    try:
        with replacing(path) as draft:
            yield draft
            with draft.open('rb+') as file:
                os.fsync(file.fileno())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def remove_drafts(folder: Path) -> None:
    """Remove what killed trainings left half written."""
    for draft in folder.glob('*.pth.????????.part'):
        draft.unlink()
