import pytest
import torch

from mmflamingo.models.checkpoints.unwrapping import WRAPPERS, peelings, unwrap

WEIGHTS = {'resampler.a': torch.ones(2), 'language_model.lm.b': torch.zeros(1)}


def same(found):
    return found.keys() == WEIGHTS.keys() and all(found[key] is WEIGHTS[key] for key in found)


@pytest.mark.parametrize('wrapper', [None, *WRAPPERS])
@pytest.mark.parametrize('prefix', ['', 'module.', '_orig_mod.', '_forward_module.', 'module._orig_mod.'])
def test_usual_wrappers_are_taken_off(wrapper, prefix):
    state_dict = {f'{prefix}{key}': value for key, value in WEIGHTS.items()}
    assert same(unwrap(state_dict if wrapper is None else {'epoch': 1, wrapper: state_dict}, 'a.pth'))


def test_wrappers_inside_of_keys_and_of_wrappers():
    inside = {'resampler._orig_mod.a': WEIGHTS['resampler.a']}
    inside['language_model._fsdp_wrapped_module.lm._checkpoint_wrapped_module.b'] = WEIGHTS['language_model.lm.b']
    assert same(unwrap({'model': {'step': 2, 'state_dict': inside}}, 'a.pth'))


def test_trained_weights_go_before_averaged_ones():
    other = {key: value + 1 for key, value in WEIGHTS.items()}
    assert same(unwrap({'ema_state_dict': other, 'state_dict': WEIGHTS}, 'a.pth'))
    assert same(unwrap({'ema': other, 'model': WEIGHTS}, 'a.pth'))
    assert same(unwrap({'ema': WEIGHTS, 'epoch': 1}, 'a.pth'))


def test_names_that_only_look_like_wrappers_stay():
    state_dict = {'my_module.a': torch.ones(1), 'b.module.c': torch.ones(1), 'x_orig_mod.d': torch.ones(1)}
    assert unwrap(state_dict, 'a.pth').keys() == state_dict.keys()


@pytest.mark.parametrize(
    ('checkpoint', 'message'),
    [
        ({'a': torch.ones(1), 'module.a': torch.zeros(1)}, 'a.pth has two values for a: with and without'),
        ({'a': torch.ones(1), 'epoch': 1}, 'entries epoch are not tensors'),
        ({'model': {}, 'epoch': 1}, 'entries model, epoch are not tensors'),
        ({1: torch.ones(1)}, 'entries 1 are not tensors'),
        ({'a': torch.ones(2).to_sparse()}, r'keeps a in a form that is not read \(torch.sparse_coo\)'),
        ({'a': torch.ones(2, device='meta')}, r'keeps a .*\(without data\)'),
        ({'a': torch.quantize_per_tensor(torch.ones(2), 1.0, 0, torch.qint8)}, r'keeps a .*\(quantised\)'),
        ({'a': torch.zeros(1).expand(10**9)}, r'little data for large tensors, such as a of \(1000000000,\)'),
        ({str(i): torch.zeros(1).expand(10**6) for i in range(20)}, 'little data for large tensors'),
    ],
)
def test_what_is_refused(checkpoint, message):
    with pytest.raises(ValueError, match=message):
        unwrap(checkpoint, 'a.pth')


def test_little_expansions_are_harmless():
    assert unwrap({'a': torch.arange(4).expand(1, -1), 'b': torch.zeros(1).expand(9)}, 'a.pth').keys() == {'a', 'b'}


def test_a_common_name_in_front_is_peeled_off():
    keys = [list(peeled) for peeled in peelings({'model.net.a': 1, 'model.net.b.c': 2})]
    assert keys == [['model.net.a', 'model.net.b.c'], ['net.a', 'net.b.c'], ['a', 'b.c']]
    assert [list(peeled) for peeled in peelings({'a.b': 1, 'c': 2})] == [['a.b', 'c']]
    assert list(peelings({})) == []
