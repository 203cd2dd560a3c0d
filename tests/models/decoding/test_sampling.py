"""Sampling draws from a seed and a sample's id, so that nothing else changes its text."""

import pytest
import torch
from decoding_prompts import END_OF_CHUNK, PAD, alone, prompts
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mmflamingo.models.decoding.generation import generate
from mmflamingo.models.decoding.sampling import DrawnBySample

NAMES = [f'q{n}' for n in range(6)]


def draw(adapter, batch, names, **settings):
    settings = {'do_sample': True, 'max_new_tokens': 6, **settings}
    return [row[row != PAD].tolist() for row in generate(adapter, *batch, [END_OF_CHUNK], PAD, settings, names)]


@pytest.mark.parametrize(
    'settings',
    [{}, {'temperature': 2}, {'top_k': 0, 'top_p': 0.9}, {'top_k': 3}, {'seed': 7}, {'typical_p': 0.9}, {'min_p': 0.01}]
    + [
        {'epsilon_cutoff': 0.01},
        {'eta_cutoff': 0.01},
        {'top_h': 0.5},
        {'temperature': 1.5, 'renormalize_logits': True},
    ],
)
def test_a_text_is_the_same_alone_and_in_any_order(adapter_of, settings):
    adapter = adapter_of('llama')
    batch = prompts()
    torch.manual_seed(0)
    together = draw(adapter, batch, NAMES, **settings)
    torch.manual_seed(1)
    assert together == [draw(adapter, alone(batch, row), NAMES[row : row + 1], **settings)[0] for row in range(6)]
    order = [4, 1, 5, 0, 2, 3]
    shuffled = draw(adapter, [x[order] for x in batch], [NAMES[row] for row in order], **settings)
    assert shuffled == [together[row] for row in order]


def test_in_every_family(adapter_of, family):
    adapter, batch = adapter_of(family), prompts(batch=3)
    together = draw(adapter, batch, NAMES[:3])
    assert together == [draw(adapter, alone(batch, row), NAMES[row : row + 1])[0] for row in range(3)]


def test_seed_and_id_change_the_text(adapter_of):
    adapter, batch = adapter_of('llama'), prompts()
    base = draw(adapter, batch, NAMES, temperature=3.0)
    assert base != draw(adapter, batch, NAMES, temperature=3.0, seed=1)
    assert base != draw(adapter, batch, [f'{name}!' for name in NAMES], temperature=3.0)


def test_without_ids_a_sample_is_its_number(adapter_of):
    adapter, batch = adapter_of('llama'), prompts()
    assert draw(adapter, batch, None) == draw(adapter, batch, range(6))


def test_one_candidate_is_the_likeliest(adapter_of):
    adapter, batch = adapter_of('llama'), prompts()
    assert draw(adapter, batch, NAMES, top_k=1) == draw(adapter, batch, NAMES, do_sample=False)


def test_tokens_come_as_often_as_they_are_likely():
    probabilities = torch.tensor([0.0, 0.5, 0.0, 0.2, 0.3, 0.0])
    drawn = DrawnBySample(0, range(4000))(None, probabilities.log().expand(4000, -1)).argmax(-1)
    shares = torch.bincount(drawn, minlength=6) / 4000
    assert (shares - probabilities).abs().max() < 0.03 and not shares[probabilities == 0].any()


@given(st.lists(st.floats(-50, 50) | st.just(-torch.inf), min_size=1, max_size=8), st.integers(0, 99))
@hypothesis_settings(max_examples=60, deadline=None, derandomize=True)
def test_what_is_cut_off_is_never_drawn(scores, seed):
    scores = torch.tensor([[*scores, 1.0]])
    token = DrawnBySample(seed, ['a'])(None, scores).argmax(-1)
    assert scores[0, token].isfinite()
