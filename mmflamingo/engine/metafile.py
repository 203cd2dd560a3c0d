"""The model zoo's index: which weights belong to a config."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

FILE_NAME = 'metafile.yml'


@dataclass(frozen=True)
class ZooModel:
    """One entry of a metafile.

    Attributes:
        name: Name of the model.
        config: Path of its config.
        weights: URL, or path of a file; None if none are published.
    """

    name: str
    config: Path
    weights: str | None


def read_metafile(path: Path) -> Iterator[ZooModel]:
    """The models of a metafile.

    A metafile lists `Models`, each with a `Config` and perhaps `Weights`: a URL, or a path. Paths
    are relative to the repository, two folders above the metafile's own.
    """
    repository = path.resolve().parents[2]
    for model in yaml.safe_load(path.read_text(encoding='utf-8')).get('Models', ()):
        weights = model.get('Weights')
        if weights and '://' not in weights:
            weights = str(repository / weights)
        yield ZooModel(model['Name'], repository / model['Config'], weights)


def find_weights(config: str | Path) -> str | None:
    """The weights that the metafile next to a config names for it.

    Args:
        config: Path of a config.

    Returns:
        A URL or the path of a file, or None if no metafile names weights.
    """
    config = Path(config).resolve()
    metafile = config.parent / FILE_NAME
    models = read_metafile(metafile) if metafile.is_file() else ()
    return next((model.weights for model in models if model.config == config), None)
