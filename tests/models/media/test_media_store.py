import os

import pytest
import torch

from mmflamingo.models.media.media_store import MediaStore, digest_of
from mmflamingo.structures import FlamingoDataSample


def files(folder):
    return sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)


def tokens_of(number, dtype=torch.float32):
    return torch.full((3, 4), number, dtype=dtype)


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
def test_what_was_put_is_got_by_another_store(tmp_path, dtype):
    tokens = torch.randn(3, 4).to(dtype)
    MediaStore(tmp_path / 'new' / 'folder').put('encoders', ((1, 3, 2, 2), b'medium'), tokens)
    store = MediaStore(tmp_path / 'new' / 'folder')
    found = store.get('encoders', ((1, 3, 2, 2), b'medium'))
    assert found.dtype == dtype and torch.equal(found, tokens)
    assert store.get('other encoders', ((1, 3, 2, 2), b'medium')) is None
    assert store.get('encoders', ((1, 3, 2, 2), b'other medium')) is None


@pytest.mark.parametrize('damage', ['cut off', 'empty', 'a bit', 'another medium'])
def test_damage_is_seen_and_mended(tmp_path, damage, caplog):
    store = MediaStore(tmp_path)
    store.put('encoders', 'a', tokens_of(1.0))
    store.put('encoders', 'b', tokens_of(2.0))
    path, other = store._path('encoders', 'a'), store._path('encoders', 'b')
    content = path.read_bytes()
    path.write_bytes(
        {
            'cut off': content[:-5],
            'empty': b'',
            'a bit': content[:-1] + bytes([content[-1] ^ 1]),
            'another medium': other.read_bytes(),
        }[damage]
    )
    assert store.get('encoders', 'a') is None
    store.put('encoders', 'a', tokens_of(1.0))
    assert torch.equal(store.get('encoders', 'a'), tokens_of(1.0))


def test_the_least_recently_used_go_first(tmp_path):
    MediaStore(tmp_path).put('encoders', 0, tokens_of(0.0))
    size = files(tmp_path)[0].stat().st_size
    store = MediaStore(tmp_path, max_bytes=4 * size)
    for number in range(1, 4):
        store.put('encoders', number, tokens_of(float(number)))
    for age, number in enumerate([2, 3, 1, 0]):
        os.utime(store._path('encoders', number), (age, age))
    assert store.get('encoders', 2) is not None, 'and is the most recently used now'
    store.put('encoders', 4, tokens_of(4.0))
    kept = [number for number in range(5) if store.get('encoders', number) is not None]
    assert kept == [0, 2, 4] and sum(path.stat().st_size for path in files(tmp_path)) <= 4 * size
    store.put('encoders', 5, torch.zeros(1000, 1000))
    assert store.get('encoders', 5) is None, 'larger than all the room'


def test_a_full_disk_ends_keeping_and_nothing_else(tmp_path, monkeypatch):
    store = MediaStore(tmp_path)
    monkeypatch.setattr('pathlib.Path.write_bytes', lambda *_: (_ for _ in ()).throw(OSError(28, 'No space left')))
    store.put('encoders', 'a', tokens_of(1.0))
    monkeypatch.undo()
    store.put('encoders', 'b', tokens_of(1.0))
    assert files(tmp_path) == []


def test_a_digest_stands_for_weights_and_settings():
    weights = [torch.randn(2, 3), torch.randn(3)]
    digests = {
        digest_of(weights, 'act=gelu'),
        digest_of(weights, 'act=quick_gelu'),
        digest_of([weights[0] + 1e-3, weights[1]], 'act=gelu'),
        digest_of([weights[0].view(3, 2), weights[1]], 'act=gelu'),
        digest_of([weight.bfloat16() for weight in weights], 'act=gelu'),
    }
    assert len(digests) == 5
    assert digest_of([weight.clone() for weight in weights], 'act=gelu') in digests


# In the model


@pytest.fixture
def batch():
    pixels = torch.randint(256, (3, 1, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    record = {'task': 'caption', 'sample_id': 7, 'shots': [{'img_path': 'a.png', 'caption': 'A cat'}] * 2}
    return {'inputs': [pixels], 'data_samples': [FlamingoDataSample.from_record(record, ['task', 'sample_id'])]}


@pytest.fixture
def run(flamingo_of, tmp_path, batch):
    """Text and number of encoded pictures of a model of its own, as in another process."""

    def run(change=None, **settings):
        model = flamingo_of(media_store=str(tmp_path / 'store'), **settings).eval()
        if change:
            change(model)
        encoded = []
        model.vision_backbone.register_forward_hook(lambda module, args, _: encoded.append(len(args[0])))
        return model.test_step(batch)[0].pred_text, sum(encoded)

    return run


@pytest.mark.parametrize('media_cache_bytes', [0, 2**20])
def test_a_second_run_encodes_nothing_and_predicts_the_same(run, flamingo_of, batch, media_cache_bytes):
    plain = flamingo_of().eval().test_step(batch)[0].pred_text
    assert run(media_cache_bytes=media_cache_bytes) == (plain, 3)
    assert run(media_cache_bytes=media_cache_bytes) == (plain, 0)


@torch.no_grad()
def test_what_other_encoders_made_is_not_used(run):
    run()
    assert run(lambda model: model.resampler.latents.add_(1))[1] == 3
    assert run(lambda model: model.vision_backbone.bfloat16())[1] == 3
    normalised = {'type': 'FlamingoDataPreprocessor', 'mean': [1.0, 1.0, 1.0], 'std': [68.0, 66.0, 70.0]}
    assert run(data_preprocessor=normalised)[1] == 3
    assert run(lambda model: model.language_model.lm.lm_head.weight.add_(1))[1] == 0
