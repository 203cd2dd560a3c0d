import time

import pytest
from servers import serving

from mmflamingo.files import Limits, fetch, within

CONTENT = b'weights' * 1000
SHORT = Limits(answer_seconds=0.3, total_seconds=5, max_bytes=10**6)


@pytest.fixture(scope='module')
def server():
    with serving(CONTENT) as server:
        yield server


@pytest.mark.parametrize('kind', ['file', 'unsized'])
def test_a_file_arrives_whole(server, tmp_path, kind):
    fetch(f'{server.url}/{kind}', tmp_path / 'new' / 'a.pth', SHORT)
    assert (tmp_path / 'new' / 'a.pth').read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['a.pth']


@pytest.mark.parametrize(
    ('kind', 'limits', 'message'),
    [
        ('silent', SHORT, r'timed out|0 bytes in 0\.3 seconds \(MMFLAMINGO_NETWORK_SECONDS\)'),
        ('drip', SHORT, r'\d+ bytes in 0\.3 seconds \(MMFLAMINGO_NETWORK_SECONDS\)'),
        ('drip_headers', SHORT, r'0 bytes in 0\.3 seconds'),
        ('endless', SHORT, r'or more, allowed are 1e\+06 \(MMFLAMINGO_DOWNLOAD_BYTES\)'),
        ('announced', SHORT, r'it has 1000000000000 bytes or more'),
        ('endless', Limits(5, 0.3, 1e12), r'longer than 0\.3 seconds \(MMFLAMINGO_DOWNLOAD_SECONDS\)'),
        ('short', SHORT, '7000 of 7007 bytes came|more expected'),
        ('nowhere', SHORT, '404'),
    ],
)
def test_a_bad_server_ends_soon_and_leaves_nothing(server, tmp_path, kind, limits, message):
    start = time.monotonic()
    with pytest.raises(OSError, match=message):
        fetch(f'{server.url}/{kind}', tmp_path / 'a.pth', limits)
    assert time.monotonic() - start < 3
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize('url', ['http://127.0.0.1:1/a', 'http://nowhere.invalid/a', 'http://a b/c', 'http://[/'])
def test_what_is_no_server(tmp_path, url):
    with pytest.raises((OSError, ValueError)):
        fetch(url, tmp_path / 'a.pth', SHORT)
    assert not any(tmp_path.iterdir())


def test_a_refused_file_leaves_the_old_one(server, tmp_path):
    (tmp_path / 'a.pth').write_text('old')

    def refuse(draft):
        assert draft.read_bytes() == CONTENT
        raise OSError('wrong one')

    with pytest.raises(OSError, match='wrong one'):
        fetch(f'{server.url}/file', tmp_path / 'a.pth', SHORT, refuse)
    assert (tmp_path / 'a.pth').read_text() == 'old' and len(list(tmp_path.iterdir())) == 1


def test_limits_of_the_environment(monkeypatch):
    assert Limits.from_environment() == Limits()
    monkeypatch.setenv('MMFLAMINGO_NETWORK_SECONDS', '2.5')
    assert Limits.from_environment() == Limits(answer_seconds=2.5)
    for value in ('0', '-1', 'soon', 'nan', 'inf'):
        monkeypatch.setenv('MMFLAMINGO_DOWNLOAD_BYTES', value)
        with pytest.raises(ValueError, match=f"MMFLAMINGO_DOWNLOAD_BYTES is '{value}', expected a positive number"):
            Limits.from_environment()


def test_a_question_has_an_end():
    start = time.monotonic()
    with pytest.raises(TimeoutError, match=r'no answer in 0\.1 seconds'):
        within(0.1, lambda: time.sleep(5))
    assert time.monotonic() - start < 2
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0)
    within(5, int)
