"""Safetensors in several files, as Hugging Face writes large models."""

import json
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

INDEX_ENDING = '.safetensors.index.json'


def find_weights_file(folder: Path) -> Path:
    """The index or the single `.safetensors` file of a folder.

    Raises:
        ValueError: There is none, or more than one.
    """
    found = sorted(folder.glob(f'*{INDEX_ENDING}')) or sorted(folder.glob('*.safetensors'))
    if len(found) != 1:
        names = ', '.join(path.name for path in found) or 'none'
        raise ValueError(f'a folder must hold one *{INDEX_ENDING} or one *.safetensors; it holds {names}.')
    return found[0]


def read_index(index: Path) -> dict[str, str]:
    """The file of every tensor that an index lists, beside the index.

    Args:
        index: A `*.safetensors.index.json`; its `weight_map` names the files.

    Raises:
        ValueError: It is not an index, or it names files elsewhere or files that are missing.
    """
    try:
        weight_map = json.loads(index.read_text(encoding='utf-8'))['weight_map']
        names = sorted({str(name) for name in weight_map.values()})
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f'it has no weight_map of tensors to files ({error!r}).') from error
    elsewhere = [name for name in names if name != Path(name).name or not name.endswith('.safetensors')]
    if elsewhere:
        raise ValueError(f'it names {elsewhere[:3]}: only .safetensors files beside it are read.')
    absent = [name for name in names if not (index.parent / name).is_file()]
    if absent:
        raise ValueError(f'{len(absent)} of its {len(names)} files are not there: {", ".join(absent[:3])}.')
    return weight_map


def read_sharded(index: Path, device: str) -> dict[str, Tensor]:
    """Reads all tensors that an index lists.

    Args:
        index: A `*.safetensors.index.json`.
        device: Where to put the tensors.

    Raises:
        ValueError: See `read_index`, or the files do not hold what it lists.
    """
    weight_map = read_index(index)
    names = sorted(set(weight_map.values()))
    tensors = {key: value for name in names for key, value in load_file(index.parent / name, device=device).items()}
    if tensors.keys() != weight_map.keys():
        different = sorted(tensors.keys() ^ weight_map.keys())
        raise ValueError(
            f'its files hold other tensors than it lists: {", ".join(different[:3])} ({len(different)} in all).'
        )
    return tensors
