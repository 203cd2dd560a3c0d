"""Are all the files there that a run needs? Asked before anything is loaded."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from itertools import chain
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

from mmengine.config import Config
from mmengine.fileio import LocalBackend, get_file_backend

from mmflamingo.datasets.clips import split_clip
from mmflamingo.datasets.members import members
from mmflamingo.files import within
from mmflamingo.paths import below

from ..errors import MissingFilesError
from ..loading.cache import cached_path, find_cached, is_url

SECTIONS = (
    *('model', 'train_dataloader', 'val_dataloader', 'test_dataloader'),
    *('val_evaluator', 'test_evaluator'),
)
FILES_OF = {'shot_selector': ('features', 'file')}  # keys of files, beside those in `_file`, by the part they are in
HUB_PREFIX = 'hf://'
HOW_TO_GET = 'how_to_get'
NETWORK_TIMEOUT = 5  # seconds
MISSING_SHOWN = 10


@dataclass(frozen=True)
class Missing:
    """Something a run needs and can't have.

    Attributes:
        key: Where the config names it, or the argument of the command line.
        path: File, folder or URL.
        reason: Why it can't be had.
        how: How one gets it.
    """

    key: str
    path: str
    reason: str
    how: str


def check_files(cfg: Config, checkpoint: str | None = None) -> None:
    """Check that all files which a config and a checkpoint argument name are there.

    Args:
        cfg: The config. Its top-level dicts whose names start with `how_to_get` say, by key, by
            path or by folder, how its files are had.
        checkpoint: Path or URL of the checkpoint to load.

    Raises:
        MissingFilesError: Lists all that is missing, where it has to lie, and how one gets it.
    """
    missing = find_missing(cfg, checkpoint)
    if missing:
        raise MissingFilesError(describe(missing))


def check_media(dataset: object) -> None:
    """Check that all pictures and videos of a set are there, before the first of them is missed.

    Args:
        dataset: A `FlamingoDataset`, or what wraps some; others are not checked.

    Raises:
        MissingFilesError: Gives the number of those missing and names the first ten.
    """
    paths = chain.from_iterable(getattr(member, 'media_paths', list)() for member in members(dataset))
    files = dict.fromkeys(split_clip(path)[0] for path in paths if isinstance(path, str))
    local = [file for file in files if isinstance(get_file_backend(file), LocalBackend)]
    missing = [file for file in local if not os.path.isfile(file)]
    if missing:
        first = '\n  '.join(missing[:MISSING_SHOWN])
        more = f'\n  and {len(missing) - MISSING_SHOWN} more' if len(missing) > MISSING_SHOWN else ''
        raise MissingFilesError(
            f'{len(missing)} of {len(files)} images or videos are missing:\n  {first}{more}\n'
            "Put them there, or correct data_root and data_prefix['img_path'] of the dataset."
        )


def find_missing(cfg: Config, checkpoint: str | None = None) -> list[Missing]:
    """All that `check_files` would complain of."""
    how_to_get = {path: how for key in cfg if key.startswith(HOW_TO_GET) for path, how in cfg[key].items()}
    missing = {}
    for key, path in _needed(cfg, checkpoint):
        reason = _why_not(path)
        if reason:
            how = _how(key, path, how_to_get)
            missing.setdefault(path, Missing(key, path, reason, how))
    return list(missing.values())


def describe(missing: list[Missing]) -> str:
    """One message for all; what is got in the same way stands together."""
    count = '1 thing is' if len(missing) == 1 else f'{len(missing)} things are'
    lines = [f'{count} missing (paths are relative to {Path.cwd()}):']
    for how in dict.fromkeys(item.how for item in missing):
        lines.append('')
        for item in missing:
            if item.how == how:
                lines.append(f'  {item.path}\n      {item.key}: {item.reason}')
        lines += [f'  -> {line}' if i == 0 else f'     {line}' for i, line in enumerate(how.split('\n'))]
    return '\n'.join(lines)


def _needed(cfg: Config, checkpoint: str | None) -> Iterator[tuple[str, str]]:
    for section in SECTIONS:
        yield from _named_files(cfg.get(section), section)
    if checkpoint:
        yield 'CHECKPOINT', checkpoint


def _named_files(node: object, key: str) -> Iterator[tuple[str, str]]:
    """Keys and paths of the files that a part of a config names."""
    if isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _named_files(value, f'{key}[{index}]')
    if not isinstance(node, Mapping):
        return
    root = node.get('data_root')
    own_files = FILES_OF.get(key.split('.')[-1], ())
    for name, value in node.items():
        inner = f'{key}.{name}'
        if name.endswith('data_prefix') and isinstance(value, Mapping):
            for kind, folder in value.items():
                yield f'{inner}.{kind}', below(root, folder)
        elif not isinstance(value, str) or not value:
            yield from _named_files(value, inner)
        elif name.endswith('_file'):
            yield inner, below(root, value)
        elif name in own_files or name == 'pretrained' or (name == 'checkpoint' and node.get('type') == 'Pretrained'):
            yield inner, below(None, value)


def _why_not(path: str) -> str | None:
    """Why a file, folder or URL can't be had; None if it can."""
    if is_url(path):
        if find_cached(path):
            return None
        address = urlparse(path)
        refusal = _unreachable(address.netloc, address.scheme)
        return refusal and f'{refusal}, and there is no {cached_path(path)}'
    if path.startswith(HUB_PREFIX):
        name = path.removeprefix(HUB_PREFIX)
        if _in_hub_cache(name):
            return None
        refusal = _unreachable('huggingface.co')
        return refusal and f'{refusal}, and it is not in the cache of huggingface_hub'
    if not isinstance(get_file_backend(path), LocalBackend):
        return None  # another storage, which its readers ask
    local = Path(path).expanduser()
    if not local.exists():
        return 'does not exist'
    return None if local.is_file() or local.is_dir() else 'is neither a file nor a folder'


def _in_hub_cache(name: str) -> bool:
    from huggingface_hub.constants import HF_HUB_CACHE

    return (Path(HF_HUB_CACHE) / f'models--{name.replace("/", "--")}').is_dir()


@cache
def _unreachable(host: str, scheme: str = 'https') -> str | None:
    """Why a host can't be reached, asked once; None if it answers, whatever it answers."""
    try:
        request = Request(f'{scheme}://{host}', method='HEAD')
        within(2 * NETWORK_TIMEOUT, lambda: urlopen(request, timeout=NETWORK_TIMEOUT).close())
    except HTTPError:
        return None
    except (OSError, HTTPException, ValueError) as error:
        return f'{scheme}://{host} cannot be reached ({getattr(error, "reason", error)})'
    return None


def _how(key: str, path: str, how_to_get: Mapping[str, str]) -> str:
    """The config's own words for a key or the longest path; else what can be said of any file."""
    if key in how_to_get:
        return how_to_get[key]
    folders = [known for known in how_to_get if Path(known) in (Path(path), *Path(path).parents)]
    if folders:
        return how_to_get[max(folders, key=len)]
    if is_url(path):
        return (
            'Download it where there is a network and give the path of the file as CHECKPOINT'
            if key == 'CHECKPOINT'
            else f'Download it where there is a network and set {key} to the path of the file'
        ) + f', or copy it to {cached_path(path)}.'
    if key == 'CHECKPOINT':
        return 'Give the path or the URL of a checkpoint.'
    return f'Put it there, or set {key} (also by --cfg-options).'
