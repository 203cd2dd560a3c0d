"""A model whose scores are not finite writes nothing and chooses nothing: an error names the sample."""

import pytest
import torch
from decoding_prompts import END_OF_CHUNK, PAD, prompts

from mmflamingo.models.decoding.generation import generate
from mmflamingo.models.decoding.ranking import log_likelihoods

SEARCHES = [
    {'num_beams': 3},
    {'num_beams': 3, 'length_penalty_over': 'whole'},
    {'num_beams': 3, 'use_cache': True},
    {'num_beams': 1},
    {'do_sample': True},
]
NAMES = ['q0', 'q1', 'q2']


def break_one(adapter, value, row=1, after=0):
    """From a forward pass on, one sample's logits have a value that is none."""
    calls = []

    def spoil(module, args, logits):
        calls.append(1)
        rows = len(logits) // 3 or 1
        if len(calls) > after and logits.shape[0] >= 3:
            logits[row * rows : (row + 1) * rows, :, 5] = value
        return logits

    adapter.lm.get_output_embeddings().register_forward_hook(spoil)


@pytest.mark.parametrize('after', [0, 2])
@pytest.mark.parametrize('value', [float('nan'), float('inf')])
@pytest.mark.parametrize('settings', SEARCHES)
@pytest.mark.parametrize('family', ['llama', 'bloom'])
def test_generation_names_the_sample(adapter_of, family, settings, value, after):
    adapter = adapter_of(family)
    break_one(adapter, value, after=after)
    with pytest.raises(ValueError, match=r"NaN or infinite scores for sample 'q1':"):
        generate(adapter, *prompts(batch=3), [END_OF_CHUNK], PAD, {'max_new_tokens': 5, **settings}, NAMES)


@pytest.mark.parametrize('settings', SEARCHES)
def test_a_broken_weight_breaks_all_samples(adapter_of, settings):
    adapter = adapter_of('llama')
    with torch.no_grad():
        next(iter(adapter.gated_cross_attn_layers.values())).ff[1].weight[3, 3] = float('nan')
    with pytest.raises(ValueError, match=r"for sample 'q0', 'q1', 'q2': a weight may be broken"):
        generate(adapter, *prompts(batch=3), [END_OF_CHUNK], PAD, settings, NAMES)


def test_many_samples_are_counted(adapter_of):
    adapter = adapter_of('llama')
    with torch.no_grad():
        adapter.lm.get_output_embeddings().weight.fill_(float('nan'))
    with pytest.raises(ValueError, match=r'for sample 0, 1, 2 and 3 more: a weight'):
        generate(adapter, *prompts(batch=6), [END_OF_CHUNK], PAD, {'num_beams': 3})


@pytest.mark.parametrize('after', [0, 1])
@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_ranking_names_the_sample(adapter_of, value, after):
    adapter = adapter_of('llama')
    break_one(adapter, value, after=after)
    candidates = [[(3, 4), (5, 6, 7)]] * 3
    with pytest.raises(ValueError, match="NaN or infinite scores for sample 'q1':"):
        log_likelihoods(adapter, *prompts(batch=3), candidates, sample_ids=NAMES)
