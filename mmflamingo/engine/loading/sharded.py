"""Weights in a folder, in one file or in several with an index, as Hugging Face writes large models."""

from pathlib import Path

from torch import Tensor

from mmflamingo.files import read_json

from .formats import read_file

INDEX_ENDING = '.index.json'
ENDINGS = ('.safetensors', '.bin', '.pth', '.pt')
# In the order of preference: what a folder of one model's weights holds one of.
PATTERNS = (('*.safetensors.index.json',), ('*.safetensors',), ('*.index.json',), ('*.bin', '*.pth', '*.pt'))
OF_TRAINERS = ('training_args', 'optimizer', 'scheduler', 'rng_state', 'scaler')  # files beside weights that hold none


def find_weights_file(folder: Path) -> Path:
    """The index or the single file of weights in a folder.

    Raises:
        ValueError: There is none, or more than one.
    """
    for patterns in PATTERNS:
        found = sorted(
            path for pattern in patterns for path in folder.glob(pattern) if not path.name.startswith(OF_TRAINERS)
        )
        if found:
            break
    if len(found) != 1:
        names = ', '.join(path.name for path in found[:5]) or 'none'
        raise ValueError(
            f'a folder must hold one file of weights ({", ".join(f"*{ending}" for ending in ENDINGS)}) or one *{INDEX_ENDING}; '
            f'it holds {names}.'
        )
    return found[0]


def files_of(path: Path) -> list[Path]:
    """A file of weights; or an index, and the files that it names.

    Raises:
        ValueError: The index can't be read, or names files elsewhere or that are missing.
    """
    if not path.name.endswith(INDEX_ENDING):
        return [path]
    return [path, *(path.parent / name for name in sorted(set(read_index(path).values())))]


def read_index(index: Path) -> dict[str, str]:
    """The files of tensors, by the tensors' names.

    Args:
        index: A `*.index.json`; its `weight_map` names the file of every tensor, beside the index.

    Raises:
        ValueError: It is not an index, or names files elsewhere or that are missing.
    """
    content = read_json(index)
    weight_map = content.get('weight_map') if isinstance(content, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise ValueError('it has no weight_map of tensors to files.')
    names = sorted({str(name) for name in weight_map.values()})
    elsewhere = [name for name in names if name != Path(name).name or not name.endswith(ENDINGS)]
    if elsewhere:
        raise ValueError(f'it names {elsewhere[:3]}: only {", ".join(ENDINGS)} files beside it are read.')
    absent = [name for name in names if not (index.parent / name).is_file()]
    if absent:
        raise ValueError(f'{len(absent)} of its {len(names)} files are missing: {", ".join(absent[:3])}.')
    return weight_map


def read_sharded(index: Path, map_location: object) -> dict[str, Tensor]:
    """Reads all tensors that an index lists.

    Raises:
        ValueError: The index can't be used, or the files don't hold what it lists.
    """
    weight_map, tensors = read_index(index), {}
    for name in sorted(set(weight_map.values())):
        content = read_file(index.parent / name, map_location)
        listed = {key for key, file in weight_map.items() if file == name}
        if not isinstance(content, dict) or content.keys() != listed:
            different = sorted(map(str, (content.keys() if isinstance(content, dict) else set()) ^ listed))
            raise ValueError(f'{name} does not match the index: {", ".join(different[:3])} ({len(different)} in all).')
        tensors |= content
    return tensors
