"""Where a Hugging Face folder named in a config lies."""

from pathlib import Path
from typing import Any

HUB_PREFIX = 'hf://'


def locate_pretrained(pretrained: str, key: str) -> tuple[str, dict[str, Any]]:
    """Checks a `pretrained` entry before transformers sees it.

    Args:
        pretrained: A local folder, or `hf://organisation/name` to allow a download from the Hugging
            Face hub.
        key: Config key the value comes from, for the error.

    Returns:
        tuple: Name and keyword arguments for `from_pretrained`.

    Raises:
        FileNotFoundError: The folder does not exist.
    """
    if pretrained.startswith(HUB_PREFIX):
        return pretrained.removeprefix(HUB_PREFIX), {}
    folder = Path(pretrained).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(
            f'{key} = {pretrained!r}: no such folder. Put the Hugging Face files there, set {key} '
            f'to the folder that has them, or write {HUB_PREFIX}organisation/name to download them '
            'from the hub.'
        )
    return str(folder), {'local_files_only': True}
