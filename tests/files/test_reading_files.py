import os

import pytest

from mmflamingo.files import check_regular, plain_reason, read_json


def test_only_regular_files_with_something_in_them(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'empty').touch()
    (tmp_path / 'loop').symlink_to(tmp_path / 'loop')
    (tmp_path / 'good').write_text('x')
    (tmp_path / 'link').symlink_to(tmp_path / 'good')
    for path, message in [
        (tmp_path / 'pipe', 'pipe is a named pipe, expected a regular file'),
        ('/dev/zero', '/dev/zero is a device'),
        (tmp_path, 'is a folder'),
        (tmp_path / 'empty', r'empty is empty \(0 bytes\)'),
        (tmp_path / 'loop', 'loop cannot be opened: Too many'),
        (tmp_path / ('x' * 300), 'cannot be opened: File name too long'),
        (tmp_path / 'good' / 'x', 'cannot be opened: Not a directory'),
        ('a\0b', 'is not a path'),
    ]:
        with pytest.raises(ValueError, match=message):
            check_regular(path)
    with pytest.raises(FileNotFoundError, match='nothing does not exist'):
        check_regular(tmp_path / 'nothing')
    assert check_regular(tmp_path / 'link') == tmp_path / 'link'


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (
            'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n',
            'git-lfs pointer: run `git lfs pull`',
        ),
        ('/annex/objects/SHA256E-s1--2.bin', 'git-annex pointer'),
        ('<!DOCTYPE html><html>', 'web page'),
    ],
)
def test_what_only_stands_for_a_file(tmp_path, content, message):
    (tmp_path / 'a.bin').write_text(content)
    with pytest.raises(ValueError, match=f'a.bin .* is a {message}'):
        check_regular(tmp_path / 'a.bin')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'{"a": 1,}', 'not valid JSON: .*line 1'),
        (b'\xff\xfe', 'not UTF-8 text'),
        (b'[' * 100_000, 'nested too deep'),
        (b'{"a":' * 100_000, 'nested too deep'),
        (b'9' * 5000, 'not valid JSON'),
    ],
)
def test_json_errors_name_the_file(tmp_path, content, message):
    (tmp_path / 'a.json').write_bytes(content)
    with pytest.raises(ValueError, match=f'a.json is {message}'):
        read_json(tmp_path / 'a.json')


def test_reasons_give_no_advice_to_switch_safety_off():
    error = ValueError(
        'The repository X contains custom code.\nPlease pass the argument `trust_remote_code=True` to allow it. '
        'Re-running with weights_only=False may work if you trust it.'
    )
    assert plain_reason(error) == 'The repository X contains custom code.'
    assert plain_reason(KeyError('')) == "''."
    assert plain_reason(RuntimeError('set weights_only=False')) == 'RuntimeError.'
    assert len(plain_reason(ValueError('a' * 1000))) < 310


def test_a_long_path_does_not_hide_the_reason():
    path = '/folder' * 60 + '/a.json'
    assert plain_reason(ValueError(f'{path} cannot be read: it is cut off')) == f'{path} cannot be read: it is cut off.'
    assert len(plain_reason(ValueError('/a' * 100_000))) < 5000
