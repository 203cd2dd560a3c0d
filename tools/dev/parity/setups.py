"""Small models that every system can build, and what they are given."""

from typing import Any

import torch

from .weights import integers, uniform

VOCAB_SIZE = 320
END_OF_CHUNK, IMAGE, PAD = VOCAB_SIZE, VOCAB_SIZE + 1, VOCAB_SIZE + 2
BOS = 1
WIDTH, LAYERS, HEADS, XATTN_EVERY = 32, 4, 4, 2
# CLIP's vision transformer. Resampler and gated blocks have the peers' sizes, which can't be chosen there.
VISION = {'width': 32, 'layers': 2, 'heads': 2, 'patch_size': 8, 'image_size': 32}
NUM_PROMPTS = 4
BEAMS = {'num_beams': 3, 'max_new_tokens': 20}

_LLAMA_LIKE = {
    'vocab_size': VOCAB_SIZE,
    'hidden_size': WIDTH,
    'intermediate_size': 2 * WIDTH,
    'num_hidden_layers': LAYERS,
    'num_attention_heads': HEADS,
    'max_position_embeddings': 1024,
    'bos_token_id': BOS,
    'eos_token_id': 2,
}
HOSTS: dict[str, dict[str, Any]] = {
    'llama': {'architectures': ['LlamaForCausalLM'], **_LLAMA_LIKE},
    'opt': {'architectures': ['OPTForCausalLM'], 'ffn_dim': 2 * WIDTH, 'word_embed_proj_dim': WIDTH, **_LLAMA_LIKE},
    'gpt_neox': {'architectures': ['GPTNeoXForCausalLM'], **_LLAMA_LIKE},
    'mpt': {
        'architectures': ['MptForCausalLM'],
        'vocab_size': VOCAB_SIZE,
        'd_model': WIDTH,
        'n_layers': LAYERS,
        'n_heads': HEADS,
        'max_seq_len': 1024,
    },
}

# What tells one model of a peer from another, and the mask modes of ours that compute the same: of a forward pass,
# and of generation with a cache.
PEERS = {
    'mmpretrain-llama': ('following', 'following'),
    'mmpretrain-llama-only_attend_previous': ('preceding', 'preceding_blind_decoding'),
    'openflamingo_v1-llama': ('following', 'following'),
    'openflamingo_v1-opt': ('following', 'following'),
    'openflamingo-llama': ('preceding', 'preceding'),
    'openflamingo-opt': ('preceding', 'preceding'),
    'openflamingo-gpt_neox': ('preceding', 'preceding'),
    'openflamingo-mpt': ('preceding', 'preceding'),
}
# Of OpenFlamingo's evaluation and of mmpretrain's configs; `length_penalty_over` is ours: their transformers know one rule.
LENGTH_PENALTY = {
    'mmpretrain': {'length_penalty': -2.0, 'length_penalty_over': 'whole'},
    'openflamingo_v1': {'length_penalty': -2.0, 'length_penalty_over': 'whole'},
    'openflamingo': {'length_penalty': 0.0},
}


def cases() -> dict[str, dict[str, torch.Tensor]]:
    """Two batches of four prompts, padded on the left by 0 to 6 tokens.

    Returns:
        dict: 'zero-shot' with one medium after text, 'few-shot' with three media. Each has `images` (B, M, 3, H, W),
            `input_ids` and `attention_mask` (B, L).
    """
    return {
        'zero-shot': _case('zero-shot', length=24, media=(15,)),
        'few-shot': _case('few-shot', length=30, media=(7, 14, 23)),
    }


def _case(name: str, length: int, media: tuple[int, ...]) -> dict[str, torch.Tensor]:
    input_ids = integers(f'{name}.input_ids', (NUM_PROMPTS, length), 3, VOCAB_SIZE)
    input_ids[:, list(media)] = IMAGE
    for row, padding in enumerate(range(0, 2 * NUM_PROMPTS, 2)):
        input_ids[row, :padding] = PAD
        input_ids[row, padding] = BOS
    size = VISION['image_size']
    images = 1.7 * uniform(f'{name}.images', (NUM_PROMPTS, len(media), 3, size, size))
    return {
        'images': torch.from_numpy(images).float(),
        'input_ids': input_ids,
        'attention_mask': (input_ids != PAD).long(),
    }
