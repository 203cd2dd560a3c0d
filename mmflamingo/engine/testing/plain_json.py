"""JSON in run folders: written without NaN, and read with errors that say what is wrong."""

import json
import os
from collections.abc import Mapping, Sequence
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch

from mmflamingo.files import check_regular, replacing

from ..errors import RunError

DEEPEST = 50
TOO_DEEP = 'it is nested too deeply'


def dumps(value: Any, what: str, indent: int | None = None) -> str:
    """Write a value as JSON.

    Args:
        value: Plain values, tensors or arrays; anything else is written as text.
        what: Names the value in the error.
        indent: Spaces a level; None for one line.

    Raises:
        RunError: It holds a number that is not finite.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=to_plain, indent=indent)
    except ValueError as error:
        raise RunError(
            f'{what} cannot be written: {find_non_finite(value) or error}. '
            'Numbers must be finite: look for broken weights, or an overflow in half precision.'
        ) from error
    except RecursionError as error:
        raise RunError(f'{what} cannot be written: {TOO_DEEP}.') from error


def loads(text: str | bytes) -> Any:
    """Read JSON whose numbers are finite.

    Raises:
        ValueError: It is not JSON, it is nested too deeply, or it holds NaN or an infinite number.
    """
    try:
        text = text.decode('utf-8') if isinstance(text, bytes) else text
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    if _is_deep(value):  # so that walking through it cannot fail
        raise ValueError(TOO_DEEP)
    return value


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file.

    Raises:
        RunError: The file is missing, not a regular file, or not a JSON object with finite numbers.
    """
    try:
        content = loads(check_regular(path).read_bytes())
    except OSError as error:
        raise RunError(f'{path} cannot be read: {error.strerror or error}') from error
    except ValueError as error:
        raise RunError(f'{path} is not valid JSON: {error}.') from error
    if not isinstance(content, dict):
        raise RunError(f'{path} must hold a JSON object, but holds a {type(content).__name__}.')
    return content


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there, on the disk, as a whole or not at all; halves of a character become '?'."""
    with replacing(path) as draft, draft.open('w', encoding='utf-8', errors='replace', newline='\n') as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def to_plain(value: object) -> object:
    """What JSON cannot write, as something it can: tensors and arrays as lists, all else as text."""
    if isinstance(value, torch.Tensor | np.ndarray | np.generic):
        return value.tolist()
    return str(value)


def find_non_finite(value: object, key: str = '') -> str | None:
    """Where a value holds the first number that is not finite, and which; None if all are."""
    if isinstance(value, torch.Tensor | np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float):
        return None if isfinite(value) else f'{key or "the value"} is {value}'
    if isinstance(value, Mapping):
        parts = ((f'{key}.{name}' if key else str(name), part) for name, part in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        parts = ((f'{key}[{index}]', part) for index, part in enumerate(value))
    else:
        return None
    return next(filter(None, (find_non_finite(part, name) for name, part in parts)), None)


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        inner = [node.values() if isinstance(node, dict) else node for node in level if isinstance(node, dict | list)]
        if not inner:
            return False
        level = list(chain.from_iterable(inner))
    return True


def _refuse(name: str) -> NoReturn:
    raise ValueError(f'it holds {name}, which is not a finite number')


def _finite(digits: str) -> float:
    value = float(digits)
    return value if isfinite(value) else _refuse(digits)
