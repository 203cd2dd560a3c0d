import pytest
import torch
from torch import nn

from mmflamingo.models.media.media_cache import MediaCache, content_keys
from mmflamingo.structures import FlamingoDataSample

BYTES = 3 * 4 * 4  # of a medium's 3 tokens of width 4, float32


class Encoder(nn.Module):
    """Turns medium number n into 3 tokens of n, and notes what it was asked for."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.asked = []

    @torch.no_grad()
    def encode(self, values, numbers):
        self.asked.append([values[number] for number in numbers])
        return self.scale * torch.tensor([float(values[number]) for number in numbers]).view(-1, 1, 1).expand(-1, 3, 4)


@pytest.fixture
def encoder():
    return Encoder()


@pytest.fixture
def collect(encoder):
    cache = MediaCache(max_bytes=4 * BYTES, encoders=[encoder])

    def collect(*values):
        tokens = cache.collect([f'key {value}' for value in values], lambda numbers: encoder.encode(values, numbers))
        assert tokens.shape == (len(values), 3, 4)
        assert cache.kept.num_bytes == len(cache.kept) * BYTES <= 4 * BYTES
        return tokens[:, 0, 0].tolist()

    collect.cache = cache
    return collect


def test_each_medium_is_encoded_once(encoder, collect):
    assert collect(1, 2, 1, 1) == [1, 2, 1, 1]
    assert collect(2, 3, 3, 1) == [2, 3, 3, 1]
    assert collect(3) == [3]
    assert encoder.asked == [[1, 2], [3]]


def test_the_least_recently_used_go_first(encoder, collect):
    collect(1, 2, 3, 4)
    collect(1)
    collect(5)  # in the place of 2
    assert len(collect.cache.kept) == 4
    encoder.asked.clear()
    assert collect(1, 3, 4, 5) == [1, 3, 4, 5] and encoder.asked == []
    assert collect(2) == [2] and encoder.asked == [[2]]


def test_a_call_with_more_media_than_there_is_room_for(encoder, collect):
    values = [*range(6), *range(6)]
    assert collect(*values) == values
    assert len(encoder.asked[0]) == 6 and len(collect.cache.kept) == 4


def test_without_room_nothing_is_kept_but_duplicates_are_still_one(encoder):
    cache = MediaCache(max_bytes=BYTES - 1, encoders=[encoder])
    for _ in range(2):
        tokens = cache.collect(['a', 'a'], lambda numbers: encoder.encode([7, 7], numbers))
        assert tokens[:, 0, 0].tolist() == [7, 7]
    assert encoder.asked == [[7], [7]]
    assert len(cache.kept) == cache.kept.num_bytes == 0


def test_it_keeps_no_more_memory_than_it_counts(encoder, collect):
    collect(1, 2)
    assert all(collect.cache.kept.get(f'key {n}').untyped_storage().nbytes() == BYTES for n in (1, 2))


@pytest.mark.parametrize(
    'change',
    [
        lambda encoder: encoder.load_state_dict({'scale': torch.tensor([2.0])}),
        lambda encoder: torch.optim.SGD(encoder.parameters(), lr=1.0).step(encoder.scale.sum().mul(-1).backward()),
        lambda encoder: setattr(encoder.scale, 'data', torch.tensor([2.0])),
        lambda encoder: encoder.scale.data.copy_(torch.tensor([2.0])),
    ],
    ids=['load_state_dict', 'optimizer', 'data', 'a write that torch does not count'],
)
def test_new_weights_forget_everything(encoder, collect, change):
    assert collect(1, 2) == [1, 2]
    change(encoder)
    assert collect(1) == [2]
    assert len(collect.cache.kept) == 1


def test_autocast_is_no_other_precision_in_disguise(encoder, collect):
    collect(1)
    with torch.autocast('cpu'):
        collect(1)
    collect(1)
    assert encoder.asked == [[1]] * 3


def test_keys_are_of_the_pixels_and_their_shape():
    media = torch.arange(2 * 12, dtype=torch.uint8).view(2, 1, 3, 2, 2)
    first, second = content_keys(media)
    assert first != second
    assert content_keys(media.flip(0)) == [second, first]
    assert content_keys(media.transpose(-1, -2))[0] != first
    assert content_keys(media.view(2, 1, 3, 4, 1))[0] != first
    assert content_keys(media.repeat_interleave(2, 0)[::2]) == [first, second]


# In the model


def sample(num_shots, **fields):
    record = {'task': 'caption', 'sample_id': 7, 'shots': [{'img_path': 'a.png', 'caption': 'A cat'}] * num_shots}
    return FlamingoDataSample.from_record({**record, **fields}, meta_keys=['task', 'sample_id'])


@pytest.fixture
def data():
    """Four queries; each has two of three pictures as shots, in some order."""
    pixels = torch.randint(256, (7, 1, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    shots = [(0, 1), (1, 2), (2, 0), (1, 1)]
    return [{'inputs': [pixels[[*own, 3 + n]]], 'data_samples': [sample(2)]} for n, own in enumerate(shots)]


@pytest.fixture
def together(data):
    return {name: [value for own in data for value in own[name]] for name in data[0]}


@pytest.fixture
def model(flamingo_of):
    model = flamingo_of().eval()
    model.encoded = []
    model.vision_backbone.register_forward_hook(lambda module, args, _: model.encoded.append(len(args[0])))
    return model


@torch.no_grad()
def tokens_of(model, batch, with_keys=True):
    batch = model.data_preprocessor(batch)
    return model.encode_media(batch['images'], batch['num_media'], batch['media_keys'] if with_keys else None)


@pytest.mark.parametrize('media_cache_bytes', [0, 400, 2**20])
def test_the_same_visual_tokens_as_without(flamingo_of, data, together, media_cache_bytes):
    model = flamingo_of(media_cache_bytes=media_cache_bytes).eval()
    plain = tokens_of(model, together, with_keys=False)
    for _ in range(2):
        torch.testing.assert_close(tokens_of(model, together), plain, rtol=1e-6, atol=1e-6)
        alone = torch.cat([tokens_of(model, own) for own in data])
        torch.testing.assert_close(alone, plain, rtol=1e-6, atol=1e-6)


def test_a_shot_of_many_queries_is_encoded_once(model, data, together):
    for own in data:
        tokens_of(model, own)
    assert model.encoded == [3, 2, 1, 1]
    tokens_of(model, together)
    assert len(model.encoded) == 4
    assert len(model.media_cache.kept) == 7


def test_the_same_predictions_as_without(flamingo_of, data, together):
    texts = [
        [s.pred_text for s in flamingo_of(media_cache_bytes=size).eval().test_step(together)] for size in (0, 2**20)
    ]
    cached = flamingo_of().eval()
    texts.append([cached.test_step(own)[0].pred_text for own in data])
    assert texts[0] == texts[1] == texts[2]


def test_many_media_are_encoded_in_passes(model, monkeypatch, together):
    whole = tokens_of(model, together, with_keys=False)
    monkeypatch.setattr('mmflamingo.models.flamingo.FRAMES_PER_PASS', 5)
    model.encoded.clear()
    torch.testing.assert_close(tokens_of(model, together, with_keys=False), whole, rtol=1e-6, atol=1e-6)
    assert model.encoded == [5, 5, 2]


def test_training_neither_uses_nor_leaves_anything(model, data, together):
    tokens_of(model, together)
    batch = model.data_preprocessor(together)
    model.encoded.clear()
    with torch.enable_grad():
        model.encode_media(batch['images'], batch['num_media'], batch['media_keys'])
    assert model.encoded == [12], 'gradients flow through every medium'
    model.train()
    assert len(model.media_cache.kept) == 0
    tokens_of(model, together)
    assert len(model.media_cache.kept) == 0


@pytest.fixture
def train_once(together):
    """Runs a training step on the batch; returns the loss and the gradients."""

    def run(model):
        model.train().zero_grad()
        samples = [sample(2, output='A cat') for _ in together['inputs']]
        batch = model.data_preprocessor({'inputs': together['inputs'], 'data_samples': samples}, True)
        loss = model(**batch, mode='loss')['loss']
        loss.backward()
        return [loss.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)]

    return run


def test_features_of_a_frozen_backbone_are_kept_in_training(flamingo_of, train_once):
    plain, keeping = flamingo_of(), flamingo_of(feature_cache_bytes=2**20)
    keeping.load_state_dict(plain.state_dict())
    seen = []
    keeping.vision_backbone.register_forward_hook(lambda module, args, _: seen.append(len(args[0])))
    for _ in range(3):
        for mine, others in zip(train_once(keeping), train_once(plain), strict=True):
            torch.testing.assert_close(mine, others, rtol=1e-5, atol=1e-6)
    assert seen == [7], 'each of the seven pictures once'
    with torch.no_grad():
        next(keeping.vision_backbone.parameters()).add_(1)
    train_once(keeping)
    assert seen == [7, 7], 'again with other weights'


def test_features_of_a_backbone_that_learns_are_not_kept(flamingo_of, train_once):
    model = flamingo_of(feature_cache_bytes=2**20, freeze_vision_backbone=False)
    train_once(model)
    assert len(model.feature_cache.kept) == 0
    assert all(p.grad is not None for p in model.vision_backbone.parameters())


def test_a_checkpoint_that_is_loaded_later_is_used(model, flamingo_of, together):
    before = tokens_of(model, together)
    other = flamingo_of().eval()
    with torch.no_grad():
        other.resampler.latents.add_(1)
    model.load_state_dict(other.state_dict())
    after = tokens_of(model, together)
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, tokens_of(other, together, with_keys=False), rtol=1e-6, atol=1e-6)


def test_ranking_encodes_the_grey_picture_once(model, together):
    for own in together['data_samples']:
        own.choices = ['cat', 'dog']
    model.test_step(together)
    assert model.encoded == [7, 1]
    model.test_step(together)
    assert model.encoded == [7, 1]
