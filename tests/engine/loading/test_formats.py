"""Files of tensors that lie about themselves, are damaged, or want more memory than they have data."""

import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save, save_file

from mmflamingo.engine.errors import CheckpointError
from mmflamingo.engine.loading import formats
from mmflamingo.engine.loading.safe import read_checkpoint, read_state_dict
from mmflamingo.engine.loading.sharded import files_of, find_weights_file

WEIGHTS = {'a': torch.arange(300.0), 'b': torch.ones(7, dtype=torch.float16)}


class Calls:
    """Pickled as a call of a function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def repack(path, change=lambda name, content: content, compression=zipfile.ZIP_STORED):
    """Writes an archive anew, with checksums that are right for what is changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, 'w', compression) as archive:
        for name, content in members.items():
            archive.writestr(name, change(name, content))


@pytest.fixture
def path(tmp_path):
    torch.save(WEIGHTS, tmp_path / 'a.pth')
    return tmp_path / 'a.pth'


def test_bit_rot_is_noticed_anywhere(path):
    """R8: the zip's checksums were there, and nobody asked."""
    content = path.read_bytes()
    for value in WEIGHTS.values():
        place = content.index(value.numpy().tobytes()) + value.nbytes // 2
        path.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        with pytest.raises(CheckpointError, match=r'a.pth \(.* bytes\) cannot be read.* is damaged: Bad CRC-32'):
            read_checkpoint(str(path))


@pytest.mark.parametrize('is_mapped', [False, True])
def test_a_tensor_reaches_no_further_than_its_data(path, monkeypatch, is_mapped):
    """Of a mapped file, the bytes of its neighbours were taken, silently."""
    monkeypatch.setattr(formats, 'MAPPED_FROM', 1 if is_mapped else 2**30)
    longer = b'M\x2c\x01', b'M\x2c\x41'  # 300 numbers, and 16684
    repack(path, lambda name, content: content.replace(*longer) if name.endswith('.pkl') else content)
    with pytest.raises(CheckpointError, match='cannot be read'):
        read_checkpoint(str(path))


def test_files_without_checksums_are_read(path):
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(WEIGHTS, path)
    finally:
        torch.serialization.set_crc32_options(True)
    assert torch.equal(read_checkpoint(str(path))['a'], WEIGHTS['a'])


@pytest.mark.parametrize(
    'call',
    [
        (bytearray, 10**9),
        (__import__('_codecs').encode, 'ab' * 10**6, 'hex'),
        (torch.Tensor, 10**10),
        (torch.UntypedStorage, 10**10),
    ],
    ids=lambda call: call[0].__name__,
)
@pytest.mark.parametrize('is_archive', [True, False])
def test_little_does_not_grow(path, call, is_archive):
    torch.save({'a': Calls(*call)}, path, _use_new_zipfile_serialization=is_archive)
    with pytest.raises(CheckpointError, match='cannot be read|are not tensors') as caught:
        read_state_dict(str(path))
    assert 'safe_globals' not in str(caught.value)


def test_a_packed_archive_is_read_unless_it_is_a_bomb(path, monkeypatch):
    repack(path, compression=zipfile.ZIP_DEFLATED)
    assert torch.equal(read_checkpoint(str(path))['a'], WEIGHTS['a'])
    zeros = bytes(100 * 2**20)
    repack(path, lambda name, content: zeros if name.endswith('data/0') else content, zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match='unpacks to 1048.* bytes: such an archive is not read'):
        read_checkpoint(str(path))


class Scripted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer('a', torch.zeros(1).expand(10**9))


def test_a_small_torchscript_does_not_take_gigabytes(tmp_path):
    """R19: 1.3 kB took 3 GB."""
    torch.jit.save(torch.jit.script(Scripted()), tmp_path / 'a.pt')
    with pytest.raises(CheckpointError, match='little data for large tensors, such as a'):
        read_state_dict(str(tmp_path / 'a.pt'))


def test_a_place_far_up_in_the_memo_takes_no_memory(tmp_path):
    torch.jit.save(torch.jit.script(Scripted()), tmp_path / 'a.pt')
    memo = pickle.PROTO + b'\x02' + pickle.NONE + pickle.LONG_BINPUT + b'\xff\xff\xff\x7f' + pickle.STOP
    repack(tmp_path / 'a.pt', lambda name, content: memo if name.endswith('data.pkl') else content)
    with pytest.raises(CheckpointError, match='cannot be read'):
        read_checkpoint(str(tmp_path / 'a.pt'))


def test_the_content_tells_the_format(tmp_path):
    save_file(WEIGHTS, tmp_path / 'a.bin')
    torch.save(WEIGHTS, tmp_path / 'b')
    torch.save(WEIGHTS, tmp_path / 'c.ckpt', _use_new_zipfile_serialization=False)
    for name in ('a.bin', 'b', 'c.ckpt'):
        assert torch.equal(read_checkpoint(str(tmp_path / name))['a'], WEIGHTS['a'])


def header(content):
    text = json.dumps(content).encode()
    return len(text).to_bytes(8, 'little') + text


@pytest.mark.parametrize(
    'content',
    [
        (10**18).to_bytes(8, 'little') + b'{}',
        header({'a': {'dtype': 'F32', 'shape': [10**12], 'data_offsets': [0, 4 * 10**12]}}),
        header({'a': {'dtype': 'F32', 'shape': [10**9], 'data_offsets': [0, 4]}}) + bytes(4),
        header({'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, -4]}}),
        header({'a': 1}),
        header([1]),
        b'\x10\0\0\0\0\0\0\0' + b'[' * 16,
        (10**5).to_bytes(8, 'little') + b'{"a":' * 20_000,
        save(WEIGHTS)[:-1],
        save(WEIGHTS) + b'x',
    ],
)
def test_headers_of_safetensors_that_lie(tmp_path, content):
    (tmp_path / 'a.safetensors').write_bytes(content)
    with pytest.raises(CheckpointError, match='a.safetensors .*cannot be read as a checkpoint'):
        read_checkpoint(str(tmp_path / 'a.safetensors'))


def test_only_regular_files_with_names_in_utf8(tmp_path):
    """R14: a named pipe hung."""
    os.mkfifo(tmp_path / 'pipe.pth')
    torch.save(WEIGHTS, tmp_path / 'a.pth')
    odd = os.fsdecode(bytes(tmp_path) + b'/\xff\xfe.pth')
    (tmp_path / 'a.pth').rename(odd)
    os.mkdir(tmp_path / 'folder')
    os.mkfifo(tmp_path / 'folder' / 'model.safetensors')
    for path, message in [
        (tmp_path / 'pipe.pth', 'a named pipe, expected a regular file'),
        ('/dev/zero', 'a device, expected a regular file'),
        (odd, 'its name is not UTF-8: rename it'),
        (tmp_path / 'folder', 'a named pipe'),
    ]:
        with pytest.raises(CheckpointError, match=message) as caught:
            read_checkpoint(str(path))
        str(caught.value).encode()


def test_a_pointer_is_not_a_checkpoint(tmp_path):
    (tmp_path / 'a.safetensors').write_text('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n')
    with pytest.raises(CheckpointError, match='is a git-lfs pointer: run `git lfs pull`'):
        read_checkpoint(str(tmp_path / 'a.safetensors'))


def test_no_message_advises_to_switch_safety_off(tmp_path, path):
    for content in (Calls(os.getenv, 'HOME'), torch.nn.Linear(1, 1), Path('x'), {1, 2}, Calls(torch.load, 'x')):
        torch.save({'a': content}, path)
        with pytest.raises(CheckpointError) as caught:
            read_state_dict(str(path))
        assert not any(word in str(caught.value) for word in ('weights_only', 'trust', 'safe_globals', 'pickle_module'))


@pytest.mark.parametrize('ending', ['safetensors', 'bin'])
def test_folders_of_torch_and_safetensors(tmp_path, ending):
    """A5; also `pytorch_model.bin` and its shards, beside what trainers leave there."""
    save_one = save_file if ending == 'safetensors' else torch.save
    torch.save({'x': 1}, tmp_path / 'training_args.bin')
    save_one(WEIGHTS, tmp_path / f'model.{ending}')
    assert read_state_dict(str(tmp_path)).keys() == WEIGHTS.keys()
    assert files_of(find_weights_file(tmp_path)) == [tmp_path / f'model.{ending}']
    (tmp_path / f'model.{ending}').unlink()
    weight_map = {}
    for key, value in WEIGHTS.items():
        save_one({key: value}, tmp_path / f'model-{key}.{ending}')
        weight_map[key] = f'model-{key}.{ending}'
    index = tmp_path / f'model.{ending}.index.json'
    index.write_text(json.dumps({'weight_map': weight_map}))
    assert read_state_dict(str(tmp_path)).keys() == WEIGHTS.keys()
    assert files_of(index) == [index, *(tmp_path / name for name in weight_map.values())]
    save_one(WEIGHTS, tmp_path / f'model-b.{ending}')
    with pytest.raises(CheckpointError, match=rf'model-b.{ending} does not match the index: a \(1 in all\)'):
        read_checkpoint(str(tmp_path))


@pytest.mark.parametrize(
    'content', ['', '[' * 10**5, '{}', '{"weight_map": {}}', '{"weight_map": [1]}', '\0', '{"weight_map": 1}']
)
def test_an_index_that_is_none(tmp_path, content):
    (tmp_path / 'model.safetensors.index.json').write_text(content)
    with pytest.raises(CheckpointError, match='model.safetensors.index.json.* cannot be read'):
        read_checkpoint(str(tmp_path))
