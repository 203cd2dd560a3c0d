"""Configurations of Hugging Face models, which take any key: those that are misspelt would change nothing, in silence."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from transformers import CONFIG_MAPPING

ALIKE = 0.85  # from this on, an unknown key is taken for a misspelt one; others may be keys of an earlier version


def find_config_mistakes(path: str, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield one sentence for an unknown `model_type`, and for each key that looks like another one.

    Args:
        path: The key of the configuration in a config of this project.
        config: Its fields.
    """
    model_type = config.get('model_type')
    if model_type not in CONFIG_MAPPING:
        close = get_close_matches(str(model_type), CONFIG_MAPPING.keys(), n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ''
        yield f'{path}.model_type is {model_type!r}, which transformers does not know.{hint}'
        return
    known = _fields(model_type)
    for key in config.keys() - known:
        if close := get_close_matches(key, known, n=1, cutoff=ALIKE):
            yield f"{path}.{key} is not a field of {CONFIG_MAPPING[model_type].__name__}. Did you mean '{close[0]}'?"


@cache
def _fields(model_type: str) -> set[str]:
    kind = CONFIG_MAPPING[model_type]
    try:
        own = kind().to_dict()
    except Exception:  # two of 822 have no configuration without arguments: nothing is taken for misspelt there
        return set()
    return {'model_type', *own, *getattr(kind, 'attribute_map', {})}
