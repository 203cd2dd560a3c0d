import pytest
import torch

from mmflamingo.models.precision import cast_weights


@torch.no_grad()
def test_a_cast_model_is_one_that_was_built_so(family, adapter_of, batch):
    """Buffers that are no weights, such as the frequencies of rotary embeddings, stay as exact as transformers makes them."""
    adapter, built = adapter_of(family), adapter_of(family, dtype='bfloat16')
    cast_weights(adapter, torch.bfloat16)
    built.load_state_dict(adapter.state_dict())
    assert {p.dtype for p in adapter.parameters()} == {torch.bfloat16}
    assert torch.equal(adapter(*batch), built(*batch))
    assert adapter(*batch).dtype == torch.bfloat16


def test_tied_weights_stay_tied(adapter_of):
    adapter = adapter_of('gpt2')
    embedding, head = adapter.lm.get_input_embeddings(), adapter.lm.get_output_embeddings()
    assert embedding.weight is head.weight
    cast_weights(adapter, torch.float16)
    assert embedding.weight is head.weight and head.weight.dtype == torch.float16


def test_what_a_checkpoint_holds_is_cast():
    norm = torch.nn.BatchNorm1d(3)
    norm.register_buffer('passing', torch.zeros(2), persistent=False)
    cast_weights(norm, torch.bfloat16)
    assert norm.running_mean.dtype == norm.weight.dtype == torch.bfloat16
    assert norm.num_batches_tracked.dtype == torch.long and norm.passing.dtype == torch.float32


def test_a_weight_that_the_dtype_cannot_hold_is_named():
    model = torch.nn.Sequential(torch.nn.Linear(1, 1))
    torch.nn.init.constant_(model[0].bias, 1e5)
    with pytest.raises(ValueError, match='0.bias has a weight that torch.float16 cannot hold'):
        cast_weights(model, torch.float16)
    cast_weights(model, torch.bfloat16)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@torch.no_grad()
def test_all_parts_of_a_model_compute_in_it(flamingo_of, dtype):
    model = flamingo_of().eval()
    cast_weights(model, dtype)
    images = torch.randint(256, (1, 2, 1, 3, 8, 8), dtype=torch.uint8)
    image = model.tokenizer.image_token_id
    ids = torch.tensor([[1, image, 5, image, 6]])
    assert model(images, torch.tensor([2]), ids, torch.ones_like(ids)).dtype == dtype
    assert model.encode_media(images, torch.tensor([2])).dtype == dtype
