"""The models of the zoo, built from their configs on the meta device, have the published sizes."""

from pathlib import Path

import pytest
import torch

from mmflamingo.engine.config.cli import load_config
from mmflamingo.engine.config.metafile import read_metafile
from mmflamingo.registry import MODELS

ROOT = Path(__file__).parents[2]
NEOX_WORDS = 50277  # GPT-NeoX's tokenizer; all language models of OpenFlamingo v2 use it, with 50432 rows
QK_NORMS = 24 * 2 * 2048  # MPT-1B normalises queries and keys, transformers' MPT doesn't

# https://huggingface.co/mosaicml, https://huggingface.co/togethercomputer: config.json of each
MPT_1B = {'model_type': 'mpt', 'd_model': 2048, 'n_layers': 24, 'n_heads': 16, 'vocab_size': 50432}
MPT_7B = {'model_type': 'mpt', 'd_model': 4096, 'n_layers': 32, 'n_heads': 32, 'vocab_size': 50432}
REDPAJAMA_3B = {
    'model_type': 'gpt_neox',
    'hidden_size': 2560,
    'num_hidden_layers': 32,
    'num_attention_heads': 32,
    'intermediate_size': 10240,
    'vocab_size': 50432,
    'tie_word_embeddings': False,
}
# Size in GB of checkpoint.pt at https://huggingface.co/openflamingo. It holds, in float32, the resampler, the gated
# cross-attention and the embeddings; of RedPajama, which doesn't tie them, the output embeddings, too. That of 4B also
# holds RedPajama's causal masks, a byte an entry.
PUBLISHED = {
    'openflamingo-3b': (MPT_1B, 4.19),
    'openflamingo-3b-instruct': (MPT_1B, 4.19),
    'openflamingo-4b': (REDPAJAMA_3B, 5.01),
    'openflamingo-4b-instruct': (REDPAJAMA_3B, 4.87),
    'openflamingo-9b': (MPT_7B, 5.54),
}
CAUSAL_MASKS = {'openflamingo-4b': 32 * 2048 * 2048}


@pytest.fixture(scope='module')
def tokenizer(vocabulary, write_tokenizer, tmp_path_factory):
    words = [*vocabulary, *(f'w{i}' for i in range(NEOX_WORDS - len(vocabulary)))]
    return write_tokenizer(tmp_path_factory.mktemp('neox'), words)


@pytest.fixture(scope='module')
def parameters():
    return {model.name: model.parameters for model in read_metafile(ROOT / 'configs/flamingo/metafile.yml')}


def build(name, architecture, tokenizer):
    model = load_config(str(ROOT / f'configs/flamingo/{name}_coco.py')).model
    model.tokenizer.pretrained = tokenizer
    model.vision_backbone.pretrained = model.language_model.pretrained = None
    model.language_model.config = architecture
    with torch.device('meta'):
        return MODELS.build(model)


def count(*modules):
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


@pytest.mark.parametrize('name', PUBLISHED)
def test_as_large_as_published(name, tokenizer, parameters):
    architecture, gigabytes = PUBLISHED[name]
    model = build(name, architecture, tokenizer)
    lm = model.language_model.lm
    embeddings = {lm.get_input_embeddings().weight, lm.get_output_embeddings().weight}
    assert all(len(rows) == NEOX_WORDS + 3 for rows in embeddings)
    adapter = count(model.resampler, model.language_model.gated_cross_attn_layers)
    held = adapter + sum(rows.numel() for rows in embeddings)
    assert round((4 * held + CAUSAL_MASKS.get(name, 0)) / 1e9, 2) == gigabytes
    whole = count(model) + (QK_NORMS if architecture is MPT_1B else 0)
    assert {whole} == {parameters[f'{name}_coco'], parameters[f'{name}_vqav2']}
