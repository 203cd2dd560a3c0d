"""Where Hugging Face files named in a config lie."""

from pathlib import Path
from typing import Any

HUB_PREFIX = 'hf://'
GGUF = '.gguf'


def locate_pretrained(pretrained: str, key: str) -> tuple[str, dict[str, Any]]:
    """Checks a `pretrained` entry before transformers sees it.

    Args:
        pretrained: A local folder, or `hf://organisation/name` to allow a download from the Hugging
            Face hub. Either may end in the name of a `.gguf` file in it.
        key: Config key the value comes from, for the error.

    Returns:
        tuple: Name and keyword arguments for `from_pretrained`.

    Raises:
        FileNotFoundError: The folder or the `.gguf` file does not exist.
    """
    folder, kwargs = pretrained, {}
    if pretrained.endswith(GGUF):
        folder, _, kwargs['gguf_file'] = pretrained.rpartition('/')
    if pretrained.startswith(HUB_PREFIX):
        return folder.removeprefix(HUB_PREFIX), kwargs
    path = Path(pretrained).expanduser()
    if not (path.is_file() if 'gguf_file' in kwargs else path.is_dir()):
        what = 'file' if 'gguf_file' in kwargs else 'folder'
        raise FileNotFoundError(
            f'{key} = {pretrained!r}: no such {what}. Put the Hugging Face files there, set {key} '
            f'to the folder that has them, or write {HUB_PREFIX}organisation/name to download them '
            'from the hub.'
        )
    return str(Path(folder or '.').expanduser()), {'local_files_only': True, **kwargs}
