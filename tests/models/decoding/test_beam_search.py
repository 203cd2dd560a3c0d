import pytest
import torch
from decoding_prompts import END_OF_CHUNK, IMAGE, PAD, alone, make_ends_likely, prompts

from mmflamingo.models.decoding.beam_search import STEPS_A_LOOK, can_search
from mmflamingo.models.decoding.generation import generate

SETTINGS = {'num_beams': 3, 'max_new_tokens': 10}
TREE_FAMILIES = ['falcon', 'gpt2', 'gpt_neox', 'llama', 'opt', 'phi', 'qwen2', 'qwen3', 'smollm3']


def write(adapter, batch, **settings):
    return generate(adapter, *batch, [END_OF_CHUNK], PAD, {**SETTINGS, **settings})


def write_with_transformers(adapter, batch, **settings):
    assert not can_search(adapter, {**SETTINGS, 'use_cache': True})
    return write(adapter, batch, use_cache=True, **settings)


@pytest.mark.parametrize('media_index', ['preceding', 'following', 'preceding_blind_decoding'])
@pytest.mark.parametrize('family', TREE_FAMILIES)
def test_finds_what_transformers_finds(adapter_of, family, media_index):
    adapter = adapter_of(family, media_index=media_index)
    make_ends_likely(adapter, bias=-3.0)
    assert can_search(adapter, SETTINGS)
    ids = write(adapter, prompts())
    assert torch.equal(ids, write_with_transformers(adapter, prompts()))
    assert ids.shape[1] > 1


@pytest.mark.parametrize('seed', range(2))
@pytest.mark.parametrize(
    'settings',
    [
        *({'length_penalty': penalty} for penalty in (-2.0, 0.0, 1.0, 3.0)),
        {'early_stopping': True},
        {'early_stopping': 'never'},
        {'early_stopping': 'never', 'length_penalty': -1.0},
        {'min_new_tokens': 10},
        {'min_new_tokens': 4, 'num_beams': 2},
        {'num_beams': 5, 'num_return_sequences': 1},
        {'do_sample': False},
        {'max_new_tokens': 1},
    ],
)
def test_under_every_setting(adapter_of, settings, seed):
    adapter = adapter_of('llama', seed=seed)
    make_ends_likely(adapter)
    batch = prompts(seed=seed)
    assert torch.equal(write(adapter, batch, **settings), write_with_transformers(adapter, batch, **settings))


@pytest.mark.parametrize('settings', [{}, {'early_stopping': True}, {'max_new_tokens': 4}])
@pytest.mark.parametrize('steps', [3, 4, 100])
def test_samples_that_finished_since_the_last_look(adapter_of, monkeypatch, steps, settings):
    """On a GPU they stay in the batch for some steps."""
    adapter = adapter_of('llama')
    make_ends_likely(adapter)
    expected = write(adapter, prompts(), **settings)
    monkeypatch.setitem(STEPS_A_LOOK, 'cpu', steps)
    assert torch.equal(write(adapter, prompts(), **settings), expected)


def test_a_common_beginning_is_read_once(adapter_of):
    adapter = adapter_of('llama')
    batch = prompts(beginning=(1, 5, 6, 7, 8, 9, 10, 11, 12))
    shapes = []
    hook = adapter.lm.model.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(tuple(kwargs['input_ids'].shape)), with_kwargs=True
    )
    ids = write(adapter, batch)
    assert shapes[:3] == [(1, 9), (6, 11), (6, 3)], 'beginning, prompts, beams side by side'
    hook.remove()
    assert torch.equal(ids, write_with_transformers(adapter, batch))
    alone = [write(adapter, [x[row : row + 1] for x in batch])[0] for row in range(6)]
    assert all(torch.equal(ids[row, : len(text)], text) for row, text in enumerate(alone))


@pytest.mark.parametrize('media_index', ['following', 'preceding'])
def test_text_that_sees_a_medium_is_no_common_beginning(adapter_of, media_index):
    """With 'following', the text before a medium sees it already."""
    adapter = adapter_of('llama', media_index=media_index)
    batch = prompts(beginning=(IMAGE, 5, 6, 7, 8, 9, 10) if media_index == 'preceding' else (1, 5, 6, 7, 8, 9, 10))
    visual_tokens = torch.randn(6, 3, 3, 16)
    batch = visual_tokens, *batch[1:]
    assert torch.equal(write(adapter, batch), write_with_transformers(adapter, batch))


def test_prompts_that_are_one_beginning(adapter_of):
    adapter = adapter_of('llama')
    input_ids = torch.tensor([[1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]] * 3)
    batch = torch.randn(3, 1, 3, 16), input_ids, torch.ones_like(input_ids)
    assert torch.equal(write(adapter, batch), write_with_transformers(adapter, batch))


def test_finished_samples_leave_the_batch(adapter_of):
    adapter = adapter_of('llama')
    make_ends_likely(adapter)
    rows = []
    adapter.lm.model.register_forward_pre_hook(
        lambda module, args, kwargs: rows.append(len(kwargs['input_ids'])), with_kwargs=True
    )
    write(adapter, prompts(batch=8, seed=3), early_stopping=True, max_new_tokens=20)
    decoded = rows[1:]
    assert decoded == sorted(decoded, reverse=True) and decoded[-1] < 8


@pytest.mark.parametrize(
    ('family', 'settings'),
    [
        ('bloom', {}),
        ('gemma3_text', {}),
        ('llama', {'num_beams': 1}),
        ('llama', {'do_sample': True}),
        ('llama', {'repetition_penalty': 1.2}),
    ],
)
def test_what_is_left_to_transformers(adapter_of, family, settings):
    """Positions that attention counts itself, sliding windows, and settings without a place in beam search."""
    assert not can_search(adapter_of(family), {**SETTINGS, **settings})


SMALL = {
    **{'hidden_size': 32, 'num_hidden_layers': 4, 'num_attention_heads': 4, 'vocab_size': 40, 'pad_token_id': None},
    **{'bos_token_id': 1, 'eos_token_id': 2, 'max_position_embeddings': 64},
}
GROUPED = {**SMALL, 'intermediate_size': 64, 'num_key_value_heads': 2, 'head_dim': 8}
HOSTS = {
    'falcon': {'model_type': 'falcon', **SMALL, 'ffn_hidden_size': 64},
    'falcon, ALiBi': {'model_type': 'falcon', **SMALL, 'alibi': True},
    'falcon, new': {'model_type': 'falcon', **SMALL, 'new_decoder_architecture': True, 'num_kv_heads': 2},
    'falcon, new, ALiBi': {
        'model_type': 'falcon',
        **SMALL,
        'new_decoder_architecture': True,
        'num_kv_heads': 2,
        'alibi': True,
    },
    'mistral, windows': {'model_type': 'mistral', **GROUPED, 'sliding_window': 4},
    'mistral, no windows': {'model_type': 'mistral', **GROUPED, 'sliding_window': None},
    'qwen2, windows': {
        'model_type': 'qwen2',
        **GROUPED,
        'sliding_window': 4,
        'use_sliding_window': True,
        'max_window_layers': 1,
    },
    'gemma2': {'model_type': 'gemma2', **GROUPED, 'sliding_window': 4},
    'cohere2': {'model_type': 'cohere2', **GROUPED, 'sliding_window': 4},
    'llama, dynamic': {
        'model_type': 'llama',
        **GROUPED,
        'rope_parameters': {'rope_type': 'dynamic', 'factor': 2.0, 'rope_theta': 1e4},
    },
    'stablelm': {'model_type': 'stablelm', **GROUPED},
    'gpt_bigcode': {
        'model_type': 'gpt_bigcode',
        'n_embd': 32,
        'n_layer': 4,
        'n_head': 4,
        'n_positions': 64,
        'vocab_size': 40,
    },
}


@pytest.mark.parametrize('attention', [None, 'eager'])
@pytest.mark.parametrize('host', HOSTS)
def test_every_language_model_gets_a_search_that_runs(adapter_of, host, attention):
    """A24: ours where it can run, else transformers'; the same texts, alone and in a batch, and by the old length penalty."""
    config = HOSTS[host]
    path = 'model.layers' if 'head_dim' in config else 'transformer.h'
    adapter = adapter_of('other', config=config, layers_path=path, attn_implementation=attention)
    make_ends_likely(adapter, bias=-3.0)
    batch = prompts(batch=3)
    ids = write(adapter, batch)
    assert torch.equal(ids, write_with_transformers(adapter, batch))
    for row in range(3):
        text = write(adapter, alone(batch, row))[0]
        assert torch.equal(ids[row, : len(text)], text)
        whole = write(adapter, alone(batch, row), length_penalty=0.0, length_penalty_over='whole')[0]
        generated = write(adapter, alone(batch, row), length_penalty=0.0)[0]
        assert torch.equal(whole, generated), 'without a penalty there is one rule'
