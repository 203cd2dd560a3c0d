"""Writes the table of published scores into configs/flamingo/README.md, from the metafile beside it.

python tools/dev/zoo_table.py
"""

from collections.abc import Iterator
from pathlib import Path

from docs_table import put

from mmflamingo.engine.config.metafile import ZooModel, ZooResult, read_metafile

FOLDER = Path(__file__).parents[2] / 'configs' / 'flamingo'
TOOL = 'tools/dev/zoo_table.py'


def table(models: list[ZooModel], origin: str) -> str:
    """A row for each model with such scores, a column for each number of shots.

    Args:
        models: Of a metafile.
        origin: 'quoted' or 'measured'.
    """
    rows = [(model, [result for result in model.results if result.origin == origin]) for model in models]
    shots = sorted({result.shots for _, results in rows for result in results})
    lines = [
        f'| config | parameters | {origin} on | score | {" | ".join(f"{n} shots" for n in shots)} | checkpoint | source |',
        f'|{"---|" * (6 + len(shots))}',
    ]
    lines += [_row(model, results, shots) for model, results in rows if results]
    return '\n'.join(lines) + '\n'


def _row(model: ZooModel, results: list[ZooResult], shots: list[int]) -> str:
    of_shots = {result.shots: result for result in results}
    first = results[0]
    cells = [
        f'[{model.config.stem}]({model.config.name})',
        f'{model.parameters:,}' if model.parameters else '',
        first.benchmark,
        first.metric,
        *(_score(of_shots[number]) if number in of_shots else '' for number in shots),
        f'[file]({model.weights})' if model.weights else '',
        ', '.join(dict.fromkeys(_source(results))),
    ]
    return f'| {" | ".join(cells)} |'


def _score(result: ZooResult) -> str:
    decimals = 1 if result.deviation is not None else 2
    deviation = f' ± {result.deviation:.1f}' if result.deviation is not None else ''
    return f'{result.score:.{decimals}f}{deviation}'


def _source(results: list[ZooResult]) -> Iterator[str]:
    for result in results:
        is_link = '://' in result.source
        yield f'[{result.source.split("/")[-1]}]({result.source})' if is_link else f'`{result.source}`'


def main() -> None:
    readme = FOLDER / 'README.md'
    quoted = table(list(read_metafile(FOLDER / 'metafile.yml')), 'quoted')
    readme.write_text(put(readme.read_text(), quoted, TOOL))


if __name__ == '__main__':
    main()
