"""What the pickles of checkpoints may name: tensors, plain data and log histories, and nothing that grows."""

import pickle

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch._weights_only_unpickler import _get_allowed_globals


def history_buffer_method(owner: object, name: str) -> object:
    """Stand-in for the `getattr` by which a pickle names the methods of HistoryBuffer."""
    if owner is HistoryBuffer and name in ('min', 'max', 'mean', 'current'):
        return getattr(owner, name)
    raise pickle.UnpicklingError(f'getattr({owner!r}, {name!r}) is not allowed in a checkpoint.')


def encode_latin1(text: str, encoding: str = 'latin1') -> bytes:
    """Stand-in for the `encode` by which a pickle of protocol 2 writes bytes; other codecs double a text each time."""
    if encoding != 'latin1' or not isinstance(text, str):
        raise pickle.UnpicklingError(f'encode(..., {encoding!r}) is not allowed in a checkpoint.')
    return text.encode('latin1')


def allow_training_state() -> None:
    """Let weights_only loading read the log histories in checkpoints of mmengine's runner."""
    multiarray = np._core.multiarray if hasattr(np, '_core') else np.core.multiarray
    allowed = [HistoryBuffer, np.ndarray, np.dtype, (history_buffer_method, 'builtins.getattr')]
    for package in ('numpy.core', 'numpy._core'):  # the names before and since numpy 2
        allowed.append((multiarray._reconstruct, f'{package}.multiarray._reconstruct'))
        allowed.append((multiarray.scalar, f'{package}.multiarray.scalar'))
    allowed += {type(np.dtype(code)) for code in '?bBhHiIlLqQefd'}
    torch.serialization.add_safe_globals(allowed)


def forbid_growth() -> None:
    """Keep weights_only loading from what makes gigabytes of a few bytes."""
    allowed = _get_allowed_globals()
    allowed.pop('builtins.bytearray', None)
    allowed['_codecs.encode'] = encode_latin1
