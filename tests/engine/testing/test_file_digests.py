import hashlib
import os
import shutil
import time

import pytest

from mmflamingo.engine.testing import file_digests
from mmflamingo.engine.testing.file_digests import KEPT_FROM, digest_file, digest_files, digest_folder


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """A cache of the test's own; gives the paths that are read."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    read, paths = file_digests._read, []
    monkeypatch.setattr(file_digests, '_read', lambda path: paths.append(path) or read(path))
    return paths


@pytest.fixture
def settled(monkeypatch):
    """Files that were just written count as old."""
    monkeypatch.setattr(file_digests.time, 'time_ns', lambda now=time.time_ns: now() + 10 * file_digests.SECOND)


def write(path, byte=b'a', size=KEPT_FROM):
    path.write_bytes(byte * size)
    return path


def test_it_is_the_sha256_of_the_contents(tmp_path):
    path = write(tmp_path / 'a', size=5)
    assert digest_file(path) == hashlib.sha256(b'aaaaa').hexdigest()
    assert digest_files([path, str(path), path]) == [digest_file(path)] * 3


def test_what_is_not_a_regular_file_has_none(tmp_path):
    os.mkfifo(tmp_path / 'fifo')
    paths = [tmp_path / 'fifo', tmp_path, '/dev/zero', tmp_path / 'absent', 'x' * 5000, 'null\0byte']
    assert digest_files(paths) == [None] * 6


def test_a_large_file_is_read_once(tmp_path, cache, settled):
    path = write(tmp_path / 'a')
    first = digest_file(path)
    assert digest_file(path) == first and cache == [path]
    shutil.copy(path, tmp_path / 'copy')  # other times, the same content
    assert digest_file(tmp_path / 'copy') == first and len(cache) == 2
    path.rename(tmp_path / 'moved')
    assert digest_file(tmp_path / 'moved') == first


def test_other_contents_with_the_old_size_and_time_are_noticed(tmp_path, cache, settled):
    path = write(tmp_path / 'a')
    first, status = digest_file(path), path.stat()
    write(path, b'b')
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_mtime_ns == status.st_mtime_ns and digest_file(path) != first


def test_fresh_files_are_not_trusted_nor_those_with_whole_seconds(tmp_path, cache):
    path = write(tmp_path / 'a')
    digest_file(path), digest_file(path)
    assert cache == [path, path]
    assert not file_digests.Stamp(1, 1, KEPT_FROM, 0, 5 * file_digests.SECOND).is_kept
    assert file_digests.Stamp(1, 1, KEPT_FROM, 0, 5 * file_digests.SECOND + 1).is_kept


@pytest.mark.parametrize('spoil', [lambda path: path.write_bytes(b'no database' * 99), lambda path: path.mkdir()])
def test_a_cache_that_cannot_be_used_costs_only_time(tmp_path, settled, spoil):
    (tmp_path / 'cache' / 'mmflamingo').mkdir(parents=True)
    spoil(tmp_path / 'cache' / 'mmflamingo' / 'digests.sqlite')
    path = write(tmp_path / 'a')
    assert digest_file(path) == digest_file(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_oldest_are_forgotten(tmp_path, cache, settled, monkeypatch):
    monkeypatch.setattr(file_digests, 'MOST_KEPT', 2)
    paths = [write(tmp_path / name) for name in 'abc']
    for path in paths:
        digest_file(path)
    digest_files(paths)
    assert cache == [*paths, paths[0]]


def test_all_files_of_a_folder_count_but_hidden_ones(tmp_path):
    for name in ('b.json', 'a/c.bin', '.git/config', '.hidden'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert list(digest_folder(tmp_path)) == ['a/c.bin', 'b.json']


@pytest.mark.slow
def test_80_000_pictures_take_a_few_seconds(tmp_path):
    paths = [tmp_path / f'{number}.jpg' for number in range(80_000)]
    for path in paths:
        path.write_bytes(path.name.encode() * 500)
    start = time.process_time()
    assert len(set(digest_files(paths))) == len(paths)
    assert time.process_time() - start < 20  # 3 s on an idle core
