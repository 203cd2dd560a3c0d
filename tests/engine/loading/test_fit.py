import pytest
import torch

from mmflamingo.engine.errors import CheckpointError
from mmflamingo.engine.loading.fit import load_state_dict_strictly, state_dict_for
from mmflamingo.models.checkpoints.fit import keys_without_source


def test_misfits_are_grouped_and_nothing_is_loaded(toy_model):
    before = {key: value.clone() for key, value in toy_model.state_dict().items()}
    given = {
        'body.weight': torch.full((1, 1), 7.0),
        'body.bias': torch.zeros(5),
        'perceiver.layers.0.a': torch.zeros(1),
        'perceiver.layers.1.a': torch.zeros(1),
        'extra': torch.zeros(1),
    }
    with pytest.raises(CheckpointError) as caught:
        load_state_dict_strictly(toy_model, given, 'file.pth')
    message = str(caught.value)
    assert message.startswith('file.pth does not fit the ToyModel')
    assert '  missing from the checkpoint: 4 keys\n' in message
    assert '    head.*: 2, e.g. head.weight, head.bias\n' in message
    assert '  unexpected, not in the model: 3 keys\n' in message
    assert '    perceiver.layers.*: 2, e.g. perceiver.layers.0.a, perceiver.layers.1.a\n' in message
    assert '    top level: 1, e.g. extra\n' in message
    assert '    body.*: 1, e.g. body.bias (5,) (model: (1,))\n' in message
    assert message.endswith('or change model.body, model.frozen, model.head to match how it was trained.')
    for key, value in toy_model.state_dict().items():
        assert torch.equal(value, before[key])


def test_a_checkpoint_of_another_system(toy_model):
    with pytest.raises(
        CheckpointError, match='(?s)idefics.pth does not fit.*another system: expected keys such as body.weight'
    ) as e:
        load_state_dict_strictly(toy_model, {'model.perceiver_resampler.a': torch.zeros(1)}, 'idefics.pth')
    assert 'unexpected, not in the model: 1 key' in str(e.value)


def test_weights_take_the_models_dtype(toy_model):
    state_dict = {key: value.half() for key, value in toy_model.state_dict().items()}
    load_state_dict_strictly(toy_model, state_dict, 'half.pth')
    assert {value.dtype for value in toy_model.state_dict().values()} == {torch.float32}


def test_parts_with_weights_of_their_own_may_be_absent(toy_model):
    toy_model.own_source = True
    state_dict = toy_model.state_dict()
    rest = {key: value for key, value in state_dict.items() if not key.startswith('head.')}
    load_state_dict_strictly(toy_model, rest, 'adapter.pth')
    assert keys_without_source(toy_model, rest) == []
    assert all(not key.startswith('head.') for key in keys_without_source(toy_model))


def test_assigned_weights_are_not_copied_where_nothing_has_to_change(toy_model):
    toy_model.head.weight = toy_model.body.weight  # two names of one parameter
    state_dict = {key: torch.full_like(value, 7) for key, value in toy_model.state_dict().items()}
    state_dict['head.bias'] = state_dict['head.bias'].half()
    load_state_dict_strictly(toy_model, state_dict, 'file.pth', assign=True)
    assert all(value.eq(7).all() and value.dtype == torch.float32 for value in toy_model.state_dict().values())
    assert toy_model.body.bias.data_ptr() == state_dict['body.bias'].data_ptr()
    assert toy_model.head.weight is toy_model.body.weight
    assert toy_model.body.bias.requires_grad and not toy_model.frozen.bias.requires_grad


def test_assigned_weights_take_the_dtype_that_is_asked_for(toy_model):
    toy_model.head.weight = toy_model.body.weight
    toy_model.register_buffer('count', torch.tensor(3))
    state_dict = {key: torch.full_like(value, 7) for key, value in toy_model.state_dict().items()}
    load_state_dict_strictly(toy_model, state_dict, 'file.pth', assign=True, dtype=torch.bfloat16)
    dtypes = {key: value.dtype for key, value in toy_model.state_dict().items()}
    assert dtypes.pop('count') == torch.int64 and set(dtypes.values()) == {torch.bfloat16}
    assert toy_model.head.weight is toy_model.body.weight
    assert all(value.eq(7).all() for value in toy_model.state_dict().values())


def test_one_name_of_a_parameter_with_two_is_enough(toy_model):
    toy_model.head.weight, toy_model.own_source = toy_model.body.weight, True
    state_dict = {key: value + 1 for key, value in toy_model.state_dict().items() if not key.startswith('head.')}
    load_state_dict_strictly(toy_model, state_dict, 'file.pth', assign=True)
    assert toy_model.head.weight is toy_model.body.weight
    assert torch.equal(toy_model.body.weight, state_dict['body.weight'])


@pytest.fixture(params=[False, True], ids=['copied', 'assigned'])
def load(toy_model, request):
    """Loads changes of the toy model's weights into it; all of them are what they were if that fails."""

    def load(changes, **kwargs):
        before = {key: value.clone() for key, value in toy_model.state_dict().items()}
        try:
            load_state_dict_strictly(toy_model, toy_model.state_dict() | changes, 'a.pth', request.param, **kwargs)
        except CheckpointError:
            assert all(torch.equal(value, before[key]) for key, value in toy_model.state_dict().items())
            raise

    return load


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_weight_that_is_not_finite_is_named(load, value, dtype):
    """A16: acc 0.00 and rc 0, silently."""
    with pytest.raises(
        CheckpointError, match='(?s)a.pth has weights that cannot be right.*NaN, infinite.*1 key.*head.bias'
    ):
        load({'head.bias': torch.full((1,), value, dtype=dtype)})


def test_a_weight_is_finite_in_the_models_dtype(load):
    large = {'head.bias': torch.full((1,), 1e5)}
    load(large)
    load(large, dtype=torch.bfloat16)
    with pytest.raises(CheckpointError, match='too large for the model: 1 key'):
        load(large, dtype=torch.float16)
    with pytest.raises(CheckpointError, match='too large for the model: 1 key'):
        load({'head.bias': torch.full((1,), 1e300, dtype=torch.float64)})


@pytest.mark.parametrize(
    'dtype', [torch.int64, torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn], ids=lambda dtype: str(dtype)
)
def test_numbers_of_another_kind_are_no_weights(load, dtype):
    """R8: they were loaded, silently."""
    with pytest.raises(
        CheckpointError, match=rf'of another kind of number: 1 key\n.*head.bias {str(dtype)[6:]} \(model: float32'
    ):
        load({'head.bias': torch.ones(1).to(dtype)})


def test_counts_are_whole_numbers(toy_model, load):
    toy_model.register_buffer('count', torch.tensor(3))
    load({'count': torch.tensor(4, dtype=torch.int32)})
    for value in (torch.tensor(4.0), torch.tensor(True)):
        with pytest.raises(CheckpointError, match='of another kind of number: 1 key'):
            load({'count': value})


def test_two_names_of_a_parameter_have_one_value(toy_model):
    """R8, A15: one name is enough, two that differ are an error, none counts once."""
    toy_model.head.weight = toy_model.body.weight
    state_dict = toy_model.state_dict()
    for name in ('head.weight', 'body.weight'):
        one = {key: value + 1 for key, value in state_dict.items() if key != name}
        load_state_dict_strictly(toy_model, one, 'a.pth', assign=True)
        assert toy_model.head.weight is toy_model.body.weight
        assert torch.equal(toy_model.head.weight, state_dict['head.weight'] + 1)
    load_state_dict_strictly(toy_model, state_dict | {'head.weight': state_dict['body.weight'].double()}, 'a.pth')
    with pytest.raises(CheckpointError, match=r'two names, two values: 1 key\n.*head.weight \(also body.weight\)'):
        load_state_dict_strictly(toy_model, state_dict | {'head.weight': state_dict['body.weight'] + 1}, 'a.pth')
    with pytest.raises(CheckpointError, match='missing from the checkpoint: 1 key\n'):
        neither = {key: value for key, value in state_dict.items() if key not in ('head.weight', 'body.weight')}
        load_state_dict_strictly(toy_model, neither, 'a.pth')


@pytest.mark.parametrize('prefix', ['model.', 'net.model.', 'module.model.', 'flamingo.'])
def test_a_common_prefix_is_harmless(toy_model, prefix):
    own = toy_model.state_dict()
    checkpoint = {'model': {f'{prefix}{key}': value for key, value in own.items()}}
    assert state_dict_for(toy_model, checkpoint, 'a.pth').keys() == own.keys()


def test_a_prefix_of_some_keys_is_not():
    model = torch.nn.Sequential(torch.nn.Linear(1, 1))
    found = state_dict_for(model, {'model.0.weight': torch.ones(1, 1), '0.bias': torch.ones(1)}, 'a.pth')
    assert found.keys() == {'model.0.weight', '0.bias'}


def test_buffers_of_old_transformers_are_harmless(toy_model):
    own = toy_model.state_dict()
    old = {'language_model.lm.model.layers.0.self_attn.rotary_emb.inv_freq': torch.ones(2)}
    old['language_model.lm.gpt_neox.layers.0.attention.masked_bias'] = torch.tensor(float('-inf'))
    assert state_dict_for(toy_model, own | old, 'a.pth').keys() == own.keys()
