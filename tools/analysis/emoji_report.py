"""Every figure of flamingo-tiny's table: scores against shots and seeds, and the controls that go with them.

    python tools/analysis/emoji_report.py [CHECKPOINT] [--shots 0 1 2 4 8] [--seeds 0 1 2] [--out work_dirs/emoji_report]

Each cell is an ordinary test run (its log and predictions lie below `--out`), with the config's seed and number of
shots replaced. Finished runs are read back, so a broken report goes on where it stopped. Writes `report.md` and
`report.json`.
"""

import argparse
import json
from pathlib import Path
from statistics import mean, stdev

from mmengine.config import Config

from mmflamingo.engine.cli import build_runner, load_config
from mmflamingo.engine.metafile import find_weights

CONFIGS = {  # task: (config, its score)
    'caption': ('configs/flamingo/flamingo-tiny_zeroshot_caption.py', 'CIDEr'),
    'vqa': ('configs/flamingo/flamingo-tiny_zeroshot_vqa.py', 'acc'),
    'binding': ('configs/flamingo/flamingo-tiny_fewshot_binding.py', 'acc'),
}


class Report:
    """Runs tests and remembers their scores."""

    def __init__(self, checkpoint: str, out: Path):
        self.checkpoint, self.out = checkpoint, out

    def run(self, task: str, shots: int, seed: int, shuffled: bool = False) -> Path:
        """Test one cell; returns the folder with its `metrics.json` and `predictions.jsonl`."""
        folder = self.out / f'{task}_{shots}-shot_seed{seed}{"_shuffled" if shuffled else ""}'
        if not (folder / 'metrics.json').is_file():
            runner = build_runner(self._config(task, shots, seed, shuffled, folder))
            metrics = runner.test()
            log_dir = Path(runner.log_dir)
            (log_dir / 'predictions.jsonl').rename(folder / 'predictions.jsonl')
            (folder / 'metrics.json').write_text(json.dumps(metrics, indent=1))
        return folder

    def score(self, task: str, *args, **kwargs) -> float:
        """The task's main score of one cell, in points of 100."""
        metrics = json.loads((self.run(task, *args, **kwargs) / 'metrics.json').read_text())
        return metrics[CONFIGS[task][1]]

    def _config(self, task: str, shots: int, seed: int, shuffled: bool, folder: Path) -> Config:
        cfg = load_config(CONFIGS[task][0])
        dataset = cfg.test_dataloader.dataset
        # Flamingo's zero shots are two examples without pictures; nothing can be told of new words without them.
        text_only = 2 if shots == 0 and task != 'binding' else 0
        dataset.update(num_shots=shots, num_text_only_shots=text_only, seed=seed)
        if shuffled:
            cfg.test_dataloader.dataset = dict(type='ShuffledPictures', dataset=dataset, seed=seed)
        cfg.work_dir = str(folder)
        cfg.load_from = self.checkpoint
        return cfg


def pair_scores(predictions: Path, captions: Path) -> dict[str, float]:
    """Mean CIDEr of pictures whose pair of things never met in train, and of others.

    All of the former show several kinds of things, which is harder than one kind; hence the third row.
    """
    unseen = {image['id']: image['unseen_pair'] for image in json.loads(captions.read_text())['images']}
    groups: dict[str, list[float]] = {
        'pair of things unseen in train': [],
        'the rest': [],
        'the rest, several kinds': [],
    }
    for line in predictions.read_text().splitlines():
        record = json.loads(line)
        score = record['scores']['CIDEr']
        if unseen[record['image_id']]:
            groups['pair of things unseen in train'].append(score)
        else:
            groups['the rest'].append(score)
            if ' and ' in record['references'][0]:  # the brief voice lists the kinds
                groups['the rest, several kinds'].append(score)
    return {name: mean(scores) for name, scores in groups.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', nargs='?', help='default: the weights that ship with the repository')
    parser.add_argument('--shots', type=int, nargs='+', default=[0, 1, 2, 4, 8])
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--out', type=Path, default=Path('work_dirs/emoji_report'))
    args = parser.parse_args()
    report = Report(args.checkpoint or find_weights(CONFIGS['caption'][0]), args.out)

    scores = {
        task: {shots: [report.score(task, shots, seed) for seed in args.seeds] for shots in args.shots}
        for task in CONFIGS
    }
    controls = {}
    for task in ('caption', 'vqa'):
        controls[f'{task}, 0 shots'] = report.score(task, 0, args.seeds[0])
        controls[f'{task}, 0 shots, pictures shuffled'] = report.score(task, 0, args.seeds[0], shuffled=True)
    predictions = report.run('caption', 0, args.seeds[0]) / 'predictions.jsonl'
    by_pair = pair_scores(predictions, Path('data/emoji_scenes/annotations/captions_val.json'))
    controls |= {f'caption, 0 shots, {name}': score for name, score in by_pair.items()}

    text = markdown(scores, controls, args.shots)
    (args.out / 'report.md').write_text(text)
    (args.out / 'report.json').write_text(json.dumps({'scores': scores, 'controls': controls}, indent=1))
    print(text)


def markdown(scores: dict, controls: dict, shots: list[int]) -> str:
    """Both tables, as they stand in configs/flamingo/README.md."""
    lines = ['| shots | ' + ' | '.join(map(str, shots)) + ' |', '|---' * (len(shots) + 1) + '|']
    for task, row in scores.items():
        cells = [f'{mean(v):.1f} ± {stdev(v) if len(v) > 1 else 0:.1f}' for v in row.values()]
        lines.append(f'| {task} ({CONFIGS[task][1]}) | ' + ' | '.join(cells) + ' |')
    lines += ['', '| control | score |', '|---|---|']
    lines += [f'| {name} | {value:.1f} |' for name, value in controls.items()]
    return '\n'.join(lines) + '\n'


if __name__ == '__main__':
    main()
