import pytest
import torch
from decoding_prompts import END_OF_CHUNK, IMAGE, PAD, alone, prompts

from mmflamingo.models.decoding.generation import generate
from mmflamingo.structures import FlamingoDataSample


def write(adapter, visual_tokens, input_ids, mask, **settings):
    settings = {'num_beams': 3, 'max_new_tokens': 6, **settings}
    return generate(adapter, visual_tokens, input_ids, mask, [END_OF_CHUNK], PAD, settings)


def raise_bias(adapter, token_id, bias=50):
    """Makes a token the likeliest everywhere."""
    adapter.lm.lm_head.register_forward_hook(lambda module, args, logits: logits + bias * torch.eye(43)[token_id])


@pytest.mark.parametrize('media_index', ['preceding', 'following', 'preceding_blind_decoding'])
def test_the_cache_changes_no_token(family, adapter_of, batch, media_index):
    adapter = adapter_of(family, media_index=media_index)
    cached = write(adapter, *batch)
    assert 1 < cached.shape[1] <= 6
    assert torch.equal(cached, write(adapter, *batch, use_cache=False))


def test_a_left_padded_batch_is_its_samples_one_by_one(family, adapter_of, batch):
    adapter = adapter_of(family)
    visual_tokens, input_ids, mask = batch
    together = write(adapter, *batch)
    alone = write(adapter, visual_tokens[1:], input_ids[1:, 3:], mask[1:, 3:])
    together = together[1].tolist()
    assert together[: alone.shape[1]] == alone[0].tolist()
    assert set(together[alone.shape[1] :]) <= {PAD}


def test_beams_need_no_copies_of_the_media(family, adapter_of, batch):
    """The same search on hand-expanded media: a beam search of one sample, visual tokens three
    times."""
    adapter = adapter_of(family)
    visual_tokens, input_ids, mask = batch
    shared = write(adapter, visual_tokens[:1], input_ids[:1], mask[:1])

    expanded = adapter_of(family)
    expanded_tokens = visual_tokens[:1].repeat_interleave(3, 0)
    with expanded.conditioned(expanded_tokens, input_ids.shape[1]) as media:
        rows = []
        read = media.read
        media.read = lambda ids, past: (rows.append(len(ids)), read(ids, past))
        by_hand = expanded.lm.generate(
            input_ids[:1],
            attention_mask=mask[:1],
            num_beams=3,
            max_new_tokens=6,
            eos_token_id=[END_OF_CHUNK],
            pad_token_id=PAD,
            suppress_tokens=[IMAGE],
        )[:, 9:]
    assert set(rows) == {3}, 'every row has media of its own'
    assert torch.equal(shared, by_hand)


@pytest.mark.parametrize('use_cache', [True, False])
@pytest.mark.parametrize(('media_index', 'seen'), [('preceding', 2), ('following', 0), ('preceding_blind_decoding', 0)])
def test_what_generated_tokens_see(adapter_of, batch, media_index, seen, use_cache):
    adapter = adapter_of('llama', media_index=media_index)
    raise_bias(adapter, 7)
    indices = []
    adapter.lm.register_forward_hook(lambda *_: indices.append(adapter.context.groups.index[0, -1].item()))
    settings = {'num_beams': 1, 'max_new_tokens': 3, 'use_cache': use_cache}
    write(adapter, *(x[:1] for x in batch), **settings)
    last_of_prompt = 0 if media_index == 'following' else 2
    assert indices == [last_of_prompt, seen, seen]


def test_media_matter_for_generated_tokens(adapter_of, batch):
    adapter = adapter_of('llama')
    visual_tokens, input_ids, mask = batch
    assert not torch.equal(
        write(adapter, visual_tokens, input_ids, mask),
        write(adapter, -visual_tokens, input_ids, mask),
    )


def test_visual_tokens_are_projected_once(adapter_of, batch):
    adapter = adapter_of('llama')
    shapes = []
    for block in adapter.gated_cross_attn_layers.values():
        block.attn.to_kv.register_forward_hook(lambda module, args, _: shapes.append(args[0].shape))
    write(adapter, *batch)
    assert shapes == [(2 * 2, 3, 16)] * 2, 'one projection a block, of two media of two samples'


@pytest.mark.parametrize(
    'settings',
    [
        {'num_beams': 1},
        {'num_beams': 3},
        {'num_beams': 3, 'length_penalty_over': 'whole'},
        {'num_beams': 3, 'use_cache': True},  # transformers' search
        {'num_beams': 3, 'repetition_penalty': 0.1},
        {'num_beams': 1, 'do_sample': True, 'top_k': 0},
        {'num_beams': 1, 'sequence_bias': [[[IMAGE], 90.0], [[7], 90.0]]},
    ],
)
@pytest.mark.parametrize(('token', 'banned'), [(IMAGE, []), (7, [7]), (3, [7, 3])])
def test_image_and_banned_tokens_are_never_written(adapter_of, batch, settings, token, banned):
    """In no search, however likely they are."""
    adapter = adapter_of('llama')
    raise_bias(adapter, token)
    settings = {'max_new_tokens': 6, **settings}
    ids = generate(adapter, *batch, [END_OF_CHUNK], PAD, settings, banned_token_ids=banned)
    assert not torch.isin(ids, torch.tensor([IMAGE, *banned])).any()


def test_a_model_writes_neither_image_nor_padding(flamingo_of):
    model = flamingo_of().eval()
    unwritable = [model.tokenizer.image_token_id, model.tokenizer.pad_token_id]
    assert model.tokenizer.unwritable_token_ids == unwritable
    bias = torch.zeros(len(model.tokenizer))
    bias[unwritable] = 90.0
    model.language_model.lm.lm_head.register_forward_hook(lambda module, args, logits: logits + bias)
    seen = []
    decode = model.tokenizer.decode
    model.tokenizer.decode = lambda ids: seen.append(ids) or decode(ids)
    sample = FlamingoDataSample.from_record({'task': 'caption', 'sample_id': 7, 'shots': []}, ['task', 'sample_id'])
    model.test_step({'inputs': [torch.zeros(1, 1, 3, 8, 8, dtype=torch.uint8)], 'data_samples': [sample]})
    assert not torch.isin(seen[0], torch.tensor(unwritable)).any()


def test_stops_at_the_end_of_chunk(adapter_of, batch):
    adapter = adapter_of('llama')
    raise_bias(adapter, END_OF_CHUNK)
    assert write(adapter, *batch, num_beams=1).tolist() == [[END_OF_CHUNK], [END_OF_CHUNK]]


def test_does_not_stop_at_the_language_models_own_end(adapter_of, batch):
    """As in the reference systems."""
    adapter = adapter_of('llama')
    raise_bias(adapter, 2)
    assert write(adapter, *batch, num_beams=1).tolist() == [[2] * 6] * 2


def test_settings_that_count_the_prompt_are_refused(adapter_of, batch):
    """A10: eight texts a batch were others than one at a time."""
    with pytest.raises(ValueError, match='min_length cannot be used: .* use min_new_tokens'):
        write(adapter_of('llama'), *batch, num_beams=1, min_length=50)


@pytest.mark.parametrize('num_beams', [1, 3])
@pytest.mark.parametrize(
    'settings',
    [
        *({'no_repeat_ngram_size': size} for size in (1, 2, 3)),
        *({'repetition_penalty': penalty} for penalty in (2, 0.2)),
        {'bad_words_ids': [[2, 5]]},
        {'exponential_decay_length_penalty': [2, 1.5]},
        {'sequence_bias': [[[2, 2], 3.0]]},
        {'begin_suppress_tokens': [5]},
    ],
)
def test_no_setting_sees_the_padding_of_the_batch(adapter_of, settings, num_beams):
    """Padding that is the language model's own end, which it may write, does not belong to a text (the kind of A10)."""
    adapter, end = adapter_of('llama'), 2
    raise_bias(adapter, end, 4)
    visual_tokens, input_ids, mask = prompts()
    input_ids = torch.where(mask == 1, input_ids, end)
    settings = {'num_beams': num_beams, 'max_new_tokens': 8, **settings}
    together = generate(adapter, visual_tokens, input_ids, mask, [END_OF_CHUNK], end, settings)
    for row in range(6):
        text = generate(adapter, *alone((visual_tokens, input_ids, mask), row), [END_OF_CHUNK], end, settings)[0]
        assert torch.equal(together[row, : len(text)], text)


def test_without_max_new_tokens_there_are_20(adapter_of, batch):
    adapter = adapter_of('llama')
    raise_bias(adapter, 7)
    for settings in ({}, {'num_beams': 2}, {'max_new_tokens': None}):
        assert generate(adapter, *batch, [END_OF_CHUNK], PAD, settings).tolist() == [[7] * 20] * 2


def test_unknown_setting(adapter_of, batch):
    with pytest.raises(ValueError, match="generation.num_beam is not a setting .* Did you mean 'num_beams'"):
        write(adapter_of('llama'), *batch, num_beam=3)


def test_no_context_is_left_behind(adapter_of, batch):
    adapter = adapter_of('llama')
    write(adapter, *batch)
    assert adapter.context is None
