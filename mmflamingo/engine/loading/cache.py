"""Where downloaded checkpoints lie: one file for each URL."""

import hashlib
import logging
import os
import re
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import torch
from mmengine.logging import print_log

from mmflamingo.files import Limits, check_regular, fetch

from ..errors import CheckpointError
from ..launch import on_main_rank
from ..testing.file_digests import digest_file

URL_PREFIXES = ('http://', 'https://')
# torch's own convention: `name-<first digits of the file's SHA-256>.pth`; eight digits of a date are none.
HASH_IN_NAME = re.compile(r'-(?!20\d{6}\.)([a-f0-9]{8,64})\.')
LONGEST_NAME = 100
URL_DIGITS = 12


def is_url(path: str) -> bool:
    return str(path).lower().startswith(URL_PREFIXES)


def cached_path(url: str) -> Path:
    """Where the download of `url` lies, or will lie: in the cache of torch hub, by the file's name and the whole URL.

    OpenFlamingo's models all end in /checkpoint.pt, so the name alone would make one file of them.

    Raises:
        CheckpointError: It is not a URL.
    """
    try:
        url, name = urldefrag(url).url, _name(url)
    except ValueError as error:
        raise CheckpointError(f'{url!r} is not a valid URL: {error}.') from error
    stem, dot, ending = name.rpartition('.')
    digits = hashlib.sha256(url.encode()).hexdigest()[:URL_DIGITS]
    return _folder() / (f'{stem}.{digits}.{ending}' if stem and dot else f'{ending}.{digits}')


def find_cached(url: str) -> Path | None:
    """The download of `url`, if it is there.

    A file that torch hub left under the bare name is taken, too, if its checksum is in the URL: then it is certainly the right one.
    """
    path = cached_path(url)
    if path.exists():
        return path
    bare = _folder() / _name(url)
    digits = sha256_in_name(url)
    if digits is None or not bare.is_file() or not digest_file(bare).startswith(digits):
        return None
    try:
        os.link(bare, path)
    except OSError:  # a file system without hard links
        path.symlink_to(bare)
    return path


def download(url: str, sha256: str | None = None) -> Path:
    """Downloads a checkpoint unless it is there; in several processes the first one does.

    Args:
        url: http or https.
        sha256: The file's SHA-256, or its first digits; by default those in its name, if there are any.

    Returns:
        Path: Where it lies, complete and checked.

    Raises:
        CheckpointError: It could not be downloaded, or is another file than expected.
    """
    digits = sha256 or sha256_in_name(url)
    return on_main_rank(lambda: _find_checked(url, digits) or _fetch(url, digits))


def sha256_in_name(url: str) -> str | None:
    """First digits of the SHA-256 that a file's name ends in, by the convention of torch hub and OpenMMLab."""
    found = HASH_IN_NAME.search(_name(url))
    return found and found.group(1)


def check_sha256(path: Path, expected: str) -> None:
    """Checks that a file is the one of a SHA-256, or of its first digits; one that stays as it is, is read once.

    Raises:
        ValueError: It is another one.
    """
    if not (found := digest_file(path)).startswith(expected):
        raise ValueError(
            f'its SHA-256 is {found}, expected {expected}: it is damaged, or not the file that was published.'
        )


def _find_checked(url: str, sha256: str | None) -> Path | None:
    path = find_cached(url)
    if path is None or sha256 is None:
        return path
    try:
        check_sha256(path, sha256)
    except ValueError as error:
        raise CheckpointError(
            f'{path} is not the file of {url}: {error} Remove it and it is downloaded again.'
        ) from error
    return path


def _fetch(url: str, sha256: str | None) -> Path:
    path = cached_path(url)

    def check(draft: Path) -> None:
        try:
            check_regular(draft)
            if sha256:
                check_sha256(draft, sha256)
        except ValueError as error:
            raise OSError(str(error).replace(str(draft), 'what came').rstrip('.')) from error

    print_log(f'Downloading {url} to {path}', 'current', logging.INFO)
    try:
        fetch(url, path, Limits.from_environment(), check)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f'{url} could not be downloaded: {error}. Download it elsewhere and give the path of the file, or put it at '
            f'{path}.{_about_bare_file(url)}'
        ) from error
    return path


def _about_bare_file(url: str) -> str:
    bare = _folder() / _name(url)
    if not bare.exists():
        return ''
    return f' {bare} is not taken for it, as other URLs end in the same name: if you know that it is this file, move it there.'


def _folder() -> Path:
    return Path(torch.hub.get_dir()) / 'checkpoints'


def _name(url: str) -> str:
    """The readable name of a URL's file."""
    return re.sub(r'[^\w.+=-]', '_', unquote(Path(urlparse(url).path).name))[-LONGEST_NAME:] or 'checkpoint'
