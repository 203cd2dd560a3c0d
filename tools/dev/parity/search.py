"""Beam search by the length penalty of transformers up to 4.35, on a trained model that ends its texts: flamingo-tiny."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

from mmflamingo import get_model
from mmflamingo.engine.config.cli import load_config
from mmflamingo.models import Flamingo
from mmflamingo.models.decoding.generation import generate
from mmflamingo.registry import DATASETS

from .report import Row

ROOT = Path(__file__).parents[3]
NUM_QUERIES, BATCH_SIZE = 120, 8
SEED_PENALTY = {'num_beams': 3, 'length_penalty': -2.0}  # of the seed's configs
CASES = {
    'captions, 0 shots': ('zeroshot_caption', {**SEED_PENALTY, 'max_new_tokens': 20}),
    'captions, 4 shots': ('fewshot_caption', {**SEED_PENALTY, 'max_new_tokens': 20}),
    'captions, 4 shots, most are cut off': ('fewshot_caption', {**SEED_PENALTY, 'max_new_tokens': 9}),
    'captions, 4 shots, penalty 1': ('fewshot_caption', {**SEED_PENALTY, 'length_penalty': 1.0, 'max_new_tokens': 20}),
    'VQA, 0 shots': ('zeroshot_vqa', {**SEED_PENALTY, 'max_new_tokens': 5}),
    'VQA, 4 shots': ('fewshot_vqa', {**SEED_PENALTY, 'max_new_tokens': 5}),
}
Batch = tuple[Tensor, Tensor, Tensor]  # visual tokens, ids and mask


def compare(folder: Path, run_peer: Callable[[str, Path], None]) -> Iterator[Row]:
    """Two rows for each case: how many texts differ from theirs, one sample at a time and in batches.

    Args:
        folder: Gets a folder of its own for the files of the worker.
        run_peer: Runs a worker script in the peers' environment.
    """
    work = folder / 'search'
    work.mkdir(parents=True, exist_ok=True)
    model = get_model(str(_config('zeroshot_caption')), True)
    adapter, tokenizer = model.language_model, model.tokenizer
    batches = {name: list(_batches(model, config)) for name, (config, _) in CASES.items()}
    _write_model(model, work)
    of_all = {'eos_token_id': tokenizer.end_of_chunk_token_id, 'pad_token_id': tokenizer.pad_token_id}
    of_all['suppress_tokens'] = tokenizer.unwritable_token_ids
    cases = {
        name: {'batches': batches[name], 'settings': {**of_all, **settings}} for name, (_, settings) in CASES.items()
    }
    block = next(iter(adapter.gated_cross_attn_layers.values()))
    shape = {'dim': block.attn.norm.weight.numel(), 'dim_visual': block.attn.to_kv.in_features}
    shape |= {'heads': block.attn.heads, 'dim_head': block.attn.to_q.out_features // block.attn.heads}
    torch.save({'image_token_id': tokenizer.image_token_id, 'block': shape, 'cases': cases}, work / 'job.pt')
    run_peer('peer_search', work)
    for name, theirs in json.loads((work / 'texts.json').read_text()).items():
        ours = [text for batch in batches[name] for text in _write(model, batch, CASES[name][1])]
        unequal = {how: sum(a != b for a, b in zip(ours, texts, strict=True)) for how, texts in theirs.items()}
        count = f'flamingo-tiny, {name} ({len({*map(tuple, ours)})} different texts)'
        yield Row('transformers 4.33.3', f'{count}, theirs one at a time', len(ours), unequal['alone'])
        padding = 'known: they count the padding of the batch as text'
        yield Row('transformers 4.33.3', f'{count}, theirs in batches', len(ours), unequal['in batches'], known=padding)


def _config(name: str) -> Path:
    return ROOT / 'configs' / 'flamingo' / f'flamingo-tiny_{name}.py'


@torch.no_grad()
def _batches(model: Flamingo, config: str) -> Iterator[Batch]:
    dataset = DATASETS.build(load_config(str(_config(config))).test_dataloader.dataset)
    for start in range(0, NUM_QUERIES, BATCH_SIZE):
        batch = model.data_preprocessor(pseudo_collate([dataset[i] for i in range(start, start + BATCH_SIZE)]))
        visual_tokens = model.encode_media(batch['images'], batch['num_media'], batch['media_keys'])
        yield visual_tokens, batch['input_ids'], batch['attention_mask']


def _write(model: Flamingo, batch: Batch, settings: dict) -> list[list[int]]:
    end = model.tokenizer.end_of_chunk_token_id
    ids = generate(
        model.language_model,
        *batch,
        [end],
        model.tokenizer.pad_token_id,
        {**settings, 'length_penalty_over': 'whole'},
        banned_token_ids=model.tokenizer.unwritable_token_ids,
    )
    return [row[: row.index(end)] if end in row else row for row in ids.tolist()]


def _write_model(model: Flamingo, work: Path) -> None:
    """The language model as old versions read it, and the blocks."""
    adapter = model.language_model
    (work / 'lm').mkdir(exist_ok=True)
    known = load_config(str(_config('zeroshot_caption'))).model.language_model.config.to_dict()
    config = {
        **known,
        'architectures': ['LlamaForCausalLM'],
        'torch_dtype': 'float32',
        'vocab_size': len(model.tokenizer),
    }
    (work / 'lm' / 'config.json').write_text(json.dumps(config))
    torch.save(adapter.lm.state_dict(), work / 'lm' / 'pytorch_model.bin')
    blocks = {n: block.state_dict() for n, block in adapter.gated_cross_attn_layers.items()}
    torch.save(blocks, work / 'blocks.pt')
