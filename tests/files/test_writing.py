import os

import pytest

from mmflamingo.files import check_output, replacing, replacing_files


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / 'new' / 'a.txt'
    for text in ('one', 'two'):
        with replacing(path) as draft:
            assert draft.parent == path.parent
            draft.write_text(text)
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize('error', [OSError, KeyboardInterrupt])
def test_a_broken_write_changes_nothing(tmp_path, error):
    path = tmp_path / 'a.txt'
    path.write_text('old')
    with pytest.raises(error), replacing(path) as draft:
        draft.write_text('half')
        raise error
    assert path.read_text() == 'old' and list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_and_a_long_name_works(tmp_path):
    (tmp_path / 'real').write_text('old')
    (tmp_path / 'link').symlink_to(tmp_path / 'real')
    for path in (tmp_path / 'link', tmp_path / ('x' * 255)):
        with replacing(path) as draft:
            draft.write_text('new')
        assert path.read_text() == 'new'
    assert (tmp_path / 'link').is_symlink() and (tmp_path / 'real').read_text() == 'new'


def test_what_cannot_be_written_is_said_before(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'file').write_text('x')
    for path in (tmp_path, tmp_path / 'pipe', '/dev/null'):
        with pytest.raises(ValueError, match='exists and is not a regular file'):
            check_output(path)
    with pytest.raises(ValueError, match='cannot be written'):
        check_output(tmp_path / 'file' / 'a')
    assert check_output(tmp_path / 'new' / 'a') == tmp_path / 'new' / 'a'


def test_an_input_is_no_output_under_any_name(tmp_path):
    source = tmp_path / 'in'
    source.write_text('x')
    os.link(source, tmp_path / 'hard')
    (tmp_path / 'soft').symlink_to(source)
    for name in ('in', 'hard', 'soft'):
        with pytest.raises(ValueError, match='is the file that is read .*: choose another output'):
            check_output(tmp_path / name, [source])
    check_output(tmp_path / 'out', [source, 'https://example.com/in'])


def test_files_of_a_folder_are_replaced_each_as_a_whole(tmp_path):
    folder = tmp_path / 'new' / 'lm'
    with replacing_files(folder) as draft:
        for name in ('config.json', 'model-1.safetensors', 'model.index.json'):
            (draft / name).write_text('old')
    (folder / 'tokenizer.json').write_text('of the user')
    with pytest.raises(KeyboardInterrupt), replacing_files(folder, ['*']) as draft:
        (draft / 'config.json').write_text('half')
        raise KeyboardInterrupt
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        'config.json': 'old',
        'model-1.safetensors': 'old',
        'model.index.json': 'old',
        'tokenizer.json': 'of the user',
    }
    with replacing_files(folder, ['model*.safetensors', '*.index.json']) as draft:
        (draft / 'config.json').write_text('new')
        (draft / 'model.safetensors').write_text('new')
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        'config.json': 'new',
        'model.safetensors': 'new',
        'tokenizer.json': 'of the user',
    }
