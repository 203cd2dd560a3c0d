"""Tiny random models of every language-model family, and a tokenizer whose ids can be read."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast, dynamic_module_utils

import mmflamingo.engine  # noqa: F401  its loaders read archives and folders
from mmflamingo.models.language import FlamingoLMAdapter
from mmflamingo.registry import MODELS

WORDS = 'Output : Question Short answer ? A cat dog on mat what is it red < > / s image | endofchunk'
VOCABULARY = ['<unk>', '<s>', '</s>', *WORDS.split()]

WIDTH, LAYERS, HEADS = 32, 4, 4
VOCAB_SIZE = 40
END_OF_CHUNK, IMAGE, PAD = 40, 41, 42
VISUAL_DIM = 16

_COMMON = {
    'hidden_size': WIDTH,
    'num_hidden_layers': LAYERS,
    'num_attention_heads': HEADS,
    'intermediate_size': 64,
    'max_position_embeddings': 64,
    'vocab_size': VOCAB_SIZE,
    'pad_token_id': None,
    'bos_token_id': 1,
    'eos_token_id': 2,
}
_GROUPED = {**_COMMON, 'num_key_value_heads': 2, 'head_dim': WIDTH // HEADS}
_GPT2 = {
    'n_embd': WIDTH,
    'n_layer': LAYERS,
    'n_head': HEADS,
    'n_positions': 64,
    'vocab_size': VOCAB_SIZE,
    'bos_token_id': 1,
    'eos_token_id': 2,
}
FAMILIES = {
    'bloom': {'hidden_size': WIDTH, 'n_layer': LAYERS, 'n_head': HEADS, 'vocab_size': VOCAB_SIZE},
    'falcon': {**_COMMON, 'ffn_hidden_size': 64, 'alibi': False},
    'gemma': _GROUPED,
    'gemma3_text': {**_GROUPED, 'sliding_window': 8},
    'gpt2': _GPT2,
    'gpt_neo': {
        'hidden_size': WIDTH,
        'num_layers': LAYERS,
        'num_heads': HEADS,
        'attention_types': [[['global', 'local'], LAYERS // 2]],
        'window_size': 8,
        'max_position_embeddings': 64,
        'vocab_size': VOCAB_SIZE,
        'bos_token_id': 1,
        'eos_token_id': 2,
    },
    'gpt_neox': _COMMON,
    'gptj': {**_GPT2, 'rotary_dim': 4},
    'llama': _COMMON,
    'mistral': _GROUPED,
    'mpt': {
        'd_model': WIDTH,
        'n_layers': LAYERS,
        'n_heads': HEADS,
        'max_seq_len': 64,
        'vocab_size': VOCAB_SIZE,
    },
    'opt': {**_COMMON, 'ffn_dim': 64, 'word_embed_proj_dim': WIDTH},
    'phi': _COMMON,
    'qwen2': _GROUPED,
    'qwen3': _GROUPED,
    'smollm3': _GROUPED,
}
# Beside the families of transformers: a language model that brings its own code.
REMOTE_CODE = 'remote_code'


def save_tokenizer(folder, vocabulary=VOCABULARY):
    """A word tokenizer: the id of a word is its place in the vocabulary."""
    ids = {word: i for i, word in enumerate(vocabulary)}
    words = Tokenizer(models.WordLevel(ids, unk_token='<unk>'))
    words.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token='<unk>', bos_token='<s>', eos_token='</s>'
    ).save_pretrained(folder)
    return str(folder)


def build_adapter(family='llama', open_gates=True, seed=0, **kwargs):
    """A language model with random, far from small weights and gates, in evaluation mode."""
    settings = {
        'config': {'model_type': family, **FAMILIES.get(family, {})},
        'visual_dim': VISUAL_DIM,
        'vocab_size': VOCAB_SIZE + 3,
        'image_token_id': IMAGE,
        'xattn_every': 2,
        'heads': 2,
        'dim_head': 8,
        **kwargs,
    }
    adapter = FlamingoLMAdapter(**settings).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in adapter.named_parameters():
            if name.endswith(('.attn_gate', '.ff_gate')):
                parameter.fill_(0.8 if open_gates else 0.0)
            elif parameter.ndim > 1:
                parameter.normal_(std=0.3, generator=generator)
    return adapter


def text_batch(seed=0):
    """Two prompts of 9 tokens: media at 2 and 5; padding until 3, medium at 5."""
    generator = torch.Generator().manual_seed(seed)
    input_ids = torch.randint(3, VOCAB_SIZE, (2, 9), generator=generator)
    input_ids[:, 5] = input_ids[0, 2] = IMAGE
    input_ids[1, :3] = PAD
    visual_tokens = torch.randn(2, 2, 3, VISUAL_DIM, generator=generator)
    return visual_tokens, input_ids, (input_ids != PAD).long()


def flamingo_config(tokenizer_folder, **changes):
    """Config of a Flamingo with 8 px images, 4 patches, 3 latents."""
    caption = {
        'type': 'PromptTemplate',
        'shot': '<image>Output:{caption}<|endofchunk|>',
        'query': '<image>Output:',
        'output': 'caption',
        'stop': ['Output'],
        'generation': {'num_beams': 3, 'max_new_tokens': 5},
    }
    vqa = {
        'type': 'PromptTemplate',
        'shot': '<image>Question:{question} Short answer:{answer}<|endofchunk|>',
        'query': '<image>Question:{question} Short answer:',
        'output': 'answer',
        'generation': {'max_new_tokens': 2},
    }
    return {
        'type': 'Flamingo',
        'tokenizer': {'type': 'FlamingoTokenizer', 'pretrained': tokenizer_folder},
        'vision_backbone': {
            'type': 'CLIPVisionTransformer',
            'arch': {'embed_dims': VISUAL_DIM, 'depth': 1, 'heads': 2},
            'img_size': 8,
            'patch_size': 4,
        },
        'resampler': {'type': 'PerceiverResampler', 'depth': 1, 'num_latents': 3, 'heads': 2},
        'language_model': {
            'type': 'FlamingoLMAdapter',
            'config': {'model_type': 'llama', **_COMMON, 'vocab_size': len(VOCABULARY)},
            'xattn_every': 2,
            'heads': 2,
            'dim_head': 8,
        },
        'prompts': {'caption': caption, 'vqa': vqa},
        'data_preprocessor': {
            'type': 'FlamingoDataPreprocessor',
            'mean': [122.0, 116.0, 104.0],
            'std': [68.0, 66.0, 70.0],
        },
        **changes,
    }


def write_model_with_code(folder):
    """A language model whose Python code lies beside its weights, as MPT-1B's does."""
    shutil.copytree(Path(__file__).parent / 'remote_code', folder)
    classes = {
        'AutoConfig': 'configuration_alibi.AlibiConfig',
        'AutoModelForCausalLM': 'modeling_alibi.AlibiForCausalLM',
    }
    config = {'model_type': 'alibi', 'architectures': ['AlibiForCausalLM'], 'auto_map': classes}
    (folder / 'config.json').write_text(json.dumps(config))
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    lm = AutoModelForCausalLM.from_config(config, trust_remote_code=True)
    lm.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope='session')
def folder_with_code(tmp_path_factory):
    folder = tmp_path_factory.mktemp('remote_code')
    with pytest.MonkeyPatch.context() as patch:  # where transformers copies such code to
        patch.setattr(dynamic_module_utils, 'HF_MODULES_CACHE', str(folder / 'modules'))
        yield write_model_with_code(folder / 'alibi')


@pytest.fixture(params=[*sorted(FAMILIES), REMOTE_CODE])
def family(request):
    return request.param


@pytest.fixture(scope='session')
def families():
    return FAMILIES


@pytest.fixture(scope='session')
def vocabulary():
    return VOCABULARY


@pytest.fixture(scope='session')
def write_tokenizer():
    return save_tokenizer


@pytest.fixture(scope='session')
def config_of():
    return flamingo_config


@pytest.fixture
def adapter_of(request):
    def build(family='llama', **kwargs):
        if family == REMOTE_CODE:
            folder = request.getfixturevalue('folder_with_code')
            kwargs = {
                'config': None,
                'pretrained': folder,
                'layers_path': 'blocks',
                'trust_remote_code': True,
                **kwargs,
            }
        return build_adapter(family, **kwargs)

    return build


@pytest.fixture
def batch():
    return text_batch()


@pytest.fixture(scope='session')
def tokenizer_folder(tmp_path_factory):
    return save_tokenizer(tmp_path_factory.mktemp('tokenizer'))


@pytest.fixture
def flamingo_of(tokenizer_folder):
    def build(open_gates=True, **changes):
        torch.manual_seed(0)
        model = MODELS.build(flamingo_config(tokenizer_folder, **changes))
        with torch.no_grad():
            for block in model.language_model.gated_cross_attn_layers.values():
                block.attn_gate.fill_(0.8 if open_gates else 0.0)
                block.ff_gate.fill_(0.8 if open_gates else 0.0)
        return model

    return build
