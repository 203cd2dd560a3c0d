"""QuickGELU or GELU: which of the two the weights of a CLIP were trained with.

The weights themselves don't tell, and with the wrong one a model works, only worse. Their origin often does.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from mmengine.logging import print_log

from mmflamingo.files import read_json

GELU_NAMES = ('laion', 'datacomp')


def check_activation(act: str, key: str, path: str, checkpoint: Mapping) -> None:
    """Compares the activation of a config with the origin of the weights.

    Args:
        act: 'quick_gelu' or 'gelu'.
        key: Config key that says so.
        path: File or folder of the weights.
        checkpoint: What was read from it.

    Raises:
        ValueError: The origin says the other. A mere name of a file that says so is a warning.
    """
    certain = _by_archive(checkpoint) or _by_config(Path(path).expanduser())
    if certain and certain[0] != act:
        raise ValueError(f'{path} was trained with {certain[0]} ({certain[1]}), the config says {act}: correct {key}.')
    named = None if certain else _by_name(Path(path).name.lower())
    if named and named != act:
        print_log(
            f'The config says {act}, but weights with a name like {path} were trained with {named}: correct {key}, '
            'unless you know better.',
            'current',
            level=logging.WARNING,
        )


def _by_archive(checkpoint: Mapping) -> tuple[str, str] | None:
    if checkpoint.get('format') == 'TorchScript':
        return 'quick_gelu', "a TorchScript archive, OpenAI's form"
    return None


def _by_config(path: Path) -> tuple[str, str] | None:
    """What the config beside the weights says, of transformers or of open_clip."""
    folder = path if path.is_dir() else path.parent
    theirs = _read(folder / 'config.json')
    vision = theirs.get('vision_config', theirs)
    act = vision.get('hidden_act') if isinstance(vision, dict) else None
    if act in ('quick_gelu', 'gelu') and 'clip' in str(theirs.get('model_type')):
        return act, f'hidden_act in {folder / "config.json"}'
    settings = _read(folder / 'open_clip_config.json').get('model_cfg')
    if isinstance(settings, dict):
        return 'quick_gelu' if settings.get(
            'quick_gelu'
        ) else 'gelu', f'quick_gelu in {folder / "open_clip_config.json"}'
    return None


def _by_name(name: str) -> str | None:
    if 'openai' in name:
        return 'quick_gelu'
    return 'gelu' if any(origin in name for origin in GELU_NAMES) else None


def _read(path: Path) -> dict:
    if not path.exists():
        return {}
    content = read_json(path)
    if not isinstance(content, dict):
        raise ValueError(f'{path} holds a {type(content).__name__}, expected settings in braces.')
    return content
