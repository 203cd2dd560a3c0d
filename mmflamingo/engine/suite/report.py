"""The table of a suite: mean and spread over seeds, intervals over samples, paired tests; in five forms."""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean, stdev

import matplotlib
from matplotlib.figure import Figure

from mmflamingo.evaluation.statistics import bootstrap_interval, paired_test

from ..testing.plain_json import dumps, write_whole
from .suite import Cell, CellResult

SIGNIFICANT = 0.05


@dataclass
class Row:
    """One point of the table.

    Attributes:
        benchmark, score_name, selector, shots: What was measured.
        seeds: Scores by seed.
        mean, std: Over seeds; None without a score, 0 with one seed.
        low, high: 95 % bootstrap interval of the mean over samples, each sample's score averaged over seeds first; None
            where the score is not the mean of the samples' scores.
        p: p-value of the paired test against the first selector, where there is one to compare with.
        errors: What failed, by seed.
    """

    benchmark: str
    score_name: str
    selector: str
    shots: int
    seeds: dict[int, float] = field(default_factory=dict)
    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    errors: dict[int, str] = field(default_factory=dict)


def make_rows(results: Mapping[Cell, CellResult], score_names: Mapping[str, str]) -> list[Row]:
    """Sum up the runs of a suite.

    Args:
        results: What each cell gave; the first selector of a benchmark is the one that others are compared with.
        score_names: Name of each benchmark's score.
    """
    groups: dict[tuple, dict[int, CellResult]] = defaultdict(dict)
    for cell, result in results.items():
        groups[cell.benchmark, cell.selector, cell.shots][cell.seed] = result
    first = {}
    for benchmark, selector, _ in groups:
        first.setdefault(benchmark, selector)
    samples = {key: _mean_over_seeds(group.values()) for key, group in groups.items()}
    rows = []
    for (benchmark, selector, shots), group in groups.items():
        row = Row(benchmark, score_names[benchmark], selector, shots)
        row.seeds = {seed: result.score for seed, result in group.items() if result.score is not None}
        row.errors = {seed: result.error for seed, result in group.items() if result.error is not None}
        if row.seeds:
            row.mean = mean(row.seeds.values())
            row.std = stdev(row.seeds.values()) if len(row.seeds) > 1 else 0.0
        own, others = samples[benchmark, selector, shots], samples.get((benchmark, first[benchmark], shots), {})
        if len(own) > 1 and abs(mean(own.values()) - row.mean) < 1e-6 * max(1, abs(row.mean)):
            row.low, row.high = bootstrap_interval(list(own.values()))
        shared = sorted(own.keys() & others.keys())
        if selector != first[benchmark] and shared:
            row.p = paired_test([own[i] for i in shared], [others[i] for i in shared])
        rows.append(row)
    return rows


def _mean_over_seeds(results: Sequence[CellResult]) -> dict[str, float]:
    """Score of each sample that all seeds have, averaged over them."""
    tables = [result.sample_scores for result in results if result.sample_scores]
    shared = set.intersection(*map(set, tables)) if tables else set()
    return {i: mean(table[i] for table in tables) for i in sorted(shared)}


def write_report(rows: Sequence[Row], protocols: Mapping[str, dict], folder: Path) -> str:
    """Write `table.md`, `table.csv`, `table.json` and `scores.svg`.

    Args:
        rows: As `make_rows` gives them.
        protocols: Protocol of each cell that has a score.
        folder: Where to write.

    Returns:
        The Markdown table.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(rows)
    write_whole(folder / 'table.md', text)
    write_whole(folder / 'table.csv', _csv(rows))
    content = {'rows': [asdict(row) for row in rows], 'protocols': protocols}
    write_whole(folder / 'table.json', dumps(content, 'The table', indent=1))
    plot(rows, folder / 'scores.svg')
    return text


def markdown(rows: Sequence[Row]) -> str:
    """One line for each benchmark and selector, one column for each number of shots."""
    shots = sorted({row.shots for row in rows})
    lines: dict[tuple, dict[int, Row]] = defaultdict(dict)
    for row in rows:
        lines[row.benchmark, row.score_name, row.selector][row.shots] = row
    table = [['benchmark', 'shots by', *(f'{n} shots' for n in shots)]]
    for (benchmark, score_name, selector), cells in lines.items():
        table.append([f'{benchmark} ({score_name})', selector, *(_cell(cells.get(n)) for n in shots)])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    written = [
        f'| {" | ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True))} |' for line in table
    ]
    written.insert(1, f'|{"|".join("-" * (width + 2) for width in widths)}|')
    numbers = sorted({len(row.seeds) for row in rows if row.seeds})
    note = f'Mean ± standard deviation over {" or ".join(map(str, numbers)) or "no"} seeds (95 % bootstrap interval over samples)'
    if any(row.p is not None for row in rows):
        note += f'; * differs from the first line of its benchmark, p < {SIGNIFICANT} in a paired randomisation test'
    failures = [
        f'- {row.benchmark}, {row.selector}, {row.shots} shots: {_what_failed(row.errors)}'
        for row in rows
        if row.errors
    ]
    return '\n'.join([*written, '', f'{note}.', *(['', 'Failed runs:', '', *failures] if failures else [])]) + '\n'


def _cell(row: Row | None) -> str:
    if row is None:
        return ''
    if row.mean is None:
        return 'failed'
    interval = '' if row.low is None else f' ({row.low:.1f} to {row.high:.1f})'
    star = ' *' if row.p is not None and row.p < SIGNIFICANT else ''
    failed = f', {len(row.errors)} failed' if row.errors else ''
    return f'{row.mean:.1f} ± {row.std:.1f}{interval}{star}{failed}'


def _what_failed(errors: Mapping[int, str]) -> str:
    seeds_of = defaultdict(list)
    for seed, error in errors.items():
        seeds_of[' '.join(error.split())].append(str(seed))
    return '; '.join(f'seed {", ".join(seeds)}: {error}' for error, seeds in seeds_of.items())


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    names = ('benchmark', 'score_name', 'selector', 'shots', 'mean', 'std', 'low', 'high', 'p')
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow([*names, 'num_seeds', 'num_failed'])
    for row in rows:
        writer.writerow([*(getattr(row, name) for name in names), len(row.seeds), len(row.errors)])
    return text.getvalue()


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draw score against shots, one panel a benchmark, one line a selector, with intervals."""
    benchmarks = list(dict.fromkeys(row.benchmark for row in rows))
    with matplotlib.rc_context({'svg.hashsalt': 'mmflamingo', 'font.size': 9}):
        figure = Figure(figsize=(3.6 * len(benchmarks), 3.0), layout='constrained')
        for axes, benchmark in zip(figure.subplots(1, len(benchmarks), squeeze=False)[0], benchmarks, strict=True):
            of_selector = defaultdict(list)
            for row in rows:
                if row.benchmark == benchmark and row.mean is not None:
                    of_selector[row.selector].append(row)
            for selector, points in of_selector.items():
                points.sort(key=lambda row: row.shots)
                bars = [[max(0, r.mean - (r.mean if r.low is None else r.low)) for r in points]]
                bars.append([max(0, (r.mean if r.high is None else r.high) - r.mean) for r in points])
                axes.errorbar(
                    [r.shots for r in points],
                    [r.mean for r in points],
                    yerr=bars,
                    label=selector,
                    marker='o',
                    capsize=3,
                )
            shots = sorted({row.shots for row in rows})
            axes.set(
                title=benchmark, xlabel='shots', ylabel=next(r.score_name for r in rows if r.benchmark == benchmark)
            )
            axes.set_xticks(shots, [str(n) for n in shots])
            if of_selector:
                axes.legend()
            axes.grid(alpha=0.3)
        figure.savefig(path, metadata={'Date': None})
