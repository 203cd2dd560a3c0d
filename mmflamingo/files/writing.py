"""Files that are there as a whole or not at all."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryFile
from uuid import uuid4

LONGEST_STEM = 100  # characters of the name that a draft keeps; file systems allow 255 bytes


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Gives a draft that takes the place of a file when the block ends well; else nothing has changed.

    A process that has mapped the old file keeps it, so a file may be replaced while a model of it is in use.

    Args:
        path: The file, which may exist; folders above it are made. Where it is a link, what it points to is replaced.

    Yields:
        Path: A new, empty file in the same folder.

    Raises:
        ValueError: The path is a folder, a device, or the like.
    """
    path = check_output(path)
    draft = path.with_name(f'{path.name[:LONGEST_STEM]}.{uuid4().hex[:8]}.part')
    try:
        draft.touch()
        yield draft
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def check_output(path: str | Path, inputs: Iterable[str | Path] = ()) -> Path:
    """Checks before the work that its result can be written; folders above it are made.

    Args:
        path: The file to be written; it may exist.
        inputs: Files that the work reads, which must stay.

    Returns:
        Path: The file that is written, links followed.

    Raises:
        ValueError: It is a folder, a device or the like, one of the inputs (also by a link), or in a folder that cannot be
            written.
    """
    try:
        real = Path(path).expanduser().resolve()
        if real.exists() and not real.is_file():
            raise ValueError(f'{path} cannot be written: it exists and is not a regular file.')
        for source in inputs:
            if real.exists() and Path(source).exists() and real.samefile(source):
                raise ValueError(f'{path} is the file that is read ({source}): choose another output.')
        real.parent.mkdir(parents=True, exist_ok=True)
        _try_to_write(real.parent)
        if real.exists() and not os.access(real, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(real))
    except OSError as error:
        raise ValueError(f'{path} cannot be written: {error.strerror} ({error.filename or path}).') from error
    return real


def check_output_folder(path: str | Path) -> Path:
    """Checks before the work that files can be written into a folder, which is not made yet.

    Raises:
        ValueError: It is a file or the like, or a folder that cannot be made or written into.
    """
    try:
        real = Path(path).expanduser().resolve()
        existing = next(folder for folder in (real, *real.parents) if folder.exists())
        _try_to_write(existing)
    except OSError as error:
        raise ValueError(
            f'{path} cannot be a folder of results: {error.strerror} ({error.filename or path}).'
        ) from error
    return real


def _try_to_write(folder: Path) -> None:
    """Write what nobody sees; permissions alone say nothing of read-only and special file systems."""
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    with TemporaryFile(dir=folder):
        pass


@contextmanager
def replacing_files(folder: str | Path, stale: Iterable[str] = ()) -> Iterator[Path]:
    """Gives a draft of a folder, whose files take the places of a folder's when the block ends well, each as a whole.

    Args:
        folder: The folder, which may exist; other files in it stay.
        stale: Patterns of files that go when they are not among the new ones, as they would be taken for some of them.

    Yields:
        Path: A new, empty folder in it.
    """
    folder = check_output_folder(folder)
    draft = folder / f'{uuid4().hex[:8]}.part'
    draft.mkdir(parents=True)
    try:
        yield draft
        new = {path.name for path in draft.iterdir()}
        for path in draft.iterdir():
            os.replace(path, folder / path.name)
        for path in (path for pattern in stale for path in folder.glob(pattern) if path.name not in new):
            path.unlink()
    finally:
        rmtree(draft, ignore_errors=True)
