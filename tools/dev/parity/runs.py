"""Whole test runs by the configs of mmpretrain and ours: the same files and shots, pictures and text up to predictions."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from mmflamingo.engine.config.cli import load_config

from .report import Row
from .setups import IMAGE, PAD, VISION, VOCAB_SIZE, XATTN_EVERY
from .small_runs import BATCH_SIZE, build, predict

ROOT = Path(__file__).parents[3]
DATA = ROOT / 'data' / 'emoji_scenes'
NUM_QUERIES, NUM_SUPPORTS = 32, 64
CONFIGS = {
    'caption, 0 shots': ('flamingo_zeroshot_caption', 0),
    'caption, 4 shots': ('flamingo_fewshot_caption', 4),
    'VQA, 0 shots': ('flamingo_zeroshot_vqa', 0),
    'VQA, 4 shots': ('flamingo_fewshot_vqa', 4),
}


def compare(folder: Path, run_peer: Callable[[str, Path], None]) -> Iterator[Row]:
    """A row for each run: how many predictions are not the same text.

    Args:
        folder: Has the tokenizer and the language models of `files`; the runs go into a folder of their own there.
        run_peer: Runs a worker script in the peers' environment.
    """
    work = folder / 'runs'
    work.mkdir(parents=True, exist_ok=True)
    job = {
        'lm': str(folder / 'lm' / 'llama'),
        'tokenizer': str(folder / 'tokenizer'),
        'vision': VISION,
        'xattn_every': XATTN_EVERY,
        'only_attend_previous': False,
        'generation': {'suppress_tokens': [IMAGE, PAD]},  # ours never writes them
        'batch_size': BATCH_SIZE,
        'runs': [
            {'name': name, 'config': config, 'dataset': _files(config, shots)}
            for name, (config, shots) in CONFIGS.items()
        ],
    }
    (work / 'job.json').write_text(json.dumps(job, indent=2))
    run_peer('peer_runs', work)
    checkpoint = torch.load(work / 'weights.pth', weights_only=True)
    for name, theirs in json.loads((work / 'predictions.json').read_text()).items():
        cfg = load_config(str(ROOT / 'configs' / 'flamingo' / f'{CONFIGS[name][0]}.py'))
        tokenizer = {**cfg.model.tokenizer, 'pretrained': str(folder / 'tokenizer'), 'vocab_size': VOCAB_SIZE}
        records = [_record(number, sample) for number, sample in enumerate(theirs)]
        ours = predict(build(cfg, checkpoint, 'llama', tokenizer), cfg, records)
        unequal = sum(
            own.get(_field(sample)) != sample[_field(sample)] for own, sample in zip(ours, theirs, strict=True)
        )
        different = len({sample[_field(sample)] for sample in theirs})
        yield Row('mmpretrain', f'predictions of a run: {name} ({different} different texts)', len(theirs), unequal)


def _files(config: str, shots: int) -> dict:
    """What mmpretrain's data set of a config reads instead of COCO."""
    sizes = {'num_shots': shots, 'num_support_examples': NUM_SUPPORTS, 'num_query_examples': NUM_QUERIES}
    files = {'ann_file': 'annotations/captions_val.json', 'data_prefix': {'img_path': 'val'}}
    if config.endswith('vqa'):
        files = {
            'ann_file': 'annotations/v2_emoji_val_annotations.json',
            'question_file': 'annotations/v2_OpenEnded_emoji_val_questions.json',
            'data_prefix': 'val',
        }
    return {'data_root': str(DATA), **files, **sizes}


def _record(number: int, sample: dict) -> dict:
    paths = sample['img_path'] if isinstance(sample['img_path'], list) else [sample['img_path']]
    shots = [{**shot, 'img_path': path} for shot, path in zip(sample.get('shots', ()), paths, strict=False)]
    task = 'vqa' if 'question' in sample else 'caption'
    record = {'sample_id': number, 'task': task, 'img_path': paths, 'shots': shots}
    return {**record, 'question': sample['question']} if task == 'vqa' else record


def _field(sample) -> str:
    return 'pred_answer' if 'question' in sample else 'pred_caption'
