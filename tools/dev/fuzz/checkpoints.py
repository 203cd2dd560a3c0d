"""Kind `checkpoints`: other layouts, broken weights, broken files, files with code in them."""

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import torch
from safetensors.torch import save_file

from .cases import CANARY, Case
from .material import Material, outcome, tool
from .mutations import change_bytes

State = dict[str, Any]
HARMLESS, HARMFUL, UNKNOWN = True, False, 'unknown'  # nobody can know of other weights without a checksum


class _Touch:
    """Makes the canary when unpickled."""

    def __reduce__(self) -> tuple:
        return os.system, (f'touch {CANARY}',)


class _Open:
    def __reduce__(self) -> tuple:
        return open, (CANARY, 'w')


def make(material: Material, rng: Random, folder: Path) -> Case:
    """A checkpoint is changed, then tested, converted, or loaded from Python."""
    source = material.folder / 'checkpoint.pth'
    path = folder / 'changed.pth'
    change = rng.choice(
        [
            change_layout,
            change_layout,
            change_weights,
            change_weights,
            change_weights,
            hide_code,
            break_bytes,
            break_bytes,
            break_bytes,
        ]
    )
    name, path, is_same = change(source, path, rng)
    before = {path: path.read_bytes()} if path.is_file() else {}
    way = rng.choice([_tested, _tested, _converted, _loaded])
    work, result = way(material, path, folder)

    def judge() -> str | None:
        if is_same is HARMFUL:
            return f'{name}: no error'
        found = outcome(result)
        return None if is_same is UNKNOWN else material.vqa.difference(found)

    return Case(f'{way.__name__[1:]}: {name}', work, judge, before)


def _tested(material: Material, path: Path, folder: Path) -> tuple[Callable[[], None], Path]:
    return material.test(material.folder, 'vqa.py', folder / 'work', checkpoint=str(path)), folder / 'work'


def _converted(material: Material, path: Path, folder: Path) -> tuple[Callable[[], None], Path]:
    """To the layout of OpenFlamingo, which is then tested."""
    convert = tool(
        'tools/converters/convert_checkpoint.py',
        path,
        folder / 'out.pt',
        '--to',
        'openflamingo_v2',
        '--layers-path',
        'model.layers',
    )
    test = material.test(material.folder, 'vqa.py', folder / 'work', checkpoint=str(folder / 'out.pt'))
    return lambda: (convert(), test()), folder / 'work'


def _loaded(material: Material, path: Path, folder: Path) -> tuple[Callable[[], None], Path]:
    """By get_model, before it is tested."""

    def work() -> None:
        from mmflamingo import get_model
        from mmflamingo.engine.config.cli import user_errors

        with user_errors():
            get_model(material.folder / 'vqa.py', str(path), device='cpu')
        _tested(material, path, folder)[0]()

    return work, folder / 'work'


def change_layout(source: Path, path: Path, rng: Random) -> tuple[str, Path, bool]:
    """The same weights in a file of another layout."""
    state = torch.load(source)['state_dict']
    prefixed = {f'module.{key}': value for key, value in state.items()}
    ways: dict[str, Any] = {
        'bare': state,
        'in model_state_dict': {'model_state_dict': prefixed, 'epoch': 3},
        'in model': {'model': state},
        'module. in front': {'state_dict': prefixed},
        'float64': {'state_dict': {key: value.double() for key, value in state.items()}},
        'with optimizer and meta': {
            'state_dict': state,
            'optimizer': {'state': {}, 'param_groups': []},
            'meta': {'iter': 3},
        },
    }
    name = rng.choice([*ways, 'old format', 'safetensors', 'folder'])
    if name == 'safetensors':
        path = path.with_suffix('.safetensors')
        save_file(_untied(state), path)
    elif name == 'folder':
        path = path.with_suffix('')
        path.mkdir()
        save_file(_untied(state), path / 'model.safetensors')
    elif name == 'old format':
        torch.save({'state_dict': state}, path, _use_new_zipfile_serialization=False)
    else:
        torch.save(ways[name], path)
    return name, path, HARMLESS


def _untied(state: State) -> State:
    return {key: value.clone().contiguous() for key, value in state.items()}


def change_weights(source: Path, path: Path, rng: Random) -> tuple[str, Path, bool]:
    """One weight is broken."""
    state = _untied(torch.load(source)['state_dict'])
    key = rng.choice([key for key, value in state.items() if value.is_floating_point() and value.numel() > 1])
    value = state[key]
    ways: dict[str, Callable[[], Any]] = {
        'NaN': lambda: _with(value, float('nan'), rng),
        'infinite': lambda: _with(value, float('-inf'), rng),
        'ints': lambda: (value * 1000).int(),
        'bools': lambda: value > 0,
        'one more row': lambda: torch.cat([value, value[:1]]),
        'flat': lambda: value.flatten()[None],
        'a list': lambda: value.tolist(),
        'None': lambda: None,
        'a text': lambda: 'weights',
        'complex': lambda: value.to(torch.complex64),
        'empty': lambda: value[:0],
    }
    name = rng.choice([*ways, 'dropped', 'renamed'])
    if name in ways:
        state[key] = ways[name]()
    else:
        kept = state.pop(key)
        if name == 'renamed':
            state[f'{key}_'] = kept
    torch.save({'state_dict': state}, path)
    return f'{name}: {key}', path, HARMFUL


def _with(value: torch.Tensor, number: float, rng: Random) -> torch.Tensor:
    value.view(-1)[rng.randrange(value.numel())] = number
    return value


def hide_code(source: Path, path: Path, rng: Random) -> tuple[str, Path, bool]:
    """Code that unpickling would run."""
    state, hostile = torch.load(source)['state_dict'], rng.choice([_Touch, _Open])()
    places = {
        'instead of a file': lambda: hostile,
        'beside the weights': lambda: {'state_dict': state, 'meta': hostile},
        'as a weight': lambda: {'state_dict': {**state, 'extra': hostile}},
        'as a key': lambda: {'state_dict': state, 'more': [hostile]},
    }
    name = rng.choice(list(places))
    if rng.random() < 0.3:
        path.write_bytes(pickle.dumps(places[name]()))
        return f'code {name}, a pickle', path, HARMFUL
    torch.save(places[name](), path, _use_new_zipfile_serialization=rng.random() < 0.7)
    return f'code {name}', path, HARMFUL


def break_bytes(source: Path, path: Path, rng: Random) -> tuple[str, Path, bool | str | None]:
    """Bytes changed anywhere: an error, or the same weights where the file has checksums."""
    if rng.random() < 0.1:
        shutil.copy(source, path)
        os.truncate(path, rng.randrange(path.stat().st_size))
        return 'cut', path, HARMFUL
    if rng.random() < 0.2:
        path = path.with_suffix('.safetensors')
        save_file(_untied(torch.load(source)['state_dict']), path)
        name, content = change_bytes(path.read_bytes()[: rng.choice([200, 10**9])], rng)
        path.write_bytes(content)
        return f'safetensors, {name}', path, HARMFUL if len(content) < source.stat().st_size // 2 else UNKNOWN
    name, content = change_bytes(source.read_bytes(), rng)
    path.write_bytes(content)
    return name, path, HARMFUL if name == 'bytes: empty' else None
