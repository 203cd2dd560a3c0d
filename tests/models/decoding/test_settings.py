from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GenerationConfig

from mmflamingo.models.decoding.beams import BeamSettings
from mmflamingo.models.decoding.settings import (
    OF_SAMPLING,
    REFUSED,
    RULES,
    WITH_WHOLE,
    find_setting_mistakes,
    parse_settings,
)

OF_TRANSFORMERS = GenerationConfig().to_dict().keys() - {'transformers_version', '_from_model_config'}


def test_every_setting_of_transformers_is_allowed_or_refused():
    assert not RULES.keys() & REFUSED.keys()
    assert OF_TRANSFORMERS <= RULES.keys() | REFUSED.keys()


def test_what_configs_use_is_allowed():
    used = {'num_beams': 3, 'max_new_tokens': 20, 'length_penalty': -2.0, 'length_penalty_over': 'whole'}
    assert parse_settings(used) == used
    assert parse_settings({**used, 'length_penalty': None}) == {k: used[k] for k in used if k != 'length_penalty'}


@pytest.mark.parametrize(
    ('given', 'said'),
    [
        ({'min_length': 50}, 'generation.min_length cannot be used: it counts the prompt .* use min_new_tokens'),
        ({'max_length': 50}, 'use max_new_tokens'),
        ({'num_return_sequences': 3}, 'num_return_sequences is 3, it must be 1'),
        ({'num_beam': 3}, "num_beam is not a setting of generation. Did you mean 'num_beams'"),
        ({'Beams_of_light': 3}, 'Known: max_new_tokens, '),
        ({'num_beams': 0}, 'num_beams is 0, it must be an integer, 1 or more'),
        ({'num_beams': True}, 'num_beams is True'),
        ({'num_beams': '3'}, "num_beams is '3'"),
        ({'num_beams': 3.0}, r'num_beams is 3\.0'),
        ({'max_new_tokens': 0}, 'max_new_tokens is 0'),
        ({'length_penalty': float('nan')}, 'length_penalty is nan'),
        ({'length_penalty_over': 'all'}, "it must be 'generated' or 'whole'"),
        ({'early_stopping': 1}, "early_stopping is 1, it must be True or False or 'never'"),
        ({'do_sample': 'yes'}, 'do_sample'),
        ({'temperature': 0.5}, 'temperature changes nothing without sampling: set do_sample=True'),
        ({'do_sample': True, 'temperature': 0}, 'temperature is 0, it must be a number above 0'),
        ({'do_sample': True, 'top_p': 1.5}, r'top_p is 1\.5, it must be a number above 0 up to 1'),
        ({'min_new_tokens': 9, 'max_new_tokens': 5}, 'min_new_tokens is 9, it must not be above max_new_tokens = 5'),
        ({'bad_words_ids': [3]}, 'a list of lists of token ids'),
        ({'sequence_bias': {(3,): 1.0}}, 'a list of pairs'),
        ({'suppress_tokens': [3]}, 'keeps <image> out of texts'),
        ({'eos_token_id': 3}, 'the tokenizer and the prompt template name these tokens'),
        ({'num_beams': 0, 'min_length': 3}, r'num_beams is 0.*min_length cannot'),
    ],
)
def test_what_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        parse_settings(given)


def test_settings_of_sampling():
    assert set(OF_SAMPLING) <= RULES.keys()
    sampling = {'do_sample': True, 'temperature': 0.7, 'top_k': 50, 'top_p': 0.9, 'min_p': 0, 'typical_p': 1}
    assert parse_settings(sampling) == sampling


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers())


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from(sorted(RULES | REFUSED)) | st.text(max_size=8), VALUES, max_size=4))
def test_any_settings_are_taken_or_named(given):
    mistakes = list(find_setting_mistakes(given))
    if not mistakes:
        taken = parse_settings(given)
        GenerationConfig(**{name: value for name, value in taken.items() if name != 'length_penalty_over'})
    for mistake in mistakes:
        assert any(mistake.startswith(f'{name} ') for name in given)


@pytest.mark.parametrize(
    ('given', 'said'),
    [
        ({'num_beams': 3, 'do_sample': True}, 'do_sample=True draws one text: set num_beams=1'),
        (
            {'num_beams': 3, 'length_penalty_over': 'whole', 'repetition_penalty': 1.2, 'use_cache': True},
            "length_penalty_over='whole' cannot be combined with repetition_penalty, use_cache",
        ),
        ({'seed': 3}, 'seed changes nothing without sampling'),
        ({'seed': -1, 'do_sample': True}, 'seed is -1, it must be an integer, 0 or more'),
    ],
)
def test_what_does_not_go_together(given, said):
    with pytest.raises(ValueError, match=said):
        parse_settings(given)


def test_one_beam_has_no_lengths_to_compare():
    settings = {'num_beams': 1, 'length_penalty_over': 'whole', 'repetition_penalty': 1.2, 'length_penalty': -2.0}
    assert parse_settings(settings) == settings


def test_with_whole_there_are_the_settings_of_our_search():
    """`do_sample` is False there, `num_return_sequences` 1."""
    assert set(WITH_WHOLE) == {field.name for field in fields(BeamSettings)} | {'do_sample', 'num_return_sequences'}
