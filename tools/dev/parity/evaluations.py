"""OpenFlamingo's own evaluation and ours: the same pictures and examples, from files to what is kept of the text."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from mmflamingo.engine.config.cli import load_config

from .report import Row
from .setups import IMAGE, PAD, VISION, VOCAB_SIZE, XATTN_EVERY
from .small_runs import BATCH_SIZE, build, predict

ROOT = Path(__file__).parents[3]
DATA = ROOT / 'data' / 'emoji_scenes'
HOST = 'gpt_neox'
NUM_QUERIES, NUM_SUPPORTS = 32, 64
RUNS = {
    f'{kind}, {shots} shots': {'task': task, 'shots': shots}
    for kind, task in (('caption', 'caption'), ('VQA', 'vqa'))
    for shots in (0, 4)
}
CONFIGS = {'caption': 'openflamingo-4b_coco', 'vqa': 'openflamingo-4b_vqav2'}


def compare(folder: Path, run_peer: Callable[[str, Path], None]) -> Iterator[Row]:
    """Two rows for each run: how many prompts, and how many predictions, are not the same text.

    Args:
        folder: Has the language models of `files`; the evaluations go into a folder of their own there.
        run_peer: Runs a worker script in the peers' environment.
    """
    work = folder / 'evaluations'
    work.mkdir(parents=True, exist_ok=True)
    job = {
        'lm': str(folder / 'lm' / HOST),
        'tokenizer': write_byte_tokenizer(work / 'tokenizer'),
        'vision': VISION,
        'xattn_every': XATTN_EVERY,
        'generation': {'suppress_tokens': [IMAGE, PAD]},  # ours never writes them
        'settings': {**_settings(work), 'batch_size': BATCH_SIZE, 'num_samples': NUM_QUERIES},
        'runs': RUNS,
    }
    (work / 'job.json').write_text(json.dumps(job, indent=2))
    (work / 'store').unlink(missing_ok=True)
    run_peer('peer_evaluation', work)
    checkpoint = torch.load(work / 'weights.pth', weights_only=True)
    for name, theirs in json.loads((work / 'predictions.json').read_text()).items():
        cfg = load_config(str(ROOT / 'configs' / 'flamingo' / f'{CONFIGS[RUNS[name]["task"]]}.py'))
        tokenizer = {
            'type': 'FlamingoTokenizer',
            'pretrained': job['tokenizer'],
            'vocab_size': VOCAB_SIZE,
            'add_bos': False,
        }
        records = [_record(number, sample) for number, sample in enumerate(theirs)]
        ours = predict(build(cfg, checkpoint, HOST, tokenizer), cfg, records)
        prompts = sum(own.prompt != sample['prompt'] for own, sample in zip(ours, theirs, strict=True))
        yield Row('openflamingo', f'prompts of an evaluation: {name}', len(theirs), prompts)
        field = 'pred_caption' if RUNS[name]['task'] == 'caption' else 'pred_answer'
        # White space at the ends is theirs to keep and ours to drop; no score depends on it.
        unequal = sum(own.get(field) != sample['written'].strip() for own, sample in zip(ours, theirs, strict=True))
        different = len({sample['written'] for sample in theirs})
        yield Row(
            'openflamingo', f'predictions of an evaluation: {name} ({different} different texts)', len(theirs), unequal
        )


def write_byte_tokenizer(folder: Path) -> str:
    """A tokenizer of bytes and pairs of them, as GPT-NeoX has one, in a file that old and new readers understand."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    captions = json.loads((DATA / 'annotations' / 'captions_val.json').read_text())['annotations']
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=['<|endoftext|>'],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((entry['caption'] for entry in captions), trainer)
    content = json.loads(tokenizer.to_str())
    merges = content['model']['merges']
    content['model']['merges'] = [pair if isinstance(pair, str) else ' '.join(pair) for pair in merges]
    (folder / 'tokenizer.json').write_text(json.dumps(content))
    end = '<|endoftext|>'
    config = {'tokenizer_class': 'PreTrainedTokenizerFast', 'bos_token': end, 'eos_token': end, 'unk_token': end}
    (folder / 'tokenizer_config.json').write_text(json.dumps(config))
    return str(folder)


def _settings(work: Path) -> dict:
    """What `evaluate.py` reads instead of COCO and VQAv2: EmojiScenes under their names."""
    files = {'query_set_size': NUM_SUPPORTS, 'coco_annotations_json_path': ''}
    images = []
    for split, own in (('train', 'support'), ('test', 'val')):
        year = {'train': 'train2014', 'test': 'val2014'}[split]
        (work / year).mkdir(exist_ok=True)
        captions = json.loads((DATA / 'annotations' / f'captions_{own}.json').read_text())
        first = {entry['image_id']: entry['caption'] for entry in reversed(captions['annotations'])}
        for image in captions['images']:
            link = work / year / f'COCO_{year}_{image["id"]:012d}.jpg'
            link.unlink(missing_ok=True)
            link.symlink_to(DATA / own / image['file_name'])
            sentences = [{'raw': first[image['id']]}]
            names = {'split': split, 'filepath': year, 'filename': link.name, 'cocoid': image['id']}
            images.append({**names, 'sentences': sentences})
        part = 'train' if split == 'train' else 'val'
        files[f'coco_{part}_image_dir_path'] = files[f'vqav2_{split}_image_dir_path'] = str(work / year)
        questions = DATA / 'annotations' / f'v2_OpenEnded_emoji_{own}_questions.json'
        files[f'vqav2_{split}_questions_json_path'] = str(questions)
        files[f'vqav2_{split}_annotations_json_path'] = str(DATA / 'annotations' / f'v2_emoji_{own}_annotations.json')
    (work / 'karpathy.json').write_text(json.dumps({'images': images}))
    return {**files, 'coco_karpathy_json_path': str(work / 'karpathy.json')}


def _record(number: int, sample: dict) -> dict:
    paths = sample['img_path']
    with_pictures = len(paths) > 1
    shots = []
    for place, example in enumerate(sample['examples']):
        text = {'caption': example['caption'].strip()} if 'caption' in example else {'answer': example['answers'][0]}
        picture = {'img_path': paths[place]} if with_pictures else {}
        shots.append({**({'question': example['question']} if 'question' in example else {}), **text, **picture})
    record = {'sample_id': number, 'task': sample['task'], 'img_path': paths, 'shots': shots}
    return {**record, 'question': sample['question']} if 'question' in sample else record
