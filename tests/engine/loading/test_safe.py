import json
import pickle
import zipfile

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors.torch import save_file

from mmflamingo.engine.errors import CheckpointError
from mmflamingo.engine.loading import formats, safe
from mmflamingo.engine.loading.safe import read_checkpoint
from mmflamingo.engine.loading.unpickling import history_buffer_method
from mmflamingo.engine.testing.file_digests import digest_file

WEIGHTS = {'a': torch.arange(3.0)}


class RunsCode:
    def __reduce__(self):
        return print, ('code of a checkpoint runs',)


def test_training_state_is_read(tmp_path):
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    torch.save({'state_dict': WEIGHTS, 'message_hub': {'loss': history}}, tmp_path / 'a.pth')
    read = read_checkpoint(str(tmp_path / 'a.pth'))
    assert read['message_hub']['loss'].mean() == 1.5
    assert torch.equal(read['state_dict']['a'], WEIGHTS['a'])


def test_code_is_refused_and_named(tmp_path, capsys):
    torch.save({'state_dict': WEIGHTS, 'meta': RunsCode()}, tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match='only tensors and plain data'):
        read_checkpoint(str(tmp_path / 'a.pth'))
    assert capsys.readouterr().out == ''


def test_getattr_answers_only_for_history_methods():
    assert history_buffer_method(HistoryBuffer, 'min') is HistoryBuffer.min
    for owner, name in [(HistoryBuffer, '__init__'), (torch, 'load'), ('', 'format')]:
        with pytest.raises(pickle.UnpicklingError, match='not allowed'):
            history_buffer_method(owner, name)


@pytest.mark.parametrize('keep', [0, 100, 400])
def test_cut_off_file_is_named(tmp_path, keep):
    path = tmp_path / 'cut.pth'
    torch.save(WEIGHTS, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=rf'cut\.pth \({keep} bytes\) cannot be read'):
        read_checkpoint(str(path))


@pytest.mark.parametrize('name', ['text.pth', 'text.safetensors'])
def test_file_that_is_no_checkpoint_is_named(tmp_path, name):
    (tmp_path / name).write_text('something else')
    with pytest.raises(CheckpointError, match=f'{name}.*cannot be read as a checkpoint'):
        read_checkpoint(str(tmp_path / name))


def test_bare_tensor_is_no_checkpoint(tmp_path):
    torch.save(torch.zeros(2), tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match='holds a Tensor, not a checkpoint'):
        read_checkpoint(str(tmp_path / 'a.pth'))


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere.pth does not exist'):
        read_checkpoint(str(tmp_path / 'nowhere.pth'))


def test_mmengine_reads_safetensors(tmp_path):
    save_file(WEIGHTS, tmp_path / 'a.safetensors')
    read = CheckpointLoader.load_checkpoint(str(tmp_path / 'a.safetensors'))
    assert torch.equal(read['a'], WEIGHTS['a'])


@pytest.fixture
def sharded(tmp_path):
    """A folder of two files and their index."""
    save_file(WEIGHTS, tmp_path / 'model-1.safetensors')
    save_file({'b': torch.ones(2)}, tmp_path / 'model-2.safetensors')
    write_index(tmp_path, a='model-1.safetensors', b='model-2.safetensors')
    return tmp_path


def write_index(folder, **weight_map):
    (folder / 'model.safetensors.index.json').write_text(json.dumps({'weight_map': weight_map}))


def test_sharded_safetensors(sharded):
    for path in (sharded, sharded / 'model.safetensors.index.json'):
        read = read_checkpoint(str(path))
        assert read.keys() == {'a', 'b'} and torch.equal(read['a'], WEIGHTS['a'])


@pytest.mark.parametrize(
    ('weight_map', 'message'),
    [
        ({'a': 'model-1.safetensors', 'b': 'model-3.safetensors'}, '1 of its 2 files are missing: model-3'),
        (
            {'a': 'model-1.safetensors', 'c': 'model-2.safetensors'},
            r'model-2.safetensors does not match the index: b, c \(2 in all\)',
        ),
        ({'a': '../model-1.safetensors'}, 'only .safetensors.* files beside it are read'),
        ({'a': 'model-1.pkl'}, 'only .safetensors.* files beside it are read'),
        ({'a': 1}, 'only .safetensors.* files beside it are read'),
    ],
)
def test_an_index_that_does_not_hold(sharded, weight_map, message):
    write_index(sharded, **weight_map)
    with pytest.raises(CheckpointError, match=f'model.safetensors.index.json.*{message}'):
        read_checkpoint(str(sharded))


def test_a_folder_without_safetensors(tmp_path):
    with pytest.raises(CheckpointError, match='a folder must hold one .*; it holds none'):
        read_checkpoint(str(tmp_path))


class Scripted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.visual = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 2), torch.nn.BatchNorm2d(2)).half()
        self.register_buffer('size', torch.tensor(224))
        self.names = [1, 2]

    def forward(self, x):
        return self.visual(x)


def test_torchscript_is_read_without_running_it(tmp_path, monkeypatch):
    script = torch.jit.script(Scripted())
    torch.jit.save(script, tmp_path / 'clip.pt')
    monkeypatch.delattr(torch.jit, 'load')
    read = read_checkpoint(str(tmp_path / 'clip.pt'))
    assert read['format'] == 'TorchScript'
    expected = script.state_dict()
    assert read['state_dict'].keys() == expected.keys()
    for key, value in expected.items():
        assert value.dtype == read['state_dict'][key].dtype and torch.equal(value, read['state_dict'][key])


def test_code_in_a_torchscript_archive_is_refused(tmp_path, capsys):
    torch.jit.save(torch.jit.script(Scripted()), tmp_path / 'a.pt')
    with zipfile.ZipFile(tmp_path / 'a.pt') as good, zipfile.ZipFile(tmp_path / 'bad.pt', 'w') as bad:
        for name in good.namelist():
            hostile = name.endswith('/data.pkl')
            bad.writestr(name.replace('a/', 'bad/', 1), pickle.dumps(RunsCode(), 2) if hostile else good.read(name))
    with pytest.raises(CheckpointError, match='it holds .*print.*never code'):
        read_checkpoint(str(tmp_path / 'bad.pt'))
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize('is_archive', [True, False])
def test_large_files_are_mapped(tmp_path, monkeypatch, is_archive):
    monkeypatch.setattr(formats, 'MAPPED_FROM', 1)
    torch.save(WEIGHTS, tmp_path / 'a.pth', _use_new_zipfile_serialization=is_archive)
    load, asked = torch.load, []
    monkeypatch.setattr(torch, 'load', lambda *args, **kwargs: asked.append(kwargs['mmap']) or load(*args, **kwargs))
    weights = read_checkpoint(str(tmp_path / 'a.pth'))
    assert torch.equal(weights['a'], WEIGHTS['a']) and asked == [is_archive]
    weights['a'].add_(1)  # in memory alone
    assert torch.equal(read_checkpoint(str(tmp_path / 'a.pth'))['a'], WEIGHTS['a'])


def test_weights_of_the_zoo_are_those_that_were_published(tmp_path, monkeypatch):
    """R8: a shipped file with another content was loaded, silently, also where its own checksums are right."""
    torch.save(WEIGHTS, tmp_path / 'a.pth')
    right = digest_file(tmp_path / 'a.pth')
    monkeypatch.setattr(safe, 'published_sha256', lambda path: right)
    assert read_checkpoint(str(tmp_path / 'a.pth')).keys() == {'a'}
    torch.save({'a': WEIGHTS['a'] + 1}, tmp_path / 'a.pth')
    with pytest.raises(
        CheckpointError, match=f'a.pth .*its SHA-256 is .*, expected {right}: it is damaged, or not the file'
    ):
        read_checkpoint(str(tmp_path / 'a.pth'))
