"""Opening files that others wrote."""

import json
import stat
from pathlib import Path
from typing import Any

KINDS = {
    stat.S_IFIFO: 'a named pipe',
    stat.S_IFSOCK: 'a socket',
    stat.S_IFCHR: 'a device',
    stat.S_IFBLK: 'a device',
    stat.S_IFDIR: 'a folder',
}
# What a file begins with that only stands for another one: {beginning: what it is}.
STAND_INS = {
    b'version https://git-lfs.github.com/spec/': 'a git-lfs pointer: run `git lfs pull` where it comes from',
    b'/annex/objects/': 'a git-annex pointer: run `git annex get` where it comes from',
    b'<!doctype html': 'a web page: download the file itself',
    b'<html': 'a web page: download the file itself',
}
LONGEST_BEGINNING = max(map(len, STAND_INS))


def check_regular(path: str | Path) -> Path:
    """Checks that a file can be opened without waiting for another process, and holds something.

    Args:
        path: A path; links are followed.

    Raises:
        FileNotFoundError: There is nothing.
        ValueError: It is not a regular file, is empty, or is a pointer or page that stands for the file.
    """
    path = Path(path).expanduser()
    try:
        status = path.stat()
    except FileNotFoundError:
        raise FileNotFoundError(f'{path} does not exist.') from None
    except OSError as error:  # a loop of links, a name that is too long, a folder that may not be entered
        raise ValueError(f'{path} cannot be opened: {error.strerror}.') from error
    except ValueError as error:  # a null character
        raise ValueError(f'{str(path)!r} is not a path: {error}.') from error
    if not stat.S_ISREG(status.st_mode):
        kind = KINDS.get(stat.S_IFMT(status.st_mode), 'not a file')
        raise ValueError(f'{path} is {kind}, expected a regular file.')
    if not status.st_size:
        raise ValueError(f'{path} is empty (0 bytes).')
    with path.open('rb') as file:
        beginning = file.read(LONGEST_BEGINNING).lower()
    for sign, meaning in STAND_INS.items():
        if beginning.startswith(sign):
            raise ValueError(f'{path} ({status.st_size} bytes) is {meaning}.')
    return path


def read_json(path: str | Path) -> Any:
    """Reads a JSON file.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is not a regular file, or not JSON; the message names it and the place.
    """
    path = check_regular(path)
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not UTF-8 text (byte {error.start}).') from error
    except json.JSONDecodeError as error:
        raise ValueError(f'{path} is not valid JSON: {error}.') from error
    except RecursionError as error:
        raise ValueError(f'{path} is nested too deep to be read.') from error
    except ValueError as error:  # an integer of thousands of digits
        raise ValueError(f'{path} is not valid JSON: {error}.') from error
