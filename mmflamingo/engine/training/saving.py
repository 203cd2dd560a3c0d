"""Files that are there as a whole or not at all, also when they are large."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives the path of a draft beside a file, which takes the file's place when it is written and on the disk.

    Raises:
        OSError: It can't be written; the file is as it was.
    """
    draft = path.with_name(f'{path.name}.part')
    try:
        yield draft
        with draft.open('rb+') as file:
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        draft.unlink(missing_ok=True)
