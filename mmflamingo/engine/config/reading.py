"""Reading a config. Configs are Python files, which run when they are read: read only those whose code you trust."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config
from mmengine.fileio.handlers import yaml_handler

from mmflamingo.paths import below

from ..errors import ConfigError, MissingFilesError
from .options import merge_options
from .sections import RUNNER_KEYS

# mmengine's own loader builds any Python object that a file names, also in a yaml file that a config builds on.
yaml_handler.Loader = yaml.SafeLoader


def load_config(path: str, options: Mapping[str, Any] | None = None) -> Config:
    """Read a config and merge options into it, see `merge_options`.

    Raises:
        MissingFilesError: There is no such file.
        ConfigError: The file or an option is wrong.
    """
    path = below(None, path)
    if not Path(path).is_file():
        raise MissingFilesError(_missing(Path(path)))
    if Path(path).suffix != '.py':
        raise ConfigError(f'{path} is not a config: configs are Python files (.py). Write its settings in one.')
    try:
        cfg = Config.fromfile(path)
    except FileNotFoundError as error:
        hint = _similar_files(Path(error.filename), list_all=True) if error.filename else ''
        raise MissingFilesError(f'{path} builds on a file that does not exist: {error}.{hint}') from error
    except Exception as error:
        raise ConfigError(f'{path} cannot be read: {type(error).__name__}: {error}') from error
    merge_options(cfg, options or {}, RUNNER_KEYS)
    return cfg


def _missing(path: Path) -> str:
    if path.exists():
        return f'Config {path} is not a file.'
    return f'Config {path} does not exist.{_similar_files(path)}'


def _similar_files(path: Path, list_all: bool = False) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f' The folder {folder} does not exist either.'
    names = sorted(p.name for p in folder.glob('*.py'))
    close = get_close_matches(path.name, names, n=1)
    hint = f' Did you mean {folder / close[0]}?' if close else ''
    if names and (list_all or not close):
        hint += f' In {folder} there are: {", ".join(names)}.'
    return hint
