"""Kind `trainings`: two iterations from changed weights or captions, and their continuation from changed files."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import torch

from .cases import Case
from .checkpoints import HARMFUL, HARMLESS, break_bytes, change_layout, change_weights, hide_code
from .material import Material, tool, write_configs
from .mutations import change_bytes, change_text_of_json

CHANGES = (change_layout, change_weights, hide_code, break_bytes)


def make(material: Material, rng: Random, folder: Path) -> Case:
    """A short training."""
    return rng.choice([_start, _start, _captions, _continuation, _continuation])(material, rng, folder)


def _training(folder: Path, *more: object) -> Callable[[], None]:
    return tool('tools/train.py', folder / 'training.py', '--work-dir', folder / 'work', *more)


def _start(material: Material, rng: Random, folder: Path) -> Case:
    """The weights that it starts from are changed."""
    write_configs(folder, material.folder)
    name, path, is_same = rng.choice(CHANGES)(material.folder / 'checkpoint.pth', folder / 'changed.pth', rng)
    work = _training(folder, '--cfg-options', f'load_from={path}')
    return Case(f'start, {name}', work, lambda: _fault(material, folder, name, is_same))


def _captions(material: Material, rng: Random, folder: Path) -> Case:
    """The captions are changed; that the reader takes them by type is the matter of `annotations`."""
    shutil.copytree(material.folder / 'data', folder / 'data')
    write_configs(folder, folder)
    shutil.copy(material.folder / 'checkpoint.pth', folder)
    path = folder / 'data' / 'captions.json'
    name, content = change_text_of_json(json.loads(path.read_text()), rng)
    path.write_bytes(content)
    return Case(f'captions, {name}', _training(folder), lambda: _fault(material, folder, name, None))


def _continuation(material: Material, rng: Random, folder: Path) -> Case:
    """The checkpoint that it is continued from is changed, or what names it."""
    write_configs(folder, material.folder)
    shutil.copytree(material.folder / 'work_training', folder / 'work')
    path = folder / 'work' / 'iter_2.pth'
    if rng.random() < 0.3:
        name = rng.choice(['empty', 'none.pth', '/etc/passwd', '../iter_2.pth', 'iter_2.pth\n', '\x00'])
        (folder / 'work' / 'last_checkpoint').write_text('' if name == 'empty' else name)
        name, is_same = f'last_checkpoint {name!r}', None
    elif rng.random() < 0.3:
        name, _, is_same = hide_code(path, path, rng)
    else:
        name, content = change_bytes(path.read_bytes(), rng)
        is_same = HARMFUL if name == 'bytes: empty' else None
        path.write_bytes(content)
    work = _training(folder, '--resume', '--cfg-options', f'load_from={material.folder / "checkpoint.pth"}')
    return Case(f'continued, {name}', work, lambda: _fault(material, folder, name, is_same))


def _fault(material: Material, folder: Path, name: str, is_same: bool | str | None) -> str | None:
    """What is wrong with the weights that were trained."""
    if is_same is HARMFUL:
        return f'{name}: no error'
    expected = torch.load(material.folder / 'work_training' / 'iter_2.pth')['state_dict']
    found = torch.load(folder / 'work' / 'iter_2.pth')['state_dict']
    if found.keys() != expected.keys() or not all(value.isfinite().all() for value in found.values()):
        return f'{name}: other parameters, or some that are not finite'
    if is_same is HARMLESS and not all(torch.allclose(found[key], expected[key], atol=1e-5) for key in found):
        return f'{name}: other weights'
    return None
