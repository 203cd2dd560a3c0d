import pickle

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors.torch import save_file

from mmflamingo.engine import safe_loading
from mmflamingo.engine.errors import CheckpointError
from mmflamingo.engine.safe_loading import cached_path, read_checkpoint

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
    assert safe_loading._history_buffer_method(HistoryBuffer, 'min') is HistoryBuffer.min
    for owner, name in [(HistoryBuffer, '__init__'), (torch, 'load'), ('', 'format')]:
        with pytest.raises(pickle.UnpicklingError, match='not allowed'):
            safe_loading._history_buffer_method(owner, name)


@pytest.mark.parametrize('keep', [0, 100, 400])
def test_cut_off_file_is_named(tmp_path, keep):
    path = tmp_path / 'cut.pth'
    torch.save(WEIGHTS, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=rf'cut\.pth \({keep} bytes\) cannot be read'):
        read_checkpoint(str(path))


@pytest.mark.parametrize('name', ['text.pth', 'text.safetensors'])
def test_file_that_is_no_checkpoint_is_named(tmp_path, name):
    (tmp_path / name).write_text('a page of HTML, say')
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


def test_url_is_read_from_the_cache_safely(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr(torch.hub, '_hub_dir', None)
    url = 'https://example.com/models/a-0123abcd.pth?x=1'
    assert cached_path(url) == tmp_path / 'hub' / 'checkpoints' / 'a-0123abcd.pth'
    cached_path(url).parent.mkdir(parents=True)
    torch.save({'meta': RunsCode()}, cached_path(url))
    with pytest.raises(CheckpointError, match='only tensors and plain data'):
        CheckpointLoader.load_checkpoint(url)


def test_failed_download_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr(torch.hub, '_hub_dir', None)

    def fail(url, path, hash_prefix):
        assert hash_prefix == '0123abcd'
        raise OSError('no network')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', fail)
    with pytest.raises(CheckpointError, match='no network.*give the path of the file'):
        read_checkpoint('https://example.com/a-0123abcd.pth')
