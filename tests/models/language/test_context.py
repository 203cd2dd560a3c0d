"""The limits of language models, read from their configurations."""

import pytest
import torch
from transformers import AutoConfig

from mmflamingo.models.language.context import ContextLimit, context_limit

POSITIONS = 64


def limit(model_type, **fields):
    return context_limit(AutoConfig.for_model(model_type, **fields))


@pytest.mark.parametrize(
    ('model_type', 'fields', 'expected'),
    [
        ('gpt2', {'n_positions': 1024}, ContextLimit(1024, True)),
        ('opt', {'max_position_embeddings': 2048}, ContextLimit(2048, True)),
        ('gpt_neo', {'max_position_embeddings': 2048, 'window_size': 256}, ContextLimit(2048, True)),
        ('gptj', {'n_positions': 2048}, ContextLimit(2048, True)),
        ('mpt', {'max_seq_len': 65536}, ContextLimit(65536, True)),
        ('llama', {'max_position_embeddings': 4096}, ContextLimit(4096)),
        ('gpt_neox', {'max_position_embeddings': 2048}, ContextLimit(2048)),
        ('bloom', {}, ContextLimit()),
        ('falcon', {'alibi': True}, ContextLimit()),
        ('falcon', {'alibi': False, 'max_position_embeddings': 2048}, ContextLimit(2048)),
        ('mistral', {'max_position_embeddings': 32768, 'sliding_window': 4096}, ContextLimit(4096)),
        ('mistral', {'max_position_embeddings': 32768, 'sliding_window': None}, ContextLimit(32768)),
        ('mistral', {'max_position_embeddings': 1024, 'sliding_window': 4096}, ContextLimit(1024)),
        ('gemma2', {'max_position_embeddings': 8192, 'sliding_window': 4096}, ContextLimit(8192)),  # every second layer
        ('qwen2', {'max_position_embeddings': 32768, 'use_sliding_window': False}, ContextLimit(32768)),
    ],
)
def test_limits_of_families(model_type, fields, expected):
    assert limit(model_type, **fields) == expected


@pytest.mark.parametrize(
    ('scaling', 'expected'),
    [
        ({'rope_type': 'default'}, 4096),
        ({'rope_type': 'dynamic', 'factor': 2.0}, 8192),
        ({'rope_type': 'yarn', 'factor': 4.0, 'original_max_position_embeddings': 4096}, 16384),
        ({'rope_type': 'linear', 'factor': 4.0}, 4096),
    ],
)
def test_scaled_rotary_positions(scaling, expected):
    assert (
        limit('llama', max_position_embeddings=4096, rope_parameters={'rope_theta': 1e4, **scaling}).tokens == expected
    )


def test_hard_limits_are_those_beyond_which_the_language_model_fails(family, adapter_of):
    """With as many tokens as the limit all work; with one more those that have no such position don't."""
    adapter = adapter_of(family)
    tokens = adapter.context_limit.tokens or POSITIONS
    ids = torch.full((1, tokens + 1), 5)
    media = torch.randn(1, 1, 3, 16)
    with torch.no_grad():
        assert adapter(media, ids[:, 1:], torch.ones_like(ids)[:, 1:]).isfinite().all()
        if adapter.context_limit.is_hard:
            with pytest.raises((IndexError, RuntimeError)):
                adapter(media, ids, torch.ones_like(ids))
        else:
            adapter(media, ids, torch.ones_like(ids))
