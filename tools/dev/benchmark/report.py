"""The tables of a benchmark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib.pyplot as plt

from .stages import STAGES

OUTSIDE = ('decode image', 'transform', 'normalise, tokenise', 'search')


@dataclass
class Result:
    """What was measured with one number of shots.

    Attributes:
        shots: Number of shots.
        batch_size: Ours.
        samples: Number of queries.
        rates: Samples a second of our turns.
        peak_bytes, working_bytes: The largest of our turns.
        limit: Samples a second if all needed operations ran as fast as a product of square matrices.
        stages: Seconds of each stage in a turn of its own.
        matrix_share: Which part of another turn's time matrix products and attention took; None on a GPU.
        metric_seconds: What the metric took in that turn; most of it is spent once, however many samples there are.
        scores: Of the predictions.
        progress: Of the fastest turn, after each batch, the number of samples that are done and the seconds since the start.
        peer: The same of the other system: `batch_size`, `samples`, `rates`, `progress`, the bytes, how many captions are
            `identical`, and `tried`, the samples a second of each batch size that was tried.
    """

    shots: int
    batch_size: int
    samples: int
    rates: list[float]
    peak_bytes: int
    working_bytes: int
    limit: float
    stages: Mapping[str, float]
    matrix_share: float | None
    metric_seconds: float
    scores: Mapping[str, float]
    progress: Sequence[tuple[int, float]]
    peer: dict = field(default_factory=dict)


def speed_table(results: Sequence[Result], peer: str | None) -> str:
    """Samples a second, the best of all turns, beside the peer's and the machine's limit.

    Memory is the peak of the process, and behind the plus sign how much of it the loaded model and libraries didn't
    hold before.
    """
    head = ['shots', 'batch', 'samples/s', 'turns', 'of the limit', 'memory']
    head += [f'{peer}: batch', 'samples/s', 'turns', 'memory', 'ratio', 'same captions'] if peer else []
    return _table(head, [_speed_row(result) for result in results])


def stage_table(results: Sequence[Result]) -> str:
    """Shares of the stages in percent, and how much of the time lies outside the model."""
    rows = []
    for stage in STAGES:
        rows.append([stage, *(f'{_share(result, [stage]):.1f}' for result in results)])
    rows.append(['*outside the model*', *(f'{_share(result, OUTSIDE):.1f}' for result in results)])
    shares = [result.matrix_share for result in results]
    rows.append(
        ['*matrix products and attention*', *('-' if share is None else f'{100 * share:.1f}' for share in shares)]
    )
    rows.append(['metric, seconds in all', *(f'{result.metric_seconds:.1f}' for result in results)])
    rows.append(['seconds a sample', *(f'{sum(r.stages.values()) / r.samples:.3f}' for r in results)])
    return _table(['% of the time', *(f'{result.shots} shots' for result in results)], rows)


def plot(results: Sequence[Result], peer: str | None, path: Path) -> None:
    """Draws seconds a sample against the number of shots, and seconds since the start against the samples that are done."""
    figure, (by_shots, by_samples) = plt.subplots(1, 2, figsize=(10, 3.8), layout='constrained')
    shots = [result.shots for result in results]
    systems = {'mmflamingo': ([(max(r.rates), r.progress) for r in results], '-')}
    if peer:
        systems[peer] = ([(max(r.peer['rates']), r.peer['progress']) for r in results], '--')
    for name, (turns, line) in systems.items():
        by_shots.plot(shots, [1 / rate for rate, _ in turns], line, marker='o', label=name)
        for number, (_, progress) in enumerate(turns):
            label = f'{name}, {shots[number]} shots'
            by_samples.plot(*zip(*progress, strict=True), line, marker='o', color=f'C{number}', label=label)
    by_shots.set(xlabel='shots', ylabel='seconds a sample', yscale='log', xticks=shots)
    by_samples.set(xlabel='samples', ylabel='seconds since the start', xscale='log', yscale='log')
    for axes in (by_shots, by_samples):
        axes.grid(alpha=0.3)
    by_shots.legend()
    by_samples.legend(fontsize='small')
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _speed_row(result: Result) -> list[str]:
    best = max(result.rates)
    row = [
        str(result.shots),
        str(result.batch_size),
        f'**{best:.3g}**',
        _turns(result.rates),
        f'{100 * best / result.limit:.0f} %',
        _memory(result.peak_bytes, result.working_bytes),
    ]
    if result.peer:
        theirs = max(result.peer['rates'])
        row += [
            _batch_size(result.peer),
            f'{theirs:.3g}',
            _turns(result.peer['rates']),
            _memory(result.peer['peak_bytes'], result.peer['working_bytes']),
            f'**{best / theirs:.1f} x**',
            f'{result.peer["identical"]} of {result.peer["samples"]}',
        ]
    return row


def _share(result: Result, stages: Sequence[str]) -> float:
    return 100 * sum(result.stages.get(stage, 0) for stage in stages) / sum(result.stages.values())


def _turns(rates: Sequence[float]) -> str:
    return ' '.join(f'{rate:.3g}' for rate in rates)


def _batch_size(peer: dict) -> str:
    tried = ', '.join(f'{size}: {rate:.3g}' for size, rate in peer['tried'].items())
    return f'{peer["batch_size"]} ({tried})' if tried else str(peer['batch_size'])


def _memory(peak: int, working: int) -> str:
    return f'{peak / 2**30:.2f} GiB (+ {working / 2**30:.2f})'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
