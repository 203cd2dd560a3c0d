import pytest
import torch

from mmflamingo.engine.errors import CheckpointError
from mmflamingo.engine.loading.fit import keys_without_source, load_state_dict_strictly


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
    assert message.endswith('or change model.body, model.frozen, model.head to what it was trained with.')
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
