"""What the peers gave, in small files that tests read where no peer is installed."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .weights import weight

FOLDER = Path(__file__).parents[3] / 'tests' / 'parity'


def excerpt(outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Two patches and latents of each picture, the last token of each prompt, and all that was written."""
    few = {'features': np.s_[:, :2], 'visual tokens': np.s_[:, :, :2], 'ids': np.s_[:]}
    return {key: value[few.get(key, np.s_[:, -1])] for key, value in outputs.items()}


def freeze(name: str, checkpoint: Mapping[str, Tensor], names: Mapping[str, str], outputs: Mapping) -> None:
    """Writes the file of a peer's model.

    Args:
        name: Of the model, see `PEERS`.
        checkpoint: Its state dict, of which the keys and shapes are kept.
        names: The name that each key's value was made from.
        outputs: For each case what the peer gave.
    """
    recipe = {key: [made_from, list(checkpoint[key].shape)] for key, made_from in names.items()}
    arrays = {
        f'{case}/{key}': value.numpy() for case, output in outputs.items() for key, value in excerpt(output).items()
    }
    recipe_bytes = np.frombuffer(json.dumps(recipe).encode(), np.uint8)
    np.savez_compressed(FOLDER / f'{name}.npz', recipe=recipe_bytes, **arrays)


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
    """Reads such a file: the checkpoint, made again, and for each case the excerpt of what the peer gave."""
    with np.load(path) as file:
        arrays = dict(file)
    recipe = json.loads(arrays.pop('recipe').tobytes())
    expected: dict[str, dict[str, Tensor]] = {}
    for entry, value in arrays.items():
        case, key = entry.split('/')
        expected.setdefault(case, {})[key] = torch.from_numpy(value)
    return {key: weight(name, tuple(shape)) for key, (name, shape) in recipe.items()}, expected
