"""`length_penalty_over='whole'`: the rule of transformers up to 4.35, restated for a sample alone."""

import pytest
import torch
from decoding_prompts import END_OF_CHUNK, IMAGE, PAD, alone, make_ends_likely, prompts

from mmflamingo.models.decoding.generation import generate


def write(adapter, batch, **settings):
    settings = {'num_beams': 3, 'max_new_tokens': 10, 'length_penalty_over': 'whole', **settings}
    return generate(adapter, *batch, [END_OF_CHUNK], PAD, settings)


def as_it_was(
    adapter, batch, length_penalty=1.0, early_stopping=False, num_beams=3, max_new_tokens=10, min_new_tokens=0
):
    """A list of beams and a list of finished texts, whose scores count the prompt and not the end token."""
    visual_tokens, prompt, _ = batch
    whole = prompt.shape[1]
    beams, finished = [(0.0, [])], []

    def add(total, text, length):
        finished.append((total / length**length_penalty, text))
        finished.sort(key=lambda pair: -pair[0])
        del finished[num_beams:]

    def is_done(best, length):
        if len(finished) < num_beams or early_stopping is True:
            return len(finished) == num_beams
        if early_stopping == 'never' and length_penalty > 0:
            length = whole + max_new_tokens
        return finished[-1][0] >= best / length**length_penalty

    for step in range(max_new_tokens):
        rows = torch.cat([prompt.expand(len(beams), -1), torch.tensor([text for _, text in beams]).long()], dim=1)
        with torch.no_grad(), adapter.conditioned(visual_tokens, whole):
            log_probs = adapter.lm(input_ids=rows, use_cache=False).logits[:, -1].log_softmax(-1)
        log_probs[:, IMAGE] = -torch.inf
        if step < min_new_tokens:
            log_probs[:, END_OF_CHUNK] = -torch.inf
        totals = log_probs + torch.tensor([total for total, _ in beams])[:, None]
        best, places = totals.flatten().topk(2 * num_beams)
        candidates = [
            (total, [*beams[place // 43][1], place % 43])
            for total, place in zip(best.tolist(), places.tolist(), strict=True)
        ]
        for total, text in candidates[:num_beams]:
            if text[-1] == END_OF_CHUNK:
                add(total, text, whole + step)
        beams = [beam for beam in candidates if beam[1][-1] != END_OF_CHUNK][:num_beams]
        if is_done(candidates[0][0], whole + step + 1):
            return finished[0][1]
    for total, text in beams:
        add(total, text, whole + max_new_tokens)
    return finished[0][1]


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize(
    'settings',
    [
        *({'length_penalty': penalty} for penalty in (-2.0, 0.0, 1.0, 4.0, 30.0)),
        {'length_penalty': -30.0},
        {'early_stopping': True},
        {'early_stopping': 'never', 'length_penalty': 20.0},
        {'early_stopping': 'never', 'length_penalty': -2.0},
        {'min_new_tokens': 4, 'length_penalty': -2.0},
        {'max_new_tokens': 1, 'length_penalty': -2.0},
        {'max_new_tokens': 3, 'length_penalty': 9.0},
    ],
)
def test_it_is_the_old_rule(adapter_of, settings, seed):
    adapter = adapter_of('llama', seed=seed)
    make_ends_likely(adapter)
    batch = prompts(seed=seed)
    together = write(adapter, batch, **settings).tolist()
    for row, text in enumerate(together):
        expected = as_it_was(adapter, alone(batch, row), **settings)
        assert text[: len(expected)] == expected
        assert set(text[len(expected) :]) <= {PAD}


def test_it_finds_other_texts_than_the_generated_length(adapter_of):
    adapter = adapter_of('llama')
    make_ends_likely(adapter)
    whole, generated = (
        [
            write(adapter, alone(prompts(), row), length_penalty=2.0, length_penalty_over=over).tolist()
            for row in range(6)
        ]
        for over in ('whole', 'generated')
    )
    assert whole != generated


@pytest.mark.parametrize('penalty', [-2.0, 3.0])
def test_a_text_does_not_depend_on_the_padding_of_its_batch(family, adapter_of, penalty):
    """Not as it was: there, a longer neighbour changed the lengths."""
    adapter = adapter_of(family)
    make_ends_likely(adapter)
    batch = prompts()
    together = write(adapter, batch, length_penalty=penalty)
    for row in range(6):
        text = write(adapter, alone(batch, row), length_penalty=penalty)[0]
        assert torch.equal(together[row, : len(text)], text)


def test_long_prompts_with_many_small_likelihoods(adapter_of):
    """Scores then lie below what marks an unfinished text in transformers, -1e9."""
    adapter = adapter_of('llama')
    settings = {'length_penalty': -9.0, 'max_new_tokens': 6}
    make_ends_likely(adapter)
    batch = prompts()
    for row in range(6):
        expected = as_it_was(adapter, alone(batch, row), **settings)
        assert write(adapter, alone(batch, row), **settings)[0].tolist() == expected


@pytest.mark.parametrize('family', ['llama', 'bloom', 'gemma3_text'])
def test_every_family_by_the_old_rule(adapter_of, family):
    adapter = adapter_of(family)
    make_ends_likely(adapter)
    batch = prompts(batch=3)
    for row in range(3):
        sample = alone(batch, row)
        assert write(adapter, sample, length_penalty=-2.0)[0].tolist() == as_it_was(
            adapter, sample, length_penalty=-2.0
        )
