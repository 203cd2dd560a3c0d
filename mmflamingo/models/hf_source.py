"""Where Hugging Face files named in a config lie, and whether they can be what they should be."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmflamingo.files import check_regular, plain_reason, read_json

HUB_PREFIX = 'hf://'
GGUF = '.gguf'
GGUF_BEGINNING = b'GGUF'
# Files that transformers reads beside weights; the small ones among them are parsed here, so that errors name them.
TEXTS = ('.json', '.txt', '.model', '.jinja', '.tiktoken')
PARSED_TO = 2**20  # bytes
ATTENTION = re.compile(r'_?attn_implementation')


def locate_pretrained(pretrained: str, key: str) -> tuple[str, dict[str, Any]]:
    """Checks a `pretrained` entry before transformers sees it.

    Args:
        pretrained: A local folder, or `hf://organisation/name` to allow a download from the Hugging
            Face hub. Either may end in the name of a `.gguf` file in it.
        key: Config key the value comes from, for the error.

    Returns:
        tuple: Name and keyword arguments for `from_pretrained`; no code that lies there is to run.

    Raises:
        FileNotFoundError: The folder or the `.gguf` file does not exist.
        ValueError: A file in it is not a regular one, empty, a pointer to another one, or broken JSON.
    """
    folder, kwargs = pretrained, {'trust_remote_code': False}
    if pretrained.endswith(GGUF):
        folder, _, kwargs['gguf_file'] = pretrained.rpartition('/')
    if pretrained.startswith(HUB_PREFIX):
        return folder.removeprefix(HUB_PREFIX), kwargs
    path = Path(pretrained).expanduser()
    if not (path.exists() if 'gguf_file' in kwargs else path.is_dir()):
        what = 'file' if 'gguf_file' in kwargs else 'folder'
        raise FileNotFoundError(
            f'{key} = {pretrained!r}: no such {what}. Put the Hugging Face files there, set {key} '
            f'to the folder that has them, or write {HUB_PREFIX}organisation/name to download them '
            'from the hub.'
        )
    try:
        _check_gguf(path) if 'gguf_file' in kwargs else _check_folder(path)
    except (ValueError, FileNotFoundError) as error:  # a broken link
        raise ValueError(f'{key} = {pretrained!r} cannot be used: {error}') from error
    return str(Path(folder or '.').expanduser()), {'local_files_only': True, **kwargs}


def is_local(pretrained: str) -> bool:
    """Whether an entry names a folder here, not a `.gguf` file or one on the hub."""
    return not pretrained.endswith(GGUF) and not pretrained.startswith(HUB_PREFIX)


@contextmanager
def reading(what: str, pretrained: str, key: str) -> Iterator[None]:
    """Turns whatever a library raises on files that it can't read into one sentence.

    Raises:
        ValueError: Names what could not be read, the config key, the path and the reason, without advice to run code.
    """
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != 'PanicException':  # of libraries in Rust
            raise
        if 'trust_remote_code' in str(error):
            reason = 'only Python code that lies beside it could read it, and such code is not run. Use one that transformers has.'
        else:
            reason = plain_reason(error)
        raise ValueError(f'No {what} could be read from {key} = {pretrained!r}: {reason}') from error


def _check_gguf(path: Path) -> None:
    with check_regular(path).open('rb') as file:
        if file.read(len(GGUF_BEGINNING)) != GGUF_BEGINNING:
            raise ValueError(f'{path} is not a GGUF file.')


def _check_folder(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.suffix in TEXTS and not path.is_dir():
            check_regular(path)
            if path.suffix == '.json' and path.stat().st_size <= PARSED_TO:
                content = read_json(path)
                if path.name.endswith('config.json'):
                    _check_settings(content, path)


def _check_settings(content: Any, path: Path) -> None:
    if not isinstance(content, dict):
        raise ValueError(f'{path} holds a {type(content).__name__}, expected settings in braces.')
    for name, value in content.items():
        if ATTENTION.fullmatch(name) and '/' in str(value):
            raise ValueError(f'{path} names code of the hub as {name}: {value!r}. Such code is not run.')
