"""Compare two runs sample by sample: means, their difference with a 95 % interval, and a paired test.

    python tools/analysis/compare_runs.py RUN_A RUN_B --score acc

A run is its folder or its predictions.jsonl.
"""

import argparse
from pathlib import Path
from statistics import mean

from mmflamingo.engine.config.cli import user_errors
from mmflamingo.engine.errors import RunError
from mmflamingo.engine.testing.predictions import FILE_NAME, read_records
from mmflamingo.evaluation.statistics import bootstrap_interval, paired_test


def sample_scores(run: Path, score: str) -> dict[str, float]:
    """One score of each sample by its id.

    Raises:
        RunError: No sample has this score.
    """
    records = list(read_records(run / FILE_NAME if run.is_dir() else run))
    scores = {str(record['sample_id']): record['scores'][score] for record in records if score in record['scores']}
    if not scores:
        known = sorted({name for record in records for name in record['scores']})
        raise RunError(f'{run}: no sample has a score {score!r}; there are {known}.')
    return scores


def compare(first: dict[str, float], second: dict[str, float]) -> str:
    """A few lines about two runs.

    Raises:
        RunError: They have no sample in common.
    """
    shared = sorted(first.keys() & second.keys())
    if not shared:
        raise RunError('The two runs have no sample in common: compare runs on the same queries.')
    a, b = [first[i] for i in shared], [second[i] for i in shared]
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
        print(compare(sample_scores(args.first, args.score), sample_scores(args.second, args.score)))


if __name__ == '__main__':
    main()
