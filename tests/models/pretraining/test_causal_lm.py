import math

import pytest
import torch
from transformers import AutoModelForCausalLM

from mmflamingo.models.pretraining import CausalLMPretraining

CONFIG = dict(
    model_type='llama',
    vocab_size=20,
    hidden_size=16,
    intermediate_size=32,
    num_hidden_layers=1,
    num_attention_heads=2,
)


def test_loss_is_that_of_the_next_token():
    torch.manual_seed(0)
    model = CausalLMPretraining(CONFIG)
    inputs = torch.randint(20, (2, 6))
    logits = model(inputs)
    probabilities = logits[:, :-1].softmax(-1).gather(-1, inputs[:, 1:, None])
    expected = -probabilities.log().mean().item()
    assert math.isclose(model(inputs, mode='loss')['loss'].item(), expected, rel_tol=1e-5)
    assert math.isclose(model(inputs, mode='predict')[0], expected, rel_tol=1e-5)


def test_what_it_saves_is_a_folder_of_transformers(tmp_path):
    model = CausalLMPretraining(CONFIG)
    model.save_pretrained(str(tmp_path))
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    inputs = torch.randint(20, (1, 5))
    torch.testing.assert_close(loaded(inputs).logits, model(inputs))


def test_weights_of_the_loss():
    torch.manual_seed(0)
    model = CausalLMPretraining(CONFIG)
    inputs = torch.randint(20, (2, 6))
    weights = torch.ones(2, 6)
    plain = model(inputs, mode='loss')['loss']
    torch.testing.assert_close(model(inputs, weights, mode='loss')['loss'], plain)
    weights[:, :5] = 0  # only the last token counts
    expected = torch.nn.functional.cross_entropy(model(inputs)[:, 4], inputs[:, 5])
    torch.testing.assert_close(model(inputs, weights, mode='loss')['loss'], expected)


def test_goes_on_from_a_folder(tmp_path):
    model = CausalLMPretraining(CONFIG)
    model.save_pretrained(str(tmp_path))
    again = CausalLMPretraining(pretrained=str(tmp_path))
    inputs = torch.randint(20, (1, 5))
    torch.testing.assert_close(again(inputs), model(inputs))
    with pytest.raises(ValueError, match='either config or pretrained'):
        CausalLMPretraining(CONFIG, pretrained=str(tmp_path))
