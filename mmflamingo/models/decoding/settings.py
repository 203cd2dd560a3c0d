"""The settings of generation: which of transformers' a prompt may have, their types and ranges, and why not the others."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import inf, isfinite
from typing import Any

MAX_NEW_TOKENS = 20  # without a setting


@dataclass(frozen=True)
class Rule:
    """What the value of a setting must be.

    Attributes:
        allowed: The same in words.
        fits: Whether a value is allowed.
    """

    allowed: str
    fits: Callable[[Any], bool]


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_integer(value) or (isinstance(value, float) and isfinite(value))


def _integer(low: int) -> Rule:
    return Rule(f'an integer, {low} or more', lambda value: _is_integer(value) and value >= low)


def _number(low: float, high: float = inf) -> Rule:
    """A number between two values, both excluded."""
    words = f'a number above {low}' if high == inf else f'a number above {low} and below {high}'
    return Rule(words, lambda value: _is_number(value) and low < value < high)


def _share(allow_zero: bool, allow_one: bool) -> Rule:
    """A number between 0 and 1."""
    words = f'a number {"from" if allow_zero else "above"} 0 {"up to" if allow_one else "and below"} 1'

    def fits(value: Any) -> bool:
        return _is_number(value) and 0 <= value <= 1 and (allow_zero or value > 0) and (allow_one or value < 1)

    return Rule(words, fits)


def _one_of(*values: Any) -> Rule:
    words = ' or '.join(map(repr, values))
    return Rule(words, lambda value: any(type(value) is type(v) and value == v for v in values))


def _is_token_ids(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(_is_integer(i) and i >= 0 for i in value)


def _is_biases(value: Any) -> bool:
    pairs = isinstance(value, list | tuple) and all(isinstance(p, list | tuple) and len(p) == 2 for p in value)
    return pairs and bool(value) and all(_is_token_ids(ids) and _is_number(bias) for ids, bias in value)


def _is_decay(value: Any) -> bool:
    pair = isinstance(value, list | tuple) and len(value) == 2
    return pair and _is_integer(value[0]) and value[0] >= 0 and _is_number(value[1]) and value[1] > 0


BOOLEAN = _one_of(True, False)
TOKEN_IDS = Rule('a list of token ids', _is_token_ids)
RULES = {
    'max_new_tokens': _integer(1),
    'min_new_tokens': _integer(0),
    'num_beams': _integer(1),
    'num_return_sequences': _one_of(1),
    'length_penalty': Rule('a number', _is_number),
    'length_penalty_over': _one_of('generated', 'whole'),
    'early_stopping': _one_of(True, False, 'never'),
    'do_sample': BOOLEAN,
    'seed': _integer(0),
    'temperature': _number(0),
    'top_k': _integer(0),
    'top_p': _share(allow_zero=False, allow_one=True),
    'min_p': _share(allow_zero=True, allow_one=True),
    'top_h': _share(allow_zero=False, allow_one=True),
    'typical_p': _share(allow_zero=False, allow_one=True),
    'epsilon_cutoff': _share(allow_zero=True, allow_one=False),
    'eta_cutoff': _share(allow_zero=True, allow_one=False),
    'repetition_penalty': _number(0),
    'no_repeat_ngram_size': _integer(0),
    'bad_words_ids': Rule(
        'a list of lists of token ids',
        lambda value: isinstance(value, list | tuple) and bool(value) and all(map(_is_token_ids, value)),
    ),
    'begin_suppress_tokens': TOKEN_IDS,
    'sequence_bias': Rule('a list of pairs of token ids and a number, such as [[[5, 7], -1.5]]', _is_biases),
    'exponential_decay_length_penalty': Rule('a pair of a number of new tokens and a factor above 0', _is_decay),
    'renormalize_logits': BOOLEAN,
    'use_cache': BOOLEAN,
}
# Without sampling these change nothing.
OF_SAMPLING = ('seed', 'temperature', 'top_k', 'top_p', 'min_p', 'top_h', 'typical_p', 'epsilon_cutoff', 'eta_cutoff')
# transformers knows the length penalty over the generated text alone, so these settings of its own cannot be with 'whole'.
WITH_WHOLE = (
    *('num_beams', 'max_new_tokens', 'min_new_tokens', 'length_penalty', 'length_penalty_over', 'early_stopping'),
    *('do_sample', 'num_return_sequences'),
)
# Settings of transformers that no prompt may have, by the reason.
_REFUSED = {
    'it counts the prompt and its padding, so a text would depend on its batch: use max_new_tokens': ('max_length',),
    'it counts the prompt and its padding, so a text would depend on its batch: use min_new_tokens': ('min_length',),
    'it ends texts by the clock, so that they would depend on the machine: use max_new_tokens': ('max_time',),
    'give these strings as `stop` of the prompt template': ('stop_strings',),
    'the tokenizer and the prompt template name these tokens': (
        *('pad_token_id', 'bos_token_id', 'eos_token_id', 'decoder_start_token_id'),
        *('forced_bos_token_id', 'forced_eos_token_id'),
    ),
    'it is how the model keeps <image> out of texts: use bad_words_ids for other tokens': ('suppress_tokens',),
    'it hides numbers that are not finite, and with them a broken model': ('remove_invalid_values',),
    'it is for encoder-decoder models': ('encoder_repetition_penalty', 'encoder_no_repeat_ngram_size'),
    'a prediction is one text without further outputs': (
        *('output_attentions', 'output_hidden_states', 'output_scores', 'output_logits', 'return_dict_in_generate'),
    ),
    'it runs the language model without the pictures': ('guidance_scale', 'prefill_chunk_size'),
    'it changes the words of the prompt or marks those of the texts': ('token_healing', 'watermarking_config'),
    'the cache is chosen by the model': (
        *('cache_implementation', 'cache_config', 'max_cache_len', 'use_mtp', 'continuous_batching_config'),
    ),
    'compile the model by `compile` of the config': ('compile_config', 'disable_compile'),
    'there is no assistant model': (
        *('is_assistant', 'num_assistant_tokens', 'num_assistant_tokens_schedule', 'assistant_confidence_threshold'),
        *('prompt_lookup_num_tokens', 'max_matching_ngram_size', 'assistant_early_exit', 'assistant_lookbehind'),
        *('target_lookbehind', 'assistant_ensemble_weight', 'speculation_type'),
    ),
    'transformers runs it only with code downloaded from its hub': (
        *('low_memory', 'penalty_alpha', 'dola_layers', 'diversity_penalty', 'num_beam_groups', 'constraints'),
        'force_words_ids',
    ),
}
REFUSED = {name: reason for reason, names in _REFUSED.items() for name in names}


def parse_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are set: a value of None leaves a setting out.

    Raises:
        ValueError: Lists what `find_setting_mistakes` finds.
    """
    mistakes = list(find_setting_mistakes(settings))
    if mistakes:
        raise ValueError(' '.join(f'generation.{mistake}' for mistake in mistakes))
    return {name: value for name, value in settings.items() if value is not None}


def find_setting_mistakes(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield one sentence, which begins with the setting's name, for each that can't be used."""
    given = {name: value for name, value in settings.items() if value is not None}
    for name, value in given.items():
        if name in REFUSED:
            yield f'{name} cannot be used: {REFUSED[name]}.'
        elif name not in RULES:
            close = get_close_matches(str(name), RULES, n=1)
            known = f" Did you mean '{close[0]}'?" if close else f' Known: {", ".join(RULES)}.'
            yield f'{name} is not a setting of generation.{known}'
        elif not RULES[name].fits(value):
            yield f'{name} is {value!r}, it must be {RULES[name].allowed}.'
        elif name in OF_SAMPLING and given.get('do_sample') is not True:
            yield f'{name} changes nothing without sampling: set do_sample=True too, or leave it out.'
    low, high = given.get('min_new_tokens'), given.get('max_new_tokens')
    if _is_integer(low) and _is_integer(high) and low > high:
        yield f'min_new_tokens is {low}, it must not be above max_new_tokens = {high}.'
    if given.get('num_beams') not in (None, 1):
        yield from _find_mistakes_of_beams(given)


def _find_mistakes_of_beams(given: Mapping[str, Any]) -> Iterator[str]:
    if given.get('do_sample') is True:
        yield 'do_sample=True draws one text: set num_beams=1.'
    others = [name for name in given if name in RULES and name not in WITH_WHOLE]
    if given.get('length_penalty_over') == 'whole' and others:
        yield f"length_penalty_over='whole' cannot be combined with {', '.join(others)}: leave one out."
