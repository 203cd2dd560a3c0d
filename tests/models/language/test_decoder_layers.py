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
    with pytest.raises(ValueError, match=r"'model.layers' is no list of layers.*'transformer.h'"):
        find_decoder_layers(lm, 'model.layers')
    assert isinstance(find_decoder_layers(lm), nn.ModuleList)
