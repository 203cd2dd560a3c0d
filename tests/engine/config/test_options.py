import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mmengine.config import Config, ConfigDict

from mmflamingo.engine.config.options import merge_options, parse_options, read_values
from mmflamingo.engine.errors import ConfigError


def make_cfg():
    return Config(
        dict(
            word='random',
            number=3,
            flag=True,
            nothing=None,
            names=['a', 'b'],
            pair=('Question', 'Answer'),
            steps=[dict(type='Load', size=2), dict(type='Pack')],
            nested=dict(query='<image>', inner=dict(x=1)),
        )
    )


def merged(*options):
    cfg = make_cfg()
    merge_options(cfg, parse_options(options), ('new', 'other'))
    return cfg


@pytest.mark.parametrize(
    'text', ['1', 'None', 'True', '[1,2]', '', ' ', '~/a b', 'a=b', 'a,b', '[x', "it's", '日本', '"']
)
def test_a_text_stays_a_text_as_written(text):
    assert merged(f'word={text}').word == text
    assert merged(f'nested.query={text}').nested.query == text


@pytest.mark.parametrize(
    'text', ['~/a b', 'a = b', 'a,b', '[x', "it's", '日本', 'a b', '...', '1j', "b'x'", '{1, 2}', 'nan', '1 # 2']
)
def test_what_is_no_literal_arrives_as_written(text):
    assert merged(f'new={text}').new == text
    assert merged(f'nested.new={text}').nested.new == text
    assert merged(f'nothing={text}').nothing == text


def test_quoted_text_loses_only_its_quotes():
    """A2: mmengine takes every space out, and the score falls in silence."""
    written = '"<image>Question:{question} Short answer:"'
    assert merged(f'nested.query={written}').nested.query == '<image>Question:{question} Short answer:'
    assert merged(r'nested.query="one\ntwo"').nested.query == 'one\ntwo'
    assert merged('nested.query="a" "b"').nested.query == '"a" "b"'
    assert merged("new='1'").new == '1'


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('4', 4),
        ('-1.5e-3', -1.5e-3),
        ('None', None),
        ('False', False),
        ('[1, "a b"]', [1, 'a b']),
        ('(1, 2)', (1, 2)),
        ('1,2', (1, 2)),
        ("{'a': [None]}", {'a': [None]}),
    ],
)
def test_literals(text, value):
    for key in ('number', 'flag', 'nothing', 'names', 'new'):
        found = merged(f'{key}={text}')[key]
        assert found == value and type(found) in (type(value), ConfigDict)


def test_lists_tuples_and_new_keys():
    cfg = merged('steps.0.size=7', 'steps.1.new.deep=x', 'pair.1=Short answer', 'names.0=1', 'new.a.b=2', 'number=1')
    assert cfg.steps == [dict(type='Load', size=7), dict(type='Pack', new=dict(deep='x'))]
    assert cfg.pair == ('Question', 'Short answer') and cfg.names == ['1', 'b']
    assert cfg.new.a.b == 2 and cfg.number == 1


def test_dicts_join_and_the_last_option_counts():
    cfg = merged("nested={'query': 1, 'inner': {'y': 2}}", 'nested.inner.y=3', 'number=1', 'number=2')
    assert cfg.nested == dict(query=1, inner=dict(x=1, y=3)) and cfg.number == 2
    assert merged("nested={'_delete_': True, 'z': 1}").nested == dict(z=1)
    assert merged('new=1', "other={'a': 1}", 'new=2', 'other.a=2').other.a == 2


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('test_dataloader.batch_size', 'has no "=": write KEY=VALUE'),
        ('checkpoint.pth', 'put CONFIG and CHECKPOINT before --cfg-options'),
        ('', 'has no "="'),
        ('=3', "'' is not a key"),
        ('a..b=3', "'a..b' is not a key"),
        ('.a=3', 'is not a key'),
        ('number =3', "'number ' is not a key"),
        ('nubmer=3', "the config has no key 'nubmer'. Did you mean 'number'"),
        ('number.x=3', "number is 3 in the config, so it has no key 'x'"),
        ('nothing.x=3', 'nothing is None in the config'),
        ('word.type=rices', "word is 'random' in the config"),
        ('nested.query.0=x', "nested.query is '<image>' in the config"),
        ('steps.2.size=3', r"'2' is not one of its indices \(0 to 1\)"),
        ('steps.-1.size=3', "'-1' is not one of its indices"),
        ('steps.size=3', 'steps is a list in the config'),
        ('number=[1,2', r'number=\[1,2: the value is not valid Python'),
        ('names=[a,b]', r"\['a', 'b'\] in the config is not a text"),
        ('names=a,b', 'is not valid Python'),
        ("nested=dict(type='x')", 'is not valid Python'),
        ("names=['a' 'b']", 'is not valid Python'),
        ('flag=false', 'write False, or \'"false"\' for the text'),
        ('new=None ', 'Nothing'),
        ('new=null', 'write None'),
    ],
)
def test_a_malformed_option_is_a_sentence(option, said):
    """A3."""
    if said == 'Nothing':
        assert merged(option).new is None
        return
    with pytest.raises(ConfigError, match=said) as caught:
        merged(option)
    assert str(caught.value).startswith('--cfg-options')


def is_quoted(text):
    return text[:1] in ('"', "'") or text[:1].lower() in ('r', 'u')


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text())
@example('{' * 300)
@example('-' * 5000)
@example('9' * 5000)
@example('\x00')
@example('\udcff')
@example('"\\')
def test_any_text_round_trips(text):
    assert merged(f'nested.query={text!r}').nested.query == text
    if not is_quoted(text):
        assert merged(f'nested.query={text}').nested.query == text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(VALUES)
def test_any_value_round_trips_as_python_writes_it(value):
    assert read_values([f'a={value!r}']) == {'a': value}
    assert merged(f'new={value!r}').new == value


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(st.sampled_from('ab.=012[]"-_ '), max_size=12))
def test_any_option_is_taken_or_named(option):
    try:
        merged(option)
    except ConfigError as error:
        assert str(error).startswith('--cfg-options')
