"""Gives hostile and broken inputs to the tools and the Python API, and counts what comes of them.

    python tools/dev/fuzz.py [--cases 2000] [--seed 0] [--only checkpoints ...] [--work-dir DIR]

Pictures, annotations, checkpoints, journals, results, options, configs, videos, calls and trainings are changed by a seed,
and given to the real entry points, each case in a process of its own that is killed when it takes too long. A case ends
with a clear message, or is right: the result is that of the unchanged input, or what an own reading of the changed one says.
All else is a fault: a traceback, a hang, a result that is silently wrong or a file that was harmed, code that ran.

The table is printed, all cases are in DIR/fuzz.json; the exit status is 1 if there is a fault. `--case KIND:SEED` runs one case
again and leaves its files in DIR.
"""

import argparse
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random

os.environ.setdefault('OMP_NUM_THREADS', '1')  # threads do not survive a fork
from fuzz import annotations, checkpoints, inferencer, options, pictures, runs, trainings, videos
from fuzz.cases import BAD, GOOD, Case, Result, verdict
from fuzz.material import Material
from fuzz.running import run_forked

Maker = Callable[[Material, Random, Path], Case]
KINDS: dict[str, Maker] = {
    'pictures': pictures.make,
    'annotations': annotations.make,
    'checkpoints': checkpoints.make,
    'journals': runs.make_journal_case,
    'results': runs.make_results_case,
    'options': options.make_option_case,
    'configs': options.make_config_case,
    'videos': videos.make,
    'inferencer': inferencer.make,
    'trainings': trainings.make,
}
TIMEOUT = 60  # seconds; of a busy machine


def run_case(material: Material, kind: str, seed: int, folder: Path) -> Result:
    """Make a case and run it; all random choices follow from its kind and seed."""
    folder.mkdir(parents=True)
    case = KINDS[kind](material, Random(f'{kind}-{seed}'), folder)
    run = run_forked(case.work, folder, TIMEOUT)
    found, detail = verdict(case, run, folder)
    return Result(kind, seed, case.name, found, detail, run.seconds)


def run_cases(material: Material, kinds: Sequence[str], count: int, seed: int, work_dir: Path) -> Iterator[Result]:
    """Run cases of all kinds in turn, and remove their files."""
    for number in range(count):
        kind = kinds[number % len(kinds)]
        folder = work_dir / f'{kind}_{seed + number // len(kinds)}'
        yield run_case(material, kind, seed + number // len(kinds), folder)
        shutil.rmtree(folder)


def table(results: Sequence[Result]) -> str:
    """How many cases of each kind ended how."""
    verdicts = (*GOOD, *BAD)
    lines = [f'| kind | cases | {" | ".join(verdicts)} | seconds a case |', f'|---|{"---|" * (len(verdicts) + 2)}']
    for kind in (*dict.fromkeys(result.kind for result in results), 'all'):
        own = [result for result in results if kind in (result.kind, 'all')]
        counts = Counter(result.verdict for result in own)
        seconds = sum(result.seconds for result in own) / len(own)
        lines.append(f'| {kind} | {len(own):,} | {" | ".join(f"{counts[v]:,}" for v in verdicts)} | {seconds:.2f} |')
    return '\n'.join(lines)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--cases', type=int, default=2000, help='how many in all [2000]')
    parser.add_argument('--seed', type=int, default=0, help='the first seed; another gives other cases [0]')
    parser.add_argument(
        '--only', nargs='+', choices=KINDS, default=list(KINDS), metavar='KIND', help=f'some of {", ".join(KINDS)}'
    )
    parser.add_argument('--case', metavar='KIND:SEED', help='run this case alone and keep its files')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/fuzz'), help='emptied before [work_dirs/fuzz]')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    work_dir = args.work_dir.resolve()
    shutil.rmtree(work_dir, ignore_errors=True)
    material = Material(work_dir / 'material')
    if args.case:
        kind, _, seed = args.case.partition(':')
        print(json.dumps(asdict(run_case(material, kind, int(seed), work_dir / f'{kind}_{seed}')), indent=1))
        return
    results = []
    for result in run_cases(material, args.only, args.cases, args.seed, work_dir):
        results.append(result)
        if result.verdict in BAD:
            print(
                f'{result.verdict}: --case {result.kind}:{result.seed} ({result.name})\n    {result.detail}', flush=True
            )
    print(table(results))
    (work_dir / 'fuzz.json').write_text(json.dumps([asdict(result) for result in results], indent=1))
    sys.exit(any(result.verdict in BAD for result in results))


if __name__ == '__main__':
    main()
