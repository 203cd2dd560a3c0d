"""Identity is content: which files a prediction or a score depends on, and the digests of what is in them."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from mmengine.fileio import LocalBackend, get_file_backend
from torch.utils.data import Dataset

from mmflamingo.datasets.clips import split_clip
from mmflamingo.datasets.members import members
from mmflamingo.paths import below

from ..config.preflight import HUB_PREFIX
from ..errors import CheckpointError
from ..loading.cache import cached_path, find_cached, is_url
from ..loading.sharded import files_of, find_weights_file
from .file_digests import digest_file, digest_files, digest_folder
from .plain_json import to_plain

# Keys whose folders count with every file in them.
FOLDERS = ('pretrained', 'wordnet_dir')
# Keys of files that are written, and of names that are not files.
NOT_READ = ('type', 'data_root', 'file_path', 'out_file_path')

Digest = str | dict[str, str]


def digest_named_files(node: object) -> dict[str, Digest]:
    """Digests of the files that a part of a config names.

    A string that names a file, as it is or below the `data_root` beside it, is one, and so is a folder of FOLDERS.

    Returns:
        By the full key in the part: SHA-256 of the file, or those of a folder's files by their names.
    """
    found = dict(_named_files(node))
    return {key: digest_folder(path) if path.is_dir() else digest_file(path) for key, path in found.items()}


def digest_checkpoint(path: str | None) -> Digest | None:
    """SHA-256 of a checkpoint's file, or of each of several by its name; None without one, or before it is downloaded.

    Raises:
        FileNotFoundError: It does not exist.
        CheckpointError: A folder or an index does not say which files are meant.
    """
    if path is None:
        return None
    local = find_cached(path) if is_url(path) else Path(path).expanduser()
    if local is None:
        return None
    if not local.exists():
        raise FileNotFoundError(f'Checkpoint {path} does not exist.')
    try:
        files = files_of(find_weights_file(local) if local.is_dir() else local)
    except ValueError as error:
        raise CheckpointError(f'{path}: {error}') from error
    digests = digest_files(files)
    return digests[0] if len(files) == 1 else {part.name: sha256 for part, sha256 in zip(files, digests, strict=True)}


def digest_records(dataset: Dataset) -> str | None:
    """Digest of all queries and supports, without the folders they lie in; None for sets that have no records."""
    digests = [_digest_of_records(member) for member in members(dataset)]
    return digests[0] if len(digests) == 1 else _digest_of(digests)


def digest_media(dataset: Dataset) -> str | None:
    """Digest of the contents of all pictures and videos that queries and shots may show, in their order.

    Files that do not lie on a local disk count by their names. None for sets that do not say what they show.
    """
    shown = [member.media_paths() for member in members(dataset) if hasattr(member, 'media_paths')]
    paths = [path for path in chain.from_iterable(shown) if isinstance(path, str)]
    return _digest_of(digest_contents(paths)) if shown else None


def digest_features(dataset: Dataset) -> str | None:
    """Digest of the image features by which shots are chosen; None where there are none, or none yet."""
    selectors = [getattr(member, 'shot_selector', None) for member in members(dataset)]
    found = [selector.features for selector in selectors if getattr(selector, 'features', None) is not None]
    sha256 = hashlib.sha256()
    for features in found:
        sha256.update(repr(features.image_ids).encode())
        sha256.update(features.vectors.contiguous().view(torch.uint8).numpy())
    return sha256.hexdigest() if found else None


def digest_contents(paths: Sequence[str]) -> list[str]:
    """What stands for the contents of pictures and videos, wherever they lie.

    Args:
        paths: Their paths; those of clips say which part of a video they are.

    Returns:
        SHA-256 of each file, with the part of a clip; a path as it is where the file does not lie on a local disk.
    """
    files = [split_clip(path)[0] for path in paths]
    is_local = {folder: isinstance(get_file_backend(folder), LocalBackend) for folder in map(os.path.dirname, files)}
    local = [file for file in dict.fromkeys(files) if is_local[os.path.dirname(file)]]
    contents = dict(zip(local, digest_files(local), strict=True))
    return [
        f'{contents[file]}{path[len(file) :]}' if contents.get(file) else path
        for file, path in zip(files, paths, strict=True)
    ]


def _named_files(node: object, key: str = '', root: str = '') -> Iterator[tuple[str, Path]]:
    if isinstance(node, Mapping):
        items, root = node.items(), node.get('data_root') or ''
    else:
        items = enumerate(node) if isinstance(node, list | tuple) else ()
    for name, value in items:
        inner = f'{key}.{name}' if key else str(name)
        if not isinstance(value, str):
            yield from _named_files(value, inner, root)
        elif name not in NOT_READ and (path := _locate(name, value, root)):
            yield inner, path


def _locate(name: str | int, value: str, root: str) -> Path | None:
    """The file or folder that a string of a config means; None for most strings."""
    if name in FOLDERS and (path := _pretrained(value)).exists():
        return path
    candidates = dict.fromkeys([below(root, value), below(None, value)])
    return next((Path(path) for path in candidates if os.path.isfile(path)), None)


def _pretrained(value: str) -> Path:
    """Where the weights of a part lie, or will lie once they are downloaded."""
    if is_url(value):
        return find_cached(value) or cached_path(value)
    if not value.startswith(HUB_PREFIX):
        return Path(value).expanduser()
    from huggingface_hub.constants import HF_HUB_CACHE

    owner, name, *file = f'{value.removeprefix(HUB_PREFIX)}/'.split('/', 2)
    folder = Path(HF_HUB_CACHE) / f'models--{owner}--{name}'
    revision = folder / 'refs' / 'main'
    commit = revision.read_text(encoding='utf-8').strip() if revision.is_file() else 'none'
    return Path(folder / 'snapshots' / commit, *file)


def _digest_of_records(dataset: Dataset) -> str | None:
    if hasattr(dataset, 'get_query'):
        queries, supports = dataset.get_query, dataset.get_support
        records = chain(map(queries, range(len(dataset))), map(supports, range(dataset.num_supports)))
    elif hasattr(dataset, 'get_data_info'):
        records = map(dataset.get_data_info, range(len(dataset)))
    else:
        return None
    sha256 = hashlib.sha256()
    for record in records:
        is_plain = isinstance(record, Mapping)
        fields = {name: value for name, value in record.items() if name != 'img_path'} if is_plain else record
        sha256.update(json.dumps(fields, sort_keys=True, default=to_plain).encode())
    return sha256.hexdigest()


def _digest_of(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
