import pytest
from mmengine.config import Config

from mmflamingo.engine.config.outputs import check_file, check_folder, check_outputs
from mmflamingo.engine.errors import ConfigError
from mmflamingo.engine.testing.report import METRICS, check_out_file


@pytest.fixture
def places(tmp_path):
    (tmp_path / 'folder.json').mkdir()
    (tmp_path / 'file').write_text('mine')
    return tmp_path


@pytest.mark.parametrize(
    ('path', 'said'),
    [
        ('{}/folder.json', 'not a regular file'),
        ('{}/file/x.json', 'File exists|Not a directory'),
        ('/proc/x.json', 'No such file|Permission|not permitted'),  # even root cannot write there
        ('/dev/null/x.json', 'File exists|Not a directory'),
        ('{}/%s.json' % ('a' * 300), 'too long'),
    ],
)
def test_a_file_that_cannot_be_written(places, path, said):
    """A22."""
    with pytest.raises(ConfigError, match=f'--out: .*cannot be written.*({said})|--out: .*{said}'):
        check_out_file(path.format(places), METRICS)


@pytest.mark.parametrize('path', ['{}/file', '{}/file/x', '/proc/x', '/dev/null', '{}/%s' % ('a' * 300)])
def test_a_folder_that_cannot_be_written(places, path):
    with pytest.raises(ConfigError, match='--work-dir: .* cannot be a folder of results'):
        check_folder('--work-dir', path.format(places))
    for section in ({'work_dir': path.format(places)}, {'custom_hooks': [{'out_dir': path.format(places)}]}):
        with pytest.raises(ConfigError, match=r'^(work_dir|custom_hooks\.0\.out_dir): '):
            check_outputs(Config(section))


def test_what_can_be_written_is_left_as_it_is(places):
    check_file('--out', places / 'file')
    check_file('--out', places / 'new' / 'deep' / 'x.json')
    check_folder('--show-dir', places / 'newer' / 'deep')
    hooks = {'visualization': {'out_dir': str(places / 'show')}, 'timer': None}
    check_outputs(Config({'work_dir': str(places), 'default_hooks': hooks}))
    assert (places / 'file').read_text() == 'mine'
    assert sorted(path.name for path in places.rglob('*')) == ['deep', 'file', 'folder.json', 'new']
