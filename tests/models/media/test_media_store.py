import os

import pytest
import torch

from mmflamingo.models.media.media_store import MARKER, MediaStore, digest_of
from mmflamingo.structures import FlamingoDataSample


def files(folder):
    own = (path for path in folder.iterdir() if path.name != MARKER)
    return sorted(own, key=lambda path: path.stat().st_mtime_ns)


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


# R3: files of the user


def test_a_folder_with_files_of_the_user_is_refused_and_stays_as_it_was(tmp_path):
    (tmp_path / 'thesis.tex').write_text('years of work')
    with pytest.raises(ValueError, match=r"holds other files \('thesis.tex'\).*name a new or empty folder"):
        MediaStore(tmp_path, max_bytes=1)
    assert [path.name for path in tmp_path.iterdir()] == ['thesis.tex']


def test_files_that_come_later_are_neither_counted_nor_removed(tmp_path):
    MediaStore(tmp_path)
    strangers = ['model.safetensors', f'{"A" * 64}.safetensors', f'{"a" * 63}.safetensors', 'a.part', '.hidden']
    for name in strangers:
        (tmp_path / name).write_bytes(bytes(100_000))
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / 'notes').mkdir()
    (tmp_path / f'{"b" * 64}.safetensors').symlink_to(tmp_path / 'model.safetensors')
    store = MediaStore(tmp_path, max_bytes=1000)
    assert store._num_bytes == 0
    for number in range(9):
        store.put('encoders', number, tokens_of(float(number)))
    assert all((tmp_path / name).stat().st_size == 100_000 for name in strangers)
    assert (tmp_path / 'notes').is_dir()
    own = [path for path in files(tmp_path) if path.is_file() and path.stat().st_size < 100_000]
    assert sum(path.stat().st_size for path in own) <= 1000


def test_what_a_broken_run_left_half_written_makes_room(tmp_path):
    MediaStore(tmp_path)
    draft = tmp_path / f'{"0" * 32}.part'
    draft.write_bytes(bytes(5000))
    os.utime(draft, (1, 1))
    MediaStore(tmp_path, max_bytes=1000).put('encoders', 'a', tokens_of(1.0))
    assert not draft.exists() and len(files(tmp_path)) == 1


@pytest.mark.parametrize('folder', ['file', 'file/below'])
def test_what_cannot_be_a_folder_is_a_sentence(tmp_path, folder):
    (tmp_path / 'file').touch()
    with pytest.raises(ValueError, match='cannot be used.*Name another folder'):
        MediaStore(tmp_path / folder)


@pytest.mark.parametrize('kind', ['pipe', 'folder', 'link to nowhere', 'link to a pipe'])
def test_what_is_not_a_regular_file_is_not_opened(tmp_path, kind):
    store = MediaStore(tmp_path / 'store')
    path = store._path('encoders', 'a')
    os.mkfifo(tmp_path / 'pipe')
    {
        'pipe': lambda: os.mkfifo(path),
        'folder': path.mkdir,
        'link to nowhere': lambda: path.symlink_to(tmp_path / 'gone'),
        'link to a pipe': lambda: path.symlink_to(tmp_path / 'pipe'),
    }[kind]()
    assert store.get('encoders', 'a') is None
    store.put('encoders', 'a', tokens_of(1.0))
    assert (store.get('encoders', 'a') is None) == (kind == 'folder'), 'a folder is never removed'
    assert not [path for path in files(tmp_path / 'store') if path.suffix == '.part']


@pytest.mark.parametrize('tokens', [torch.zeros(12), torch.zeros(3, 4, 1), torch.tensor(1.0), torch.zeros(3, 4).int()])
def test_what_cannot_be_visual_tokens_is_damage(tmp_path, tokens):
    store = MediaStore(tmp_path)
    store.put('encoders', 'a', tokens)
    assert store.get('encoders', 'a') is None


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
