"""Where files lie: this project's own ones, and which file a path in a config means."""

from os.path import expanduser, join
from pathlib import Path

from mmengine.utils import is_abs

REPOSITORY = Path(__file__).resolve().parents[1]
CONFIGS = REPOSITORY / 'configs'
PROTOCOLS = CONFIGS / '_base_' / 'protocols'


def below(folder: str | None, path: str) -> str:
    """The file or folder that a config means by a path: below `folder`, unless the path is absolute or a URL.

    `~` is the user's home, in both. Readers, checks of files and digests all ask here.
    """
    path = expanduser(path)
    return path if not folder or is_abs(path) else join(expanduser(folder), path)
