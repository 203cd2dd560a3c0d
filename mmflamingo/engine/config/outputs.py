"""Can what a run leaves be written? Asked before the run, whose results are lost otherwise."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from mmengine.config import Config

from mmflamingo.files import check_output, check_output_folder

from ..errors import ConfigError

HOOKS = ('default_hooks', 'custom_hooks')
FOLDER = 'out_dir'  # the argument of hooks that write


def check_outputs(cfg: Config) -> None:
    """Check the folders that a config names for what a run writes.

    Raises:
        ConfigError: One of them cannot be written.
    """
    for key, folder in _folders(cfg):
        check_folder(key, folder)


def check_folder(name: str, path: str | Path) -> None:
    """Check that results can be written into a folder, which is not made yet.

    Args:
        name: What names it, an option or a key of the config.
        path: The folder.

    Raises:
        ConfigError: They cannot.
    """
    try:
        check_output_folder(path)
    except ValueError as error:
        raise ConfigError(f'{name}: {error}') from error


def check_file(name: str, path: str | Path) -> Path:
    """Check that a file of results can be written; folders above it are made.

    Args:
        name: What names it, an option or a key of the config.
        path: The file.

    Returns:
        Path: The file that is written, links and `~` followed.

    Raises:
        ConfigError: It cannot be written.
    """
    try:
        return check_output(path)
    except ValueError as error:
        raise ConfigError(f'{name}: {error}') from error


def _folders(cfg: Config) -> Iterator[tuple[str, str]]:
    if cfg.get('work_dir'):
        yield 'work_dir', cfg.work_dir
    for section in HOOKS:
        hooks = cfg.get(section) or {}
        for name, hook in hooks.items() if isinstance(hooks, Mapping) else enumerate(hooks):
            if isinstance(hook, Mapping) and isinstance(hook.get(FOLDER), str):
                yield f'{section}.{name}.{FOLDER}', hook[FOLDER]
