import os

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader
from servers import serving

from mmflamingo.engine.config.preflight import find_missing
from mmflamingo.engine.errors import CheckpointError
from mmflamingo.engine.loading import cache
from mmflamingo.engine.loading.cache import cached_path, find_cached, is_url, sha256_in_name
from mmflamingo.engine.loading.safe import read_checkpoint
from mmflamingo.engine.testing.file_digests import digest_file

URL = 'https://example.com/models/a-0123abcd.pth'
V2 = 'https://huggingface.co/openflamingo/OpenFlamingo-3B-vitl-mpt1b{}/resolve/main/checkpoint.pt'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr(torch.hub, '_hub_dir', None)
    monkeypatch.setenv('MMFLAMINGO_NETWORK_SECONDS', '0.5')
    folder = tmp_path / 'hub' / 'checkpoints'
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def server(tmp_path):
    torch.save({'a': torch.arange(3.0)}, tmp_path / 'served.pth')
    with serving((tmp_path / 'served.pth').read_bytes()) as server:
        yield server


def test_every_url_has_a_file_of_its_own(folder):
    """R1: all OpenFlamingo v2 models end in /checkpoint.pt, and two of them have the same shapes."""
    urls = [
        V2.format(''),
        V2.format('-langinstruct'),
        V2.format('') + '?download=true',
        V2.format('').replace('s:', ':'),
    ]
    paths = [cached_path(url) for url in urls]
    assert len(set(paths)) == len(urls)
    assert all(path.parent == folder and path.match('checkpoint.*.pt') for path in paths)
    assert cached_path(f'{urls[0]}#part') == paths[0]


@pytest.mark.parametrize('ending', ['', '/', '/?a=b', '/..', f'/{"x" * 300}.pth', '/a%2Fb.pth', '/a%00b', '/ü.pt'])
def test_odd_urls_have_one_file_in_the_cache(folder, ending):
    path = cached_path(f'https://example.com{ending}')
    assert path.parent == folder and len(path.name) < 150
    path.write_text('x')


def test_what_is_no_url():
    assert is_url('HTTP://A/b') and not is_url('ftp://a/b')
    with pytest.raises(CheckpointError, match="'http://.x' is not a valid URL"):
        cached_path('http://[x')


def test_two_urls_of_one_name_give_two_checkpoints(server, tmp_path, folder):
    first, second = f'{server.url}/file/1/checkpoint.pt', f'{server.url}/file/2/checkpoint.pt'
    assert torch.equal(read_checkpoint(first)['a'], torch.arange(3.0))
    torch.save({'a': torch.zeros(3)}, tmp_path / 'served.pth')
    server.content = (tmp_path / 'served.pth').read_bytes()
    assert torch.equal(CheckpointLoader.load_checkpoint(second)['a'], torch.zeros(3))
    assert torch.equal(read_checkpoint(first)['a'], torch.arange(3.0))
    assert server.asked == ['/file/1/checkpoint.pt', '/file/2/checkpoint.pt'], 'each is downloaded once'
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize('kind', ['short', 'silent', 'drip', 'endless', 'page', 'nowhere'])
def test_no_half_or_wrong_download_stays(server, folder, monkeypatch, kind):
    monkeypatch.setenv('MMFLAMINGO_DOWNLOAD_BYTES', '1e6')
    with pytest.raises(
        CheckpointError, match=f'/{kind}/a.pth could not be downloaded: .* give the path of the file, or put'
    ):
        read_checkpoint(f'{server.url}/{kind}/a.pth')
    assert not any(folder.iterdir())


def test_the_checksum_in_a_name_is_compared(server, folder, tmp_path):
    digits = digest_file(tmp_path / 'served.pth')
    with pytest.raises(CheckpointError, match=f'its SHA-256 is {digits}, expected 0123abcd'):
        read_checkpoint(f'{server.url}/file/a-0123abcd.pth')
    assert not any(folder.iterdir())
    assert read_checkpoint(f'{server.url}/file/a-{digits[:8]}.pth').keys() == {'a'}
    assert sha256_in_name('https://a/b_20230505-554310c8.pth') == '554310c8'
    assert sha256_in_name('https://a/b-20230505.pth') is None, 'a date'


def test_a_file_of_torch_hub_is_taken_if_it_is_certainly_the_one(folder, tmp_path):
    torch.save({'a': torch.ones(1)}, tmp_path / 'a.pth')
    right = f'a-{digest_file(tmp_path / "a.pth")[:8]}.pth'
    for name in (right, 'a-0123abcd.pth', 'checkpoint.pt'):
        os.link(tmp_path / 'a.pth', folder / name)
    url = f'https://example.com/{right}'
    assert find_cached(url) == cached_path(url) and read_checkpoint(url).keys() == {'a'}
    assert find_cached(URL) is None, 'another checksum'
    assert find_cached(V2.format('')) is None, 'the name alone tells nothing'


def test_the_message_tells_of_a_file_that_may_be_the_one(folder, monkeypatch):
    (folder / 'checkpoint.pt').write_text('x')
    monkeypatch.setattr(cache, 'fetch', lambda *args: (_ for _ in ()).throw(OSError('no network')))
    with pytest.raises(
        CheckpointError, match=r'no network.*checkpoints/checkpoint.pt is not taken for it.*move it there'
    ):
        read_checkpoint(V2.format(''))


def test_a_damaged_file_in_the_cache_is_named(folder):
    url = V2.format('')
    cached_path(url).write_text('half a file')
    with pytest.raises(CheckpointError, match='cannot be read .* is damaged, remove it and it is downloaded again'):
        CheckpointLoader.load_checkpoint(url)


def test_a_file_put_into_the_cache_is_compared(folder):
    torch.save({'a': torch.ones(1)}, cached_path(URL))
    with pytest.raises(
        CheckpointError, match='is not the file of .* expected 0123abcd.* Remove it and it is downloaded'
    ):
        read_checkpoint(URL)
    right = f'https://example.com/a-{digest_file(cached_path(URL))[:8]}.pth'
    cached_path(URL).rename(cached_path(right))
    assert read_checkpoint(right).keys() == {'a'}


def test_http_is_asked_by_http(server):
    """R15: it was asked by https."""
    assert find_missing({}, f'{server.url}/file/a.pth') == []
    server_url = server.url
    server.asked.clear()
    (missing,) = find_missing({}, 'http://127.0.0.1:1/a.pth')
    assert missing.reason.startswith('http://127.0.0.1:1 cannot be reached') and server_url not in missing.reason
