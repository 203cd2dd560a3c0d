"""A compiled Flamingo is the same model; what it does to scores is in tests/tools/test_same_predictions.py."""

from copy import deepcopy

import pytest
import torch

from mmflamingo.structures import FlamingoDataSample


@pytest.fixture
def model(flamingo_of):
    model = flamingo_of().eval()
    with torch.no_grad():
        for parameter in model.language_model.parameters():
            if parameter.ndim > 1:  # so that texts differ
                parameter.normal_(std=0.3, generator=torch.Generator().manual_seed(1))
    torch._dynamo.reset()
    return model


@pytest.fixture
def graphs():
    return []


@pytest.fixture
def backend(graphs):
    def note(graph, inputs):
        graphs.append(graph)
        return graph.forward

    return note


def data_of(*numbers_of_shots, seed=0, **fields):
    shot = {'img_path': 'a.png', 'caption': 'A cat on mat'}
    samples, inputs = [], []
    generator = torch.Generator().manual_seed(seed)
    for number in numbers_of_shots:
        record = {'task': 'caption', 'shots': [shot] * number, **fields}
        samples.append(FlamingoDataSample.from_record(record, meta_keys=['task']))
        inputs.append(torch.randint(256, (number + 1, 1, 3, 8, 8), dtype=torch.uint8, generator=generator))
    return {'inputs': inputs, 'data_samples': samples}


def texts(model, data):
    return [sample.pred_text for sample in model.test_step(data)]


def test_predictions_are_the_same_and_new_lengths_need_no_new_graphs(model, backend, graphs):
    compiled = deepcopy(model)
    compiled.compile(backend=backend)
    assert compiled.state_dict().keys() == model.state_dict().keys()
    batches = [data_of(2, 3, seed=0), data_of(1, 2, 4, seed=1), data_of(0, 1, 2, 3, seed=2)]
    assert texts(compiled, deepcopy(batches[0])) == texts(model, deepcopy(batches[0]))
    counted = len(graphs)
    # Vision backbone, resampler; attention and feed-forward, for prompts and for generated tokens
    assert 4 <= counted <= 8
    for batch in batches[1:]:
        expected = texts(model, deepcopy(batch))
        assert texts(compiled, batch) == expected and len(set(expected)) > 1
    assert len(graphs) == counted


@pytest.mark.slow
def test_losses_and_gradients_are_the_same(model):
    compiled = deepcopy(model)
    compiled.compile(backend='aot_eager')
    data = data_of(2, 0, output='A dog')
    for one in (model, compiled):
        one.train()
        one(**one.data_preprocessor(data, training=True), mode='loss')['loss'].backward()
    for (name, parameter), other in zip(model.named_parameters(), compiled.parameters(), strict=True):
        if parameter.grad is None:
            assert other.grad is None
        else:
            torch.testing.assert_close(other.grad, parameter.grad, msg=name)


def test_a_copy_of_a_compiled_model_has_weights_of_its_own(model):
    model.compile(backend='eager')
    data = data_of(2)
    before = texts(model, deepcopy(data))
    copy = deepcopy(model)
    with torch.no_grad():
        for parameter in copy.parameters():
            parameter.mul_(-1)
    assert texts(copy, deepcopy(data)) != before == texts(model, data)


def test_a_wrong_option(model):
    with pytest.raises(TypeError, match='speed'):
        model.compile(speed=2)
