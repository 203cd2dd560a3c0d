import copy
from collections import defaultdict

import pytest
import torch
from transformers import AutoModelForCausalLM
from transformers.initialization import no_init_weights

from mmflamingo.engine.loading.fit import load_state_dict_strictly
from mmflamingo.models.language import FlamingoLMAdapter

TOLERANCE = {'rtol': 1e-4, 'atol': 1e-4}


def position_ids(adapter, mask):
    return {'position_ids': (mask.cumsum(-1) - 1).clamp(min=0)} if 'position_ids' in adapter.lm_arguments else {}


@torch.no_grad()
def test_closed_gates_are_the_bare_language_model(family, adapter_of, batch):
    adapter = adapter_of(family, open_gates=False)
    visual_tokens, input_ids, mask = batch
    bare = adapter.lm(input_ids=input_ids, attention_mask=mask, use_cache=False, **position_ids(adapter, mask)).logits
    assert torch.equal(adapter(visual_tokens, input_ids, mask), bare)


@torch.no_grad()
def test_open_gates_see_what_the_index_allows(family, adapter_of, batch):
    """The first medium, at token 2 of the first sample, concerns tokens from 2 on."""
    adapter = adapter_of(family)
    visual_tokens, input_ids, mask = batch
    before = adapter(visual_tokens, input_ids, mask)
    visual_tokens = visual_tokens.clone()
    visual_tokens[0, 0] += 1
    difference = (adapter(visual_tokens, input_ids, mask) - before).abs().amax(-1)
    assert difference[0, :2].max() == 0 and difference[1].max() == 0
    assert difference[0, 2:].min() > 1e-4


@torch.no_grad()
def test_left_padding_changes_nothing(family, adapter_of, batch):
    adapter = adapter_of(family)
    visual_tokens, input_ids, mask = batch
    together = adapter(visual_tokens, input_ids, mask)
    alone = adapter(visual_tokens[1:], input_ids[1:, 3:], mask[1:, 3:])
    torch.testing.assert_close(together[1:, 3:], alone, **TOLERANCE)


@torch.no_grad()
def test_right_padding_changes_nothing(family, adapter_of, batch):
    adapter = adapter_of(family)
    visual_tokens, input_ids, mask = (x[1:] for x in batch)
    input_ids, mask = input_ids.roll(-3, 1), mask.roll(-3, 1)
    alone = adapter(visual_tokens, input_ids[:, :6], mask[:, :6])
    torch.testing.assert_close(adapter(visual_tokens, input_ids, mask)[:, :6], alone, **TOLERANCE)


@pytest.mark.parametrize('media_index', ['preceding', 'following', 'preceding_blind_decoding'])
@torch.no_grad()
def test_a_cache_changes_nothing(family, adapter_of, batch, media_index):
    """Six rows, which share two samples' media: all tokens at once, and three after the prompt."""
    adapter = adapter_of(family, media_index=media_index)
    visual_tokens, prompt, mask = batch
    prompt = prompt.masked_fill(mask == 0, 7).repeat_interleave(3, 0)
    input_ids = torch.cat([prompt, torch.randint(3, 40, (6, 3))], dim=1)
    with adapter.conditioned(visual_tokens, prompt_length=9):
        at_once = adapter.lm(input_ids=input_ids, use_cache=False).logits[:, 8:]
    with adapter.conditioned(visual_tokens, prompt_length=9):
        step = adapter.lm(input_ids=prompt, use_cache=True)
        in_turns = [step.logits[:, -1:]]
        for ids in input_ids[:, 9:].split(1, dim=1):
            cache = {adapter.cache_argument: step[adapter.cache_argument]}
            step = adapter.lm(input_ids=ids, **cache, use_cache=True)
            in_turns.append(step.logits)
    torch.testing.assert_close(torch.cat(in_turns, dim=1), at_once, **TOLERANCE)


@torch.no_grad()
def test_attention_implementations_agree(family, adapter_of, batch):
    eager = adapter_of(family, attn_implementation='eager')
    if not eager.lm._supports_sdpa:
        pytest.skip(f'transformers has only one for {family}')
    sdpa = adapter_of(family, attn_implementation='sdpa')
    visual_tokens, input_ids, mask = batch
    real = mask.bool()
    torch.testing.assert_close(sdpa(*batch)[real], eager(*batch)[real], **TOLERANCE)


@torch.no_grad()
def test_rows_of_a_sample_share_its_media(family, adapter_of, batch):
    adapter = adapter_of(family)
    visual_tokens, input_ids, mask = batch
    input_ids, mask = input_ids.repeat_interleave(3, 0), mask.repeat_interleave(3, 0)
    input_ids[:, -1] = torch.arange(6) + 10
    shared = adapter(visual_tokens, input_ids, mask)
    copied = adapter(visual_tokens.repeat_interleave(3, 0), input_ids, mask)
    torch.testing.assert_close(shared, copied, **TOLERANCE)


@torch.no_grad()
def test_a_medium_after_a_cached_prefix_is_the_next_one(adapter_of, batch):
    adapter = adapter_of('llama')
    visual_tokens, input_ids = batch[0][:1], batch[1][:1]
    with adapter.conditioned(visual_tokens):
        at_once = adapter.lm(input_ids=input_ids).logits
    with adapter.conditioned(visual_tokens):
        prefix = adapter.lm(input_ids=input_ids[:, :4], use_cache=True)
        cache = {adapter.cache_argument: prefix[adapter.cache_argument]}
        rest = adapter.lm(input_ids=input_ids[:, 4:], **cache)
    torch.testing.assert_close(rest.logits, at_once[:, 4:], **TOLERANCE)


def test_activation_checkpointing_has_the_same_gradients(family, adapter_of, batch):
    """Two forward passes before one backward pass: each must be recomputed with its own media."""
    visual_tokens, input_ids, mask = batch
    gradients = []
    for checkpointing in (False, True):
        adapter = adapter_of(family, activation_checkpointing=checkpointing)
        adapter.lm.requires_grad_(False)
        loss = adapter(visual_tokens, input_ids, mask).square().mean()
        loss = loss + adapter(visual_tokens.flip(0), input_ids, mask).square().mean()
        loss.backward()
        gradients.append({n: p.grad for n, p in adapter.named_parameters() if p.requires_grad})
    assert all(gradient.abs().max() > 0 for gradient in gradients[0].values())
    torch.testing.assert_close(gradients[1], gradients[0], **TOLERANCE)


def test_activation_checkpointing_recomputes(adapter_of, batch):
    adapter = adapter_of('llama', activation_checkpointing=True)
    adapter.lm.requires_grad_(False)
    calls = []
    mlp, ff = adapter.lm.model.layers[3].mlp, adapter.gated_cross_attn_layers['3'].ff
    mlp.register_forward_pre_hook(lambda *_: calls.append('mlp'))
    ff.register_forward_pre_hook(lambda *_: calls.append('ff'))
    adapter(*batch).sum().backward()
    assert sorted(calls) == ['ff', 'ff', 'mlp', 'mlp']


def test_outside_of_conditioned_the_language_model_is_bare(adapter_of, batch):
    adapter = adapter_of('llama')
    _, input_ids, mask = batch
    before = adapter.lm(input_ids=input_ids, attention_mask=mask).logits
    adapter(*batch)
    with pytest.raises(KeyError), adapter.conditioned(batch[0]):
        raise KeyError
    assert torch.equal(adapter.lm(input_ids=input_ids, attention_mask=mask).logits, before)


def test_conditioning_needs_ids(adapter_of, batch):
    adapter = adapter_of('llama')
    with adapter.conditioned(batch[0]), pytest.raises(ValueError, match='needs input_ids'):
        adapter.lm(inputs_embeds=torch.randn(2, 9, 32))


def test_a_deep_copy_has_hooks_of_its_own(adapter_of, batch):
    """As mmengine's EMA hook makes one."""
    adapter = adapter_of('llama', activation_checkpointing=True)
    copied = copy.deepcopy(adapter)
    expected = adapter(*batch)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.zero_()
    assert torch.equal(copied(*batch), expected)


def test_state_dict_keys_of_the_language_model_are_untouched(family, adapter_of):
    adapter = adapter_of(family, activation_checkpointing=True)
    bare = AutoModelForCausalLM.from_config(adapter.lm.config)
    own = {k.removeprefix('lm.') for k in adapter.state_dict() if k.startswith('lm.')}
    assert type(adapter.lm) is type(bare) and own == set(bare.state_dict())
    others = {k.split('.')[:2][1] for k in adapter.state_dict() if not k.startswith('lm.')}
    assert others == {'1', '3'}, 'a block before layer n where (n + 1) % 2 == 0'


def test_new_rows_do_not_depend_on_the_random_state(adapter_of, families, tmp_path):
    """Old rows are the folder's; the new ones are the same in both matrices of every load."""
    adapter = adapter_of('llama')
    adapter.lm.resize_token_embeddings(40)
    adapter.lm.save_pretrained(tmp_path)
    rows = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        loaded = type(adapter)(pretrained=str(tmp_path), visual_dim=16, vocab_size=43, image_token_id=41)
        assert torch.equal(loaded.lm.lm_head.weight[:40], adapter.lm.lm_head.weight)
        rows.append((loaded.lm.model.embed_tokens.weight, loaded.lm.lm_head.weight))
    assert torch.equal(rows[0][0], rows[1][0]) and torch.equal(rows[0][1], rows[1][1])
    assert 0.01 < rows[0][1][40:].std() < 0.03


def test_sampling_settings_of_a_folder_are_dropped(adapter_of, tmp_path):
    adapter = adapter_of('llama')
    adapter.lm.generation_config.update(do_sample=True, temperature=0.6)
    adapter.lm.save_pretrained(tmp_path)
    loaded = type(adapter)(pretrained=str(tmp_path), visual_dim=16, vocab_size=43, image_token_id=41)
    assert not loaded.lm.generation_config.do_sample


def test_init_scale_multiplies_what_the_blocks_add():
    config = {'model_type': 'llama', 'hidden_size': 16, 'num_hidden_layers': 2, 'num_attention_heads': 2}
    settings = {'visual_dim': 8, 'vocab_size': 20, 'image_token_id': 19, 'config': {**config, 'vocab_size': 20}}
    blocks = []
    for scale in (1.0, 12.0):
        torch.manual_seed(0)
        blocks.append(FlamingoLMAdapter(**settings, xattn_every=1, init_scale=scale).gated_cross_attn_layers['1'])
    plain, scaled = blocks
    x = torch.randn(2, 3, 16)
    torch.testing.assert_close(scaled.ff(x), 12 * plain.ff(x))
    torch.testing.assert_close(scaled.attn.to_out(x.repeat(1, 1, 32)), 12 * plain.attn.to_out(x.repeat(1, 1, 32)))
    assert torch.equal(scaled.attn.to_q.weight, plain.attn.to_q.weight)


def test_dtype(adapter_of, batch):
    adapter = adapter_of('llama', dtype='bfloat16')
    assert {parameter.dtype for parameter in adapter.parameters()} == {torch.bfloat16}
    assert adapter(*batch).dtype == torch.bfloat16


def test_bf16_autocast(adapter_of, batch):
    adapter = adapter_of('llama')
    with torch.autocast('cpu', torch.bfloat16):
        logits = adapter(*batch)
    torch.testing.assert_close(logits.float(), adapter(*batch), rtol=0.1, atol=0.3)


@pytest.mark.parametrize('tied', [True, False])
def test_trained_token_rows(adapter_of, batch, tied):
    """They replace rows of the frozen embedding, and give logits where embeddings are tied."""
    family = {True: 'gpt2', False: 'llama'}[tied]
    visual_tokens, input_ids, mask = batch
    adapter = adapter_of(family)
    adapter.lm.requires_grad_(False)
    input_ids[:, -2] = 40
    before = adapter(visual_tokens, input_ids, mask)
    adapter.train_token_rows([40, 41])
    torch.testing.assert_close(adapter(visual_tokens, input_ids, mask), before)
    adapter(visual_tokens, input_ids, mask).square().sum().backward()
    assert adapter.token_rows.weight.grad.abs().amax(1).min() > 0

    torch.nn.init.constant_(adapter.token_rows.weight, 0.1)
    with_rows = adapter(visual_tokens, input_ids, mask)
    adapter = adapter_of(family)
    with torch.no_grad():
        adapter.lm.get_input_embeddings().weight[[40, 41]] = 0.1
    torch.testing.assert_close(with_rows, adapter(visual_tokens, input_ids, mask))


def test_rows_that_learn_by_their_logits_end_the_backward_pass_at_the_first_block(adapter_of, batch):
    adapter = adapter_of('gpt2', xattn_from=2)
    assert list(adapter.gated_cross_attn_layers) == ['3']
    adapter.lm.requires_grad_(False)
    adapter.train_token_rows([40, 41], by_logits_only=True)
    needs_gradients = []
    for layer in adapter.lm.transformer.h:
        layer.register_forward_hook(lambda layer, args, out: needs_gradients.append(out.requires_grad))
    adapter(*batch).square().sum().backward()
    assert needs_gradients == [False, False, False, True]
    assert adapter.token_rows.weight.grad.abs().amax(1).min() > 0


def test_rows_can_not_learn_by_logits_that_they_do_not_give(adapter_of):
    with pytest.raises(ValueError, match="train_token_embeddings='logits' needs one matrix.*LlamaForCausalLM has two"):
        adapter_of('llama').train_token_rows([40, 41], by_logits_only=True)


def test_logits_at_some_positions(family, adapter_of, batch):
    adapter = adapter_of(family)
    where = torch.rand(batch[1].shape, generator=torch.Generator().manual_seed(0)) < 0.5
    torch.testing.assert_close(adapter(*batch, where=where), adapter(*batch)[where], **TOLERANCE)
    assert adapter(*batch).shape[:2] == batch[1].shape, 'the next call has all'


def test_a_language_model_of_a_lower_precision_than_its_blocks(adapter_of, batch):
    adapter = adapter_of('llama', lm_dtype='bfloat16')
    adapter.train_token_rows([40, 41])
    assert {parameter.dtype for parameter in adapter.lm.parameters()} == {torch.bfloat16}
    others = [*adapter.gated_cross_attn_layers.parameters(), *adapter.token_rows.parameters()]
    assert {parameter.dtype for parameter in others} == {torch.float32}
    with torch.autocast('cpu', torch.bfloat16):
        logits = adapter(*batch)
        torch.testing.assert_close(logits.float(), adapter_of('llama')(*batch).float(), rtol=0.1, atol=0.5)


def test_trained_token_rows_need_a_plain_embedding(adapter_of):
    with pytest.raises(ValueError, match='plain embedding, Gemma3ForCausalLM has a'):
        adapter_of('gemma3_text').train_token_rows([40, 41])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'media_index': 'next'}, r"media_index is 'next', it must be one of \['preceding', "),
        (
            {'xattn_every': 5},
            'xattn_every=5 and xattn_from=0 leave no place for a block in 4 layers: choose 1 to 4 for xattn_every',
        ),
        ({'xattn_every': 0}, 'xattn_every=0 and'),
        ({'xattn_from': 4}, 'xattn_from=4 leave no place'),
        ({'dtype': 'int8'}, "dtype is 'int8', it must be a float type"),
        ({'dtype': 'fp16'}, "dtype is 'fp16'"),
        ({'config': None}, 'either `pretrained`, a folder, or `config`'),
        ({'pretrained': 'x'}, 'either `pretrained`, a folder, or `config`'),
        ({'config': {'hidden_size': 8}}, "config needs model_type.*it has .'hidden_size'"),
        ({'vocab_size': 60}, 'has 60 tokens .* has 40 embedding rows: .* do not belong together'),
        ({'vocab_size': 20}, 'has 20 tokens .* has 40 embedding rows: .* do not belong together'),
    ],
)
def test_bad_arguments(adapter_of, changes, message):
    with pytest.raises(ValueError, match=message):
        adapter_of('llama', **changes)


def test_missing_folder(adapter_of):
    message = "model.language_model.pretrained = 'data/no-such-lm': no such folder.*hf://"
    with pytest.raises(FileNotFoundError, match=message):
        adapter_of('llama', config=None, pretrained='data/no-such-lm')


def test_folder_without_a_model(adapter_of, tmp_path):
    with pytest.raises(ValueError, match='No language model could be read from'):
        adapter_of('llama', config=None, pretrained=str(tmp_path))


@torch.no_grad()
def test_built_without_initialisation_and_loaded_it_is_the_same(family, adapter_of, batch):
    wanted = adapter_of(family)
    with no_init_weights():
        built = adapter_of(family)
    load_state_dict_strictly(built, wanted.state_dict(), 'weights', assign=True)

    def names_of_parameters(adapter):
        names = defaultdict(list)
        for name, parameter in adapter.named_parameters(remove_duplicate=False):
            names[parameter].append(name)
        return list(names.values())

    assert names_of_parameters(built) == names_of_parameters(wanted)
    buffers = dict(built.named_buffers())
    assert list(buffers) == [name for name, _ in wanted.named_buffers()]
    assert all(torch.equal(buffers[name], value) for name, value in wanted.named_buffers())
    assert torch.equal(built(*batch), wanted(*batch))
