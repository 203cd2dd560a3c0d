"""The model zoo's index: which weights belong to a config."""

from pathlib import Path

import yaml

FILE_NAME = 'metafile.yml'


def find_weights(config: str | Path) -> str | None:
    """The `Weights` that the metafile next to a config names for it.

    A metafile lists `Models`, each with a `Config`, relative to the repository. `Weights` are a URL
    or a path relative to the repository as well.

    Args:
        config: Path of a config.

    Returns:
        A URL or the path of a file, or None if no metafile names weights.
    """
    config = Path(config).resolve()
    metafile = config.parent / FILE_NAME
    if not metafile.is_file():
        return None
    for model in yaml.safe_load(metafile.read_text(encoding='utf-8')).get('Models', ()):
        listed = Path(model['Config'])
        if config.parts[-len(listed.parts) :] == listed.parts and model.get('Weights'):
            weights = model['Weights']
            if '://' in weights:
                return weights
            repository = config.parents[len(listed.parts) - 1]
            return str(repository / weights)
    return None
