import copy
import sys

import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity
from transformers.pytorch_utils import Conv1D

from mmflamingo.models.decoding.generation import generate
from mmflamingo.models.language.quantization import QUANTIZATIONS, QuantizedLinear, quantize_linears

NF4_LARGEST_GAP = 1 - 0.6961928  # between two of the 16 values, of which the largest is 1
TOLERANCE = {'rtol': 1e-4, 'atol': 1e-4}


@pytest.fixture(params=QUANTIZATIONS)
def name(request):
    return request.param


@pytest.fixture
def pair_of(adapter_of):
    """An adapter, and the same one quantised."""

    def build(family='llama', name='int8', **kwargs):
        plain = adapter_of(family, **kwargs)
        plain.lm.requires_grad_(False)
        quantized = adapter_of(family, quantization=name, **kwargs)
        quantized.lm.requires_grad_(False)
        assert 'linear layers were quantised' in quantized.quantize()
        return plain, quantized

    return build


def layer_of(dtype=torch.float32, cls=nn.Linear, columns=256):
    torch.manual_seed(0)
    layer = cls(columns, 64) if cls is nn.Linear else cls(64, columns)
    with torch.no_grad():
        layer.weight.normal_(std=0.02)
        layer.bias.normal_()
    return layer.to(dtype)


def relative_error(value, expected):
    return ((value.float() - expected.float()).norm() / expected.float().norm()).item()


@pytest.mark.parametrize('cls', [nn.Linear, Conv1D])
def test_int8_rounds_to_the_nearest_of_255_steps_of_a_row(cls):
    layer = layer_of(cls=cls)
    weight = layer.weight.detach() if cls is nn.Linear else layer.weight.detach().T
    steps = weight.abs().amax(1, keepdim=True) / 127
    error = (QuantizedLinear(layer, 'int8').dequantize(torch.float32) - weight).abs()
    assert (error <= 0.55 * steps).all(), 'half a step, and the weight is float16 on its way'


@pytest.mark.parametrize('cls', [nn.Linear, Conv1D])
@pytest.mark.parametrize('columns', [256, 96, 40, 7])
def test_nf4_rounds_to_the_nearest_of_16_values_of_a_block(cls, columns):
    """Also where a block reaches into the next row."""
    layer = layer_of(cls=cls, columns=columns)
    weight = layer.weight.detach() if cls is nn.Linear else layer.weight.detach().T
    quantized = QuantizedLinear(layer, 'nf4').dequantize(torch.float32)
    largest = weight.reshape(-1, 64).abs().amax(1, keepdim=True)
    relative = (quantized.reshape(-1, 64) / largest, weight.reshape(-1, 64) / largest)
    assert (relative[0] - relative[1]).abs().max() <= 0.51 * NF4_LARGEST_GAP
    assert len(relative[0].round(decimals=3).unique()) <= 16
    assert relative_error(quantized, weight) < 0.12


def test_a_row_of_zeros_stays_one():
    layer = layer_of()
    nn.init.zeros_(layer.weight[3])
    for name in QUANTIZATIONS:
        assert not QuantizedLinear(layer, name).dequantize(torch.float32)[3].any()


@pytest.mark.parametrize(('name', 'bits', 'scale_bits'), [('int8', 8, 32 / 256), ('nf4', 4, 32 / 64)])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_bytes(name, bits, scale_bits, dtype):
    layer = layer_of(dtype)
    number = layer.weight.numel()
    assert QuantizedLinear(layer, name).num_bytes == number * (bits + scale_bits) / 8


def test_what_was_replaced_holds_no_memory(name):
    """An optimizer may have been built from the parameters before."""
    model = nn.Sequential(layer_of(), nn.Sequential(layer_of(), nn.LayerNorm(64)))
    kept = [p for p in model.parameters() if p.ndim == 2]
    said = quantize_linears(model, name)
    assert said.startswith(f'2 linear layers were quantised to {name}: 0.0 MiB instead of 0.1')
    assert [parameter.nbytes for parameter in kept] == [0, 0]
    assert quantize_linears(model, name) == '', 'the second time there is nothing to do'


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
def test_a_layer_computes_in_the_dtype_of_what_it_reads(name, dtype):
    layer, x = layer_of(), torch.randn(2, 3, 256)
    y = QuantizedLinear(layer, name)(x.to(dtype))
    assert y.dtype == dtype and y.shape == (2, 3, 64)
    assert relative_error(y, layer(x)) < {'int8': 0.01, 'nf4': 0.1}[name]


def test_autocast(name):
    layer, x = QuantizedLinear(layer_of(), name), torch.randn(3, 256)
    with torch.autocast('cpu', torch.bfloat16):
        y = layer(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), layer(x), rtol=0.02, atol=0.02)


@torch.no_grad()
def test_logits_change_little(family, name, pair_of, batch):
    """Two models with other random weights are 1.4 apart."""
    plain, quantized = pair_of(family, name)
    real = batch[2].bool()
    error = relative_error(quantized(*batch)[real], plain(*batch)[real])
    assert 0 < error < {'int8': 0.08, 'nf4': 0.65}[name]


@torch.no_grad()
def test_it_is_the_model_of_its_own_state_dict(family, name, pair_of, batch):
    """So with nf4, too: with these random weights of a large spread it is far from the one before."""
    plain, quantized = pair_of(family, name)
    keys = set(plain.state_dict())
    plain.load_state_dict(quantized.state_dict())
    assert set(quantized.state_dict()) == keys
    torch.testing.assert_close(quantized(*batch), plain(*batch), **TOLERANCE)


def test_only_linear_layers_of_the_decoder_are_others(family, name, pair_of):
    plain, quantized = pair_of(family, name)
    before, after = plain.state_dict(), quantized.state_dict()
    changed = {key for key, value in before.items() if not torch.equal(value, after[key])}
    layers = {
        f'{path}.weight'
        for path, module in plain.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and path.startswith(f'lm.{plain.layers_path}.')
    }
    assert changed == layers and len(layers) >= 16


@pytest.mark.parametrize('settings', [{'num_beams': 1}, {'num_beams': 3}])
def test_caches_change_no_token(name, pair_of, batch, settings):
    adapter = pair_of('llama', name)[1]

    def write(**more):
        settings_ = {'max_new_tokens': 6, **settings, **more}
        return generate(adapter, *batch, stop_token_ids=[40], pad_token_id=42, settings=settings_)

    expected = write(use_cache=False)
    assert torch.equal(write(use_cache=True), expected)
    assert torch.equal(write(), expected), 'in the beam search of our own'


@pytest.mark.parametrize('checkpointing', [False, True])
def test_gradients_pass_through(name, pair_of, batch, checkpointing):
    """To blocks and visual tokens, after a call without gradients, which bitsandbytes's own layer doesn't survive."""
    plain, quantized = pair_of('llama', name, activation_checkpointing=checkpointing)
    plain.load_state_dict(quantized.state_dict())
    gradients = []
    for adapter in (plain, quantized):
        with torch.no_grad():
            adapter(*batch)
        visual_tokens = batch[0].clone().requires_grad_()
        adapter(visual_tokens, *batch[1:]).square().mean().backward()
        named = {n: p.grad for n, p in adapter.named_parameters() if p.requires_grad}
        gradients.append(named | {'visual_tokens': visual_tokens.grad})
    assert all(gradient.abs().max() > 0 for gradient in gradients[1].values())
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-4)


def test_int8_gradients_are_those_of_the_float_model(pair_of, batch):
    gradients = []
    for adapter in pair_of('gpt2', 'int8'):
        adapter(*batch).square().mean().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in adapter.parameters() if p.requires_grad]))
    assert cosine_similarity(*gradients, dim=0) > 0.99


def test_nothing_of_the_weight_is_kept_for_the_backward_pass(name):
    layer, kept = QuantizedLinear(layer_of(), name), []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.nbytes), lambda _: None):
        layer(torch.randn(3, 256, requires_grad=True))
    assert sum(kept) == 0


@torch.no_grad()
def test_another_dtype(name, pair_of, batch):
    """As `get_model(dtype=...)` does it; the scales stay as exact as they were."""
    adapter = pair_of('llama', name)[1]
    expected = adapter(*batch)
    packed = {key: value.clone() for key, value in adapter.named_buffers() if key.endswith(('packed', 'scales'))}
    adapter.to(torch.bfloat16)
    assert adapter(*batch).dtype == torch.bfloat16
    torch.testing.assert_close(adapter(*batch).float(), expected, rtol=0.1, atol=0.6)
    after = dict(adapter.named_buffers())
    assert all(torch.equal(value, after[key]) for key, value in packed.items())
    assert {value.dtype for key, value in after.items() if key.endswith('scales')} == {torch.float32}


def test_a_deep_copy_is_independent(name, pair_of, batch):
    adapter = pair_of('llama', name)[1]
    copied, expected = copy.deepcopy(adapter), adapter(*batch)
    with torch.no_grad():
        for tensor in [*adapter.parameters(), *adapter.buffers()]:
            tensor.zero_()
    assert torch.equal(copied(*batch), expected)


def test_weights_loaded_later_are_quantised(name, pair_of, batch):
    plain, quantized = pair_of('gpt2', name)
    for parameter in plain.parameters():
        nn.init.normal_(parameter, std=0.1)
    before = quantized(*batch)
    quantized.load_state_dict(plain.state_dict())
    plain.quantization = name
    plain.quantize()
    assert torch.equal(quantized(*batch), plain(*batch)) and not torch.equal(quantized(*batch), before)


def test_its_own_state_dict_is_quantised_to_the_same(name, pair_of):
    quantized = pair_of('llama', name)[1]
    before = {key: value.clone() for key, value in quantized.named_buffers()}
    quantized.load_state_dict(quantized.state_dict())
    torch.testing.assert_close(dict(quantized.named_buffers()), before, rtol=1e-6, atol=0)


def test_weights_that_do_not_fit_are_named(name):
    layer = QuantizedLinear(layer_of(), name)
    with pytest.raises(RuntimeError, match='weight has the shape .32, 256., it does not fit QuantizedLinear.256, 64, '):
        layer.load_state_dict({'weight': torch.zeros(32, 256), 'bias': torch.zeros(64)})
    with pytest.raises(RuntimeError, match='Missing key.*"weight"'):
        layer.load_state_dict({'bias': torch.zeros(64)})


def test_without_the_key_nothing_is_done(adapter_of):
    adapter = adapter_of('llama')
    assert adapter.quantize() == '' and not any(isinstance(m, QuantizedLinear) for m in adapter.modules())


def test_unknown_quantisation(adapter_of):
    message = r"model.language_model.quantization is 'int4', it must be None or one of \['int8', 'nf4'\]"
    with pytest.raises(ValueError, match=message):
        adapter_of('llama', quantization='int4')


def test_without_the_library(adapter_of, monkeypatch):
    monkeypatch.setitem(sys.modules, 'bitsandbytes', None)
    with pytest.raises(ImportError, match="quantization needs bitsandbytes.*pip install 'mmflamingo.quantization.'"):
        adapter_of('llama', quantization='nf4')


def test_a_language_model_that_learns_is_not_quantised(adapter_of):
    with pytest.raises(ValueError, match='is for a frozen language model: set model.freeze_language_model=True'):
        adapter_of('llama', quantization='nf4').quantize()
