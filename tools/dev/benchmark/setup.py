"""What the benchmark's own model reads: a tokenizer, photographs with captions, and the job of a peer."""

import json
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.config import Config
from parity.files import write_language_model, write_tokenizer
from PIL import Image
from sentencepiece import SentencePieceProcessor

from mmflamingo.datasets import FlamingoDataset

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / 'work_dirs' / 'benchmark'
CONFIG = Path(__file__).with_name('config.py')
CAPTIONS = ROOT / 'data' / 'emoji_scenes' / 'annotations' / 'captions_val.json'
WIDTH, HEIGHT = 640, 480  # of a photograph of COCO
# A test of 5000 queries with shots from 2048 supports meets 0.4 new supports a query; so do 64 queries with these.
NUM_QUERIES, NUM_SUPPORTS = 128, 32
TRAINED_PIECES = 600


def write_files() -> None:
    """Writes tokenizer and data once."""
    if (FOLDER / 'data' / 'supports.json').exists():
        return
    captions = [entry['caption'] for entry in json.loads(CAPTIONS.read_text())['annotations']]
    model = Config.fromfile(CONFIG).model
    # The words of the prompts, too, so often that they become tokens
    prompts = [f'Output:{example.caption}' for example in model.prompts.caption.text_only_examples]
    write_tokenizer(captions + len(captions) * prompts, FOLDER / 'tokenizer', TRAINED_PIECES)
    _pad_vocabulary(FOLDER / 'tokenizer' / 'tokenizer.model', model.language_model.config.vocab_size)
    _write_pictures('queries', range(NUM_QUERIES), captions)
    _write_pictures('supports', range(NUM_QUERIES, NUM_QUERIES + NUM_SUPPORTS), captions)


def write_job(system: str, cfg: Config, datasets: dict[int, FlamingoDataset]) -> Path:
    """Writes what a peer needs to do the same; gives its folder."""
    folder = FOLDER / system
    folder.mkdir(parents=True, exist_ok=True)
    lm, vision, prompt = cfg.model.language_model, cfg.model.vision_backbone, cfg.model.prompts.caption
    write_language_model({'architectures': ['LlamaForCausalLM'], **lm.config}, folder / 'lm')
    job = {
        'lm': str(folder / 'lm'),
        'tokenizer': str(FOLDER / 'tokenizer'),
        'vision': {
            'width': vision.arch.embed_dims,
            'layers': vision.arch.depth,
            'heads': vision.arch.heads,
            'patch_size': vision.patch_size,
            'image_size': vision.img_size,
        },
        'xattn_every': lm.xattn_every,
        'only_attend_previous': False,
        'generation': {**prompt.generation, 'suppress_tokens': [lm.config.vocab_size + 1]},  # ours never writes <image>
        'prompts': {
            'shot_prompt_tmpl': prompt.shot,
            'final_prompt_tmpl': prompt.query,
            'zeroshot_prompt': ''.join(
                prompt.shot.replace('<image>', '').format(**example) for example in prompt.text_only_examples
            ),
        },
        'pixels': {key: list(cfg.model.data_preprocessor[key]) for key in ('mean', 'std')},
    }
    (folder / 'job.json').write_text(json.dumps(job, indent=1))
    for shots, dataset in datasets.items():
        records = [dataset.get_data_info(index) for index in range(len(dataset))]
        (folder / f'records-{shots}.json').write_text(json.dumps(records))
    return folder


def _pad_vocabulary(path: Path, size: int) -> None:
    """Gives a sentencepiece model so many pieces; the added ones never occur in a text.

    The file is a protocol buffer whose field 1 is repeated: a piece, with its text in field 1 and its score in field 2.
    Entries of such a field may stand anywhere, so they go behind what is there.
    """
    num_pieces = SentencePieceProcessor(model_file=str(path)).vocab_size()
    with path.open('ab') as model:
        for number in range(num_pieces, size):
            text = f'▁unused{number}'.encode()
            piece = bytes([0x0A, len(text)]) + text + b'\x15' + struct.pack('<f', -number)
            model.write(bytes([0x0A, len(piece)]) + piece)


def _write_pictures(name: str, numbers: Sequence[int], captions: Sequence[str]) -> None:
    """Blurred noise, which takes as long to read as a photograph, and a caption file."""
    folder = FOLDER / 'data' / name
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        coarse = np.random.default_rng(number).integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).save(folder / f'{number}.jpg')
    content = {
        'images': [{'id': number, 'file_name': f'{number}.jpg'} for number in numbers],
        'annotations': [{'id': number, 'image_id': number, 'caption': captions[number]} for number in numbers],
    }
    folder.with_suffix('.json').write_text(json.dumps(content))
