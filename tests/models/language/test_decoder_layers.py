import pytest
from torch import nn

from mmflamingo.models.language.decoder_layers import DECODER_LAYERS, find_decoder_layers


def test_every_known_family_is_tested(families):
    """The tests of the adapter run on `families`."""
    assert set(families) == set(DECODER_LAYERS)


def test_unknown_type(adapter_of):
    lm = adapter_of('llama').lm
    lm.config.model_type = 'wordstar'
    with pytest.raises(ValueError, match="'wordstar'; known are .*'llama'.*layers_path"):
        find_decoder_layers(lm)
    assert find_decoder_layers(lm, 'model.layers') is lm.model.layers


def test_wrong_path(adapter_of):
    lm = adapter_of('gpt2').lm
    with pytest.raises(ValueError, match=r"'model.layers' is not a list of layers.*'transformer.h'"):
        find_decoder_layers(lm, 'model.layers')
    assert isinstance(find_decoder_layers(lm), nn.ModuleList)


SMALL = {
    'hidden_size': 32,
    'num_hidden_layers': 4,
    'vocab_size': 40,
    'pad_token_id': None,
    'bos_token_id': 1,
    'eos_token_id': 2,
}


@pytest.mark.parametrize(
    ('config', 'path'),
    [
        ({'model_type': 'mamba'}, 'backbone.layers'),
        ({'model_type': 'rwkv'}, 'rwkv.blocks'),
        ({'model_type': 'recurrent_gemma', 'lru_width': 32, 'num_attention_heads': 4}, 'model.layers'),
        (
            {'model_type': 'lfm2', 'num_attention_heads': 4, 'layer_types': ['conv', 'full_attention'] * 2},
            'model.layers',
        ),
    ],
)
def test_running_states_are_refused_by_name(adapter_of, config, path):
    """Padding would be part of them, silently: a text would depend on its batch."""
    with pytest.raises(ValueError, match='keeps a running state and not only keys and values'):
        adapter_of('other', config={**SMALL, **config}, layers_path=path)


def test_blocks_are_as_wide_as_the_layers_and_not_as_the_embeddings(adapter_of, batch):
    """OPT-350M's embeddings are half as wide."""
    adapter = adapter_of(
        'opt',
        config={
            'model_type': 'opt',
            **SMALL,
            'ffn_dim': 64,
            'num_attention_heads': 4,
            'word_embed_proj_dim': 16,
            'do_layer_norm_before': False,
        },
    )
    adapter(*batch)
    assert adapter.gated_cross_attn_layers['1'].ff[0].normalized_shape == (32,)


def test_layers_that_get_their_input_by_name(adapter_of, batch):
    """Code beside weights may call them so."""
    adapter = adapter_of('llama')
    expected = adapter(*batch)

    class ByName(nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.layer = layer

        def forward(self, hidden_states, **kwargs):
            return self.layer(hidden_states=hidden_states, **kwargs)

    layers = adapter.lm.model.layers
    for n, layer in enumerate(layers):
        layers[n] = ByName(layer)
    assert adapter(*batch).equal(expected)
