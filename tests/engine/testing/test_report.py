import pytest
from mmengine.fileio import load

from mmflamingo.engine.errors import ConfigError
from mmflamingo.engine.testing.report import check_out_file, metrics_table, write_out_file


def test_table():
    table = metrics_table({'COCO/CIDEr': 104.1234, 'count': 13, 'scorer': 'jar'})
    assert table == (
        'metric       value\n------------------\nCOCO/CIDEr  104.12\ncount           13\nscorer         jar'
    )


def test_no_metrics():
    assert metrics_table({}).startswith('metric  value')


@pytest.mark.parametrize(('path', 'item'), [('a.txt', 'metrics'), ('a.yaml', 'pred'), ('a', 'pred')])
def test_file_name_is_checked(path, item):
    with pytest.raises(ConfigError, match='must end in one of .json'):
        check_out_file(path, item)


def test_files(tmp_path):
    predictions = tmp_path / 'predictions.jsonl'
    predictions.write_text('{"sample_id": 1}\n{"sample_id": 2}\n')
    folder = tmp_path / 'new'
    write_out_file(str(folder / 'm.json'), 'metrics', {'CIDEr': 3.5}, predictions)
    write_out_file(str(folder / 'p.jsonl'), 'pred', {}, predictions)
    write_out_file(str(folder / 'p.pkl'), 'pred', {}, predictions)
    assert load(folder / 'm.json') == {'CIDEr': 3.5}
    assert (folder / 'p.jsonl').read_text() == predictions.read_text()
    assert load(folder / 'p.pkl') == [{'sample_id': 1}, {'sample_id': 2}]
