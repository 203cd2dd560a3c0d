"""Compares mmflamingo with the systems that it takes over from: the same weights, the same inputs, a table.

python tools/dev/parity.py [PART ...] [--peers PYTHON] [--work-dir DIR] [--docs] [--freeze]

mmpretrain and OpenFlamingo run in an environment of their own; parity/README.md says how to make it. Some 4 minutes on
2 cores.
"""

import argparse
import json
import string
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from docs_table import END, put
from parity import captions, evaluations, files, report, runs, search, systems, vision, vqa
from parity.report import Row
from parity.setups import HOSTS, PEERS
from parity.workers import run_peer

ROOT = Path(__file__).parents[2]
TOOL = 'tools/dev/parity.py'
PAGE = ROOT / 'docs' / 'parity.md'
EMOJI_CAPTIONS = ROOT / 'data' / 'emoji_scenes' / 'annotations' / 'captions_val.json'


def write_parts(folder: Path) -> None:
    """The language models and the tokenizer that the peers and ours build on."""
    for host, config in HOSTS.items():
        files.write_language_model({'model_type': host, **config}, folder / 'lm' / host)
    sentences = [entry['caption'] for entry in json.loads(EMOJI_CAPTIONS.read_text())['annotations']]
    # As LLaMA's vocabulary has every character. Unknown ones are <unk> to slow tokenizers and nothing to fast ones.
    files.write_tokenizer([*sentences, string.printable], folder / 'tokenizer')


def compare_models(folder: Path, peer: Callable, freeze: bool, v1: bool = False) -> Iterator[Row]:
    write_parts(folder)
    names = [name for name in PEERS if name.startswith('openflamingo_v1') == v1]
    yield from systems.compare(folder, peer, freeze, names)


def compare_runs(folder: Path, peer: Callable, freeze: bool) -> Iterator[Row]:
    write_parts(folder)
    yield from runs.compare(folder, peer)


def compare_evaluations(folder: Path, peer: Callable, freeze: bool) -> Iterator[Row]:
    write_parts(folder)
    yield from evaluations.compare(folder, peer)


PARTS = {
    'models': compare_models,
    'v1': partial(compare_models, v1=True),
    'runs': compare_runs,
    'evaluations': compare_evaluations,
    'search': lambda folder, peer, freeze: search.compare(folder, peer),
    'vision': lambda folder, peer, freeze: vision.compare(),
    'vqa': lambda folder, peer, freeze: vqa.compare(folder / 'vqa', peer, freeze),
    'captions': lambda folder, peer, freeze: captions.compare(EMOJI_CAPTIONS),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('parts', nargs='*', metavar='PART', help=f'some of {", ".join(PARTS)}; all by default')
    parser.add_argument('--peers', default='python', metavar='PYTHON', help="the Python of the peers' environment")
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/parity'))
    parser.add_argument(
        '--docs', action='store_true', help=f'write the rows into the table of {PAGE.relative_to(ROOT)}, too'
    )
    parser.add_argument('--freeze', action='store_true', help='write what the peers give for tests/parity, too')
    args = parser.parse_args()
    unknown = set(args.parts) - set(PARTS)
    if unknown:
        parser.error(f'unknown parts {sorted(unknown)}; choose some of {list(PARTS)}')
    args.work_dir.mkdir(parents=True, exist_ok=True)
    rows = []
    for part in args.parts or PARTS:
        rows += PARTS[part](args.work_dir.resolve(), partial(run_peer, args.peers), args.freeze)
        report.write(rows, args.work_dir)
    print(report.markdown(rows))
    if args.docs:
        page = PAGE.read_text()
        table = page.partition(f'<!-- made by {TOOL} -->')[2].partition(END)[0]
        PAGE.write_text(put(page, report.merged(table, rows), TOOL))
    if not all(row.passes for row in rows):
        raise SystemExit(1)


if __name__ == '__main__':
    main()
