import pytest
import torch

from mmflamingo.engine.loading import formats, saving
from mmflamingo.engine.loading.safe import read_checkpoint
from mmflamingo.engine.loading.saving import save_checkpoint

WEIGHTS = {'a': torch.arange(6.0).view(2, 3).T, 'b': torch.ones(1)}


@pytest.mark.parametrize('name', ['new/a.pth', 'new/a.safetensors', 'new/a'])
def test_what_was_written_is_read(tmp_path, name):
    save_checkpoint({'state_dict': WEIGHTS}, tmp_path / name)
    read = read_checkpoint(str(tmp_path / name))
    read = read.get('state_dict', read)
    assert read.keys() == WEIGHTS.keys() and all(torch.equal(read[key], WEIGHTS[key]) for key in read)


@pytest.mark.parametrize('name', ['a.pth', 'a.safetensors'])
def test_a_broken_write_leaves_the_old_file(tmp_path, monkeypatch, name):
    """R4: it left a cut one."""
    save_checkpoint(WEIGHTS, tmp_path / name)

    def fail(content, draft):
        draft.write_text('half')
        raise OSError('disk full')

    monkeypatch.setattr(saving.torch, 'save', fail)
    monkeypatch.setattr(saving, 'save_file', fail)
    with pytest.raises(OSError, match='disk full'):
        save_checkpoint(WEIGHTS, tmp_path / name)
    assert read_checkpoint(str(tmp_path / name)).keys() == WEIGHTS.keys() and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize('name', ['a.pth', 'a.safetensors'])
def test_a_mapped_file_is_replaced_without_harm(tmp_path, monkeypatch, name):
    """R4: the process died by SIGBUS, and the checkpoint with it."""
    monkeypatch.setattr(formats, 'MAPPED_FROM', 1)
    save_checkpoint({'a': torch.arange(1e5)}, tmp_path / name)
    mapped = read_checkpoint(str(tmp_path / name))
    save_checkpoint({'a': mapped['a'] + 1}, tmp_path / name)
    assert torch.equal(mapped['a'], torch.arange(1e5))
    assert torch.equal(read_checkpoint(str(tmp_path / name))['a'], torch.arange(1e5) + 1)


@pytest.mark.parametrize('checkpoint', [{'meta': {}, 'state_dict': WEIGHTS}, {'state_dict': {'a': 1}}, {'a': 1}])
def test_safetensors_hold_tensors_only(tmp_path, checkpoint):
    with pytest.raises(ValueError, match='safetensors hold tensors only'):
        save_checkpoint(checkpoint, tmp_path / 'a.safetensors')
    assert not any(tmp_path.iterdir())
