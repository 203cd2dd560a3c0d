"""Does flamingo-tiny look, and does it put together what it knows? The controls that go with its scores.

    python tools/dev/emoji_controls.py [CHECKPOINT] [--seed 0] [--out work_dirs/emoji_controls]

Tests captions and questions at 0 shots, with each sample's picture and with the pictures shuffled among samples, and
compares captions of pictures that show a pair of things that never met in train with all others. Every test is an
ordinary run below `--out`; finished ones of the same checkpoint and data are read back. The scores against shots and seeds are
`tools/eval_suite.py configs/suites/emoji-scenes.py`.
"""

import argparse
import json
from pathlib import Path
from statistics import mean

from mmengine.config import Config

from mmflamingo.engine.config.cli import build_runner, load_config, user_errors
from mmflamingo.engine.config.metafile import find_weights
from mmflamingo.engine.testing.finished import finished_run
from mmflamingo.engine.testing.results import read_results, read_run

CONFIGS = {  # task: (config, its score)
    'caption': ('configs/flamingo/flamingo-tiny_zeroshot_caption.py', 'CIDEr'),
    'vqa': ('configs/flamingo/flamingo-tiny_zeroshot_vqa.py', 'acc'),
}
VAL_CAPTIONS = Path('data/emoji_scenes/annotations/captions_val.json')


def run(task: str, checkpoint: str, seed: int, shuffled: bool, out: Path) -> Path:
    """Test once, or find the finished test of this checkpoint, data and seed; returns the run's folder.

    Raises:
        RunError: The finished test there is another one.
    """
    work_dir = out / f'{task}{"_shuffled" if shuffled else ""}_seed{seed}'
    cfg = config_of(task, checkpoint, seed, shuffled, work_dir)
    if (finished := finished_run(cfg)) is not None:
        return finished
    runner = build_runner(cfg)
    runner.test()
    return Path(runner.log_dir)


def config_of(task: str, checkpoint: str, seed: int, shuffled: bool, work_dir: Path) -> Config:
    """The task's config at 0 shots; shuffled, each sample gets the picture of another."""
    cfg = load_config(CONFIGS[task][0])
    dataset = cfg.test_dataloader.dataset
    dataset.seed = seed
    if shuffled:
        cfg.test_dataloader.dataset = dict(type='ShuffledPictures', dataset=dataset, seed=seed)
    cfg.work_dir, cfg.load_from = str(work_dir), checkpoint
    cfg.experiment_name = work_dir.name
    return cfg


def score(task: str, folder: Path) -> float:
    """The task's main score of a finished run, in points of 100."""
    return read_results(folder)['metrics'][CONFIGS[task][1]]


def pair_scores(folder: Path) -> dict[str, float]:
    """Mean CIDEr of pictures whose pair of things never met in train, and of others.

    All of the former show several kinds of things, which is harder than one kind; hence the third row.
    """
    images = json.loads(VAL_CAPTIONS.read_text(encoding='utf-8'))['images']
    is_unseen = {image['id']: image['unseen_pair'] for image in images}
    unseen, rest, rest_of_several = [], [], []
    for record in read_run(folder):
        cider = record['scores']['CIDEr']
        (unseen if is_unseen[record['image_id']] else rest).append(cider)
        if not is_unseen[record['image_id']] and ' and ' in record['references'][0]:  # the brief voice lists the kinds
            rest_of_several.append(cider)
    return {
        'a pair of things that never met in train': mean(unseen),
        'all others': mean(rest),
        'others with several kinds of things': mean(rest_of_several),
    }


def print_controls(checkpoint: str, seed: int, out: Path) -> None:
    """Test, and print the table."""
    rows = {}
    for task, (_, name) in CONFIGS.items():
        for shuffled in (False, True):
            folder = run(task, checkpoint, seed, shuffled, out)
            rows[f'{task} ({name}){", pictures shuffled" if shuffled else ""}'] = score(task, folder)
    captions = pair_scores(run('caption', checkpoint, seed, False, out))
    rows |= {f'caption (CIDEr), {name}': value for name, value in captions.items()}
    print('\n| 0 shots | score |\n|---|---|')
    print('\n'.join(f'| {name} | {value:.1f} |' for name, value in rows.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', nargs='?', help='default: the weights that ship with the repository')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path, default=Path('work_dirs/emoji_controls'))
    args = parser.parse_args()
    with user_errors():
        print_controls(args.checkpoint or find_weights(CONFIGS['caption'][0]), args.seed, args.out)


if __name__ == '__main__':
    main()
