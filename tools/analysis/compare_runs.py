"""Compare two runs sample by sample: means, their difference with a 95 % interval, and a paired test.

    python tools/analysis/compare_runs.py RUN_A RUN_B --score acc

A run is its folder or its predictions.jsonl.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from mmflamingo.engine.config.cli import user_errors
from mmflamingo.engine.errors import RunError
from mmflamingo.engine.testing.pairing import shared_samples
from mmflamingo.engine.testing.predictions import Record
from mmflamingo.engine.testing.results import read_run
from mmflamingo.evaluation.statistics import bootstrap_interval, paired_test


def sample_scores(run: Path, score: str) -> list[Record]:
    """The samples of a run that have a score.

    Raises:
        RunError: No sample has this score, or the run's files are broken.
    """
    records = read_run(run)
    scored = [record for record in records if score in record.get('scores', {})]
    if not scored:
        known = sorted({name for record in records for name in record.get('scores', {})})
        raise RunError(f'{run}: no sample has a score {score!r}; there are {known}.')
    return scored


def compare(first: Sequence[Record], second: Sequence[Record], score: str) -> str:
    """A few lines about two runs.

    Raises:
        RunError: They have no sample in common, or the ids of one are not those of the other.
    """
    shared = shared_samples({'RUN_A': first, 'RUN_B': second})
    a, b = zip(*([record['scores'][score] for record in pair] for pair in shared.values()), strict=True)
    differences = [y - x for x, y in zip(a, b, strict=True)]
    low, high = bootstrap_interval(differences)
    better, worse = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    alone = len(first) + len(second) - 2 * len(shared)
    return '\n'.join(
        [
            f'samples     {len(shared)} in both{f", {alone} in one only are left out" if alone else ""}',
            f'A, B        {mean(a):.2f}, {mean(b):.2f}',
            f'B - A       {mean(differences):+.2f} (95 % interval {low:+.2f} to {high:+.2f})',
            f'B is        better on {better}, worse on {worse}, equal on {len(shared) - better - worse}',
            f'p           {paired_test(a, b):.4f} (paired randomisation test)',
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('first', type=Path, metavar='RUN_A')
    parser.add_argument('second', type=Path, metavar='RUN_B')
    parser.add_argument('--score', required=True, help='name of the score, e.g. CIDEr or acc')
    args = parser.parse_args()
    with user_errors():
        print(compare(*(sample_scores(run, args.score) for run in (args.first, args.second)), args.score))


if __name__ == '__main__':
    main()
