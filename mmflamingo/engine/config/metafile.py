"""The model zoo's index: which weights belong to a config, and what scores are known."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from mmflamingo.paths import CONFIGS

from ..errors import ConfigError

FILE_NAME = 'metafile.yml'
ORIGINS = ('quoted', 'measured')


@dataclass(frozen=True)
class ZooResult:
    """One score of a model.

    Attributes:
        benchmark: Data set and split.
        shots: Number of shots.
        metric: Name of the score.
        score: In the metric's units.
        deviation: Standard deviation over seeds; None if it is not known.
        origin: 'quoted' from its authors, or 'measured' by this project.
        source: Where a quoted score stands, or the command that made a measured one.
    """

    benchmark: str
    shots: int
    metric: str
    score: float
    deviation: float | None
    origin: str
    source: str


@dataclass(frozen=True)
class ZooModel:
    """One entry of a metafile.

    Attributes:
        name: Name of the model.
        config: Path of its config.
        weights: URL, or path of a file; None if none are published.
        sha256: SHA-256 of that file; None if the metafile doesn't say.
        parameters: Their number; None if the metafile doesn't say.
        results: Known scores.
    """

    name: str
    config: Path
    weights: str | None
    sha256: str | None = None
    parameters: int | None = None
    results: tuple[ZooResult, ...] = ()


def read_metafile(path: Path) -> Iterator[ZooModel]:
    """The models of a metafile.

    A metafile lists `Models`, each with a `Config` and perhaps `Weights`: a URL, or a path, whose file has
    the checksum `SHA256`. Paths are relative to the repository, two folders above the metafile's own.

    Raises:
        ConfigError: A checksum is not one, or a result doesn't say whether it is quoted or measured, and from where.
    """
    repository = path.resolve().parents[2]
    for model in yaml.safe_load(path.read_text(encoding='utf-8')).get('Models', ()):
        weights = model.get('Weights')
        if weights and '://' not in weights:
            weights = str(repository / weights)
        results = tuple(
            _result(entry, metric, score, f'{path}: {model["Name"]}')
            for entry in model.get('Results', ())
            for metric, score in entry['Metrics'].items()
        )
        sha256 = model.get('SHA256')
        if sha256 is not None and not re.fullmatch('[0-9a-f]{64}', str(sha256)):
            raise ConfigError(
                f'{path}: {model["Name"]} has the SHA256 {sha256!r}, expected 64 hexadecimal digits in quotes.'
            )
        parameters = model.get('Metadata', {}).get('Parameters')
        yield ZooModel(model['Name'], repository / model['Config'], weights, sha256, parameters, results)


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


def published_sha256(weights: str | Path) -> str | None:
    """SHA-256 of weights that one of the metafiles names.

    Args:
        weights: URL, or path of a file.

    Returns:
        None if no metafile names them, or knows no checksum.
    """
    name = str(weights) if '://' in str(weights) else os.path.realpath(weights)
    return _all_sha256().get(name)


@cache
def _all_sha256() -> dict[str, str]:
    """The known checksums, by URL or path."""
    models = (model for path in CONFIGS.glob(f'*/{FILE_NAME}') for model in read_metafile(path))
    known = {model.weights: model.sha256 for model in models if model.weights and model.sha256}
    return {name if '://' in name else os.path.realpath(name): sha256 for name, sha256 in known.items()}


def _result(entry: Mapping, metric: str, score: float, where: str) -> ZooResult:
    if entry.get('Origin') not in ORIGINS or not entry.get('Source'):
        raise ConfigError(
            f'{where} has the {metric} {score} of Origin {entry.get("Origin")!r} and Source {entry.get("Source")!r}: say '
            f'whether it is {" or ".join(ORIGINS)}, and where it stands or which command made it.'
        )
    benchmark = f'{entry["Dataset"]} {entry.get("Split", "")}'.strip()
    deviation = entry.get('Deviation')
    return ZooResult(benchmark, entry.get('Shots', 0), metric, score, deviation, entry['Origin'], entry['Source'])
