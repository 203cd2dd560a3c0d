"""Tests a model with and without each thing that saves time, and counts the predictions that change.

    python tools/analysis/same_predictions.py CONFIG [CHECKPOINT] [--variants NAME ...] [--cfg-options KEY=VALUE ...]

Every variant is a run of tools/test.py (or tools/dist_test.sh). Its predictions.jsonl - prompts, shots, texts, scores - is
compared, line by line, with that of the config as it is.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmflamingo.engine.config import cli
from mmflamingo.engine.errors import RunError
from mmflamingo.engine.testing.predictions import FILE_NAME

TOOLS = Path(__file__).resolve().parents[1]
BATCH_SIZE, BATCH_SAMPLER = 'test_dataloader.batch_size', 'test_dataloader.batch_sampler.type'


@dataclass(frozen=True)
class Variant:
    """What a run does otherwise.

    Attributes:
        options: Settings of the config; `{work_dir}` stands for the folder of all runs.
        ranks: Number of processes.
        picture_cache: Whether the data loader may keep loaded pictures.
    """

    options: Mapping[str, Any]
    ranks: int = 1
    picture_cache: bool = True


AS_IT_IS, STORE_NAME = 'as-the-config-says', 'store'
STORE = {'model.media_store': f'{{work_dir}}/{STORE_NAME}'}
BY_LENGTH = {BATCH_SAMPLER: 'LengthBatchSampler'}
VARIANTS = {
    'no-media-cache': Variant({'model.media_cache_bytes': 0}),
    'no-picture-cache': Variant({}, picture_cache=False),
    'store-filled-here': Variant(STORE),
    'store-filled-before': Variant(STORE),
    'batch-1': Variant({BATCH_SIZE: 1}),
    'batch-8': Variant({BATCH_SIZE: 8}),
    'batches-by-length': Variant(BY_LENGTH),
    '2-ranks': Variant({}, ranks=2),
    '2-ranks-batches-by-length': Variant(BY_LENGTH, ranks=2),
    '3-ranks-batches-by-length': Variant(BY_LENGTH, ranks=3),
    'hugging-face-generate': Variant({'model.language_model.attn_implementation': 'eager'}),
    'compiled': Variant({'compile': True}),
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of the config')
    parser.add_argument('checkpoint', nargs='?', help='its weights, if they do not ship with the repository')
    parser.add_argument(
        '--variants', nargs='+', choices=VARIANTS, metavar='NAME', help=f'of {", ".join(VARIANTS)} [all]'
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/same_predictions'),
        help='emptied first, if it holds nothing else',
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action='extend', default=[], metavar='KEY=VALUE', help='settings of all runs'
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of any error')
    return parser.parse_args()


def empty(work_dir: Path) -> None:
    """Remove the runs of an earlier call.

    Raises:
        RunError: The folder holds something else.
    """
    own = {AS_IT_IS, STORE_NAME, *VARIANTS}
    foreign = sorted(path.name for path in work_dir.iterdir() if path.name not in own) if work_dir.is_dir() else []
    if foreign:
        raise RunError(f'{work_dir} holds {", ".join(foreign[:5])}, so it is not emptied: give another --work-dir.')
    shutil.rmtree(work_dir, ignore_errors=True)


def run(args: argparse.Namespace, name: str, variant: Variant) -> list[str]:
    """Lines of the predictions of a run.

    Raises:
        RunError: It broke off.
    """
    folder = args.work_dir / name
    options = [f'{key}={value}'.format(work_dir=args.work_dir) for key, value in variant.options.items()]
    if not variant.picture_cache:
        pipeline = cli.load_config(args.config).test_dataloader.dataset.pipeline
        options += [f'{key}=0' for key in find_keys(pipeline, 'cache_bytes', 'test_dataloader.dataset.pipeline')]
    settings = ['--work-dir', str(folder)]
    if args.cfg_options or options:
        settings += ['--cfg-options', *args.cfg_options, *options]
    if variant.ranks == 1:
        command = [sys.executable, str(TOOLS / 'test.py'), args.config, args.checkpoint]
    else:
        command = ['bash', str(TOOLS / 'dist_test.sh'), args.config, args.checkpoint, str(variant.ranks)]
    path = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'  # dist_test.sh starts `python`
    done = subprocess.run([*command, *settings], env={**os.environ, 'PATH': path}, capture_output=True, text=True)
    if done.returncode:
        raise RunError(f'The run {name} broke off:\n{(done.stdout + done.stderr)[-2000:]}')
    (predictions,) = folder.glob(f'*/{FILE_NAME}')
    return predictions.read_text(encoding='utf-8').splitlines()


def find_keys(node: Any, key: str, path: str) -> Iterator[str]:
    """Full paths of a key in a part of a config."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from [f'{path}.{name}'] if name == key else find_keys(value, key, f'{path}.{name}')
    elif isinstance(node, list | tuple):
        for number, value in enumerate(node):
            yield from find_keys(value, key, f'{path}.{number}')


def main() -> None:
    args = parse_args()
    with cli.user_errors(args.debug):
        args.checkpoint = cli.resolve_checkpoint(args, cli.load_config(args.config))
        empty(args.work_dir)
        expected = run(args, AS_IT_IS, Variant({}))
        print(f'| variant | predictions that differ, of {len(expected)} |\n| --- | --- |', flush=True)
        changed = []
        for name in args.variants or VARIANTS:
            lines = run(args, name, VARIANTS[name])
            if len(lines) != len(expected):
                raise RunError(f'The run {name} made {len(lines)} predictions, the config as it is {len(expected)}.')
            differ = sum(line != other for line, other in zip(lines, expected, strict=True))
            print(f'| {name} | {differ} |', flush=True)
            changed += [name] if differ else []
        if changed:
            raise RunError(f'Predictions changed with {", ".join(changed)}: compare the files in {args.work_dir}.')


if __name__ == '__main__':
    main()
