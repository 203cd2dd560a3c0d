import resource

import pytest

from mmflamingo.engine.errors import RunError
from mmflamingo.engine.testing.journal import Journal, read_journals


@pytest.fixture
def write(tmp_path):
    """Appends records of some indices to a rank's journal."""

    def write(indices, rank=0, protocol='p', text='text'):
        journal = Journal(tmp_path, rank, protocol)
        journal.append(indices, [{'sample_id': index, 'text': text} for index in indices])
        journal.close()
        return tmp_path / f'journal.rank{rank}.jsonl'

    return write


def indices(folder):
    return list(read_journals(folder, 'p').records)


def test_all_ranks_are_read(write, tmp_path):
    for rank, some in ((0, [0, 2]), (1, [1]), (10, [3])):
        write(some, rank)
    content = read_journals(tmp_path, 'p')
    assert list(content.records) == [0, 2, 1, 3] and not content.complaints
    assert content.records[1] == {'sample_id': 1, 'text': 'text'}


def test_any_text_survives(write, tmp_path):
    text = 'Ünï\u2028\r\n\x0b"\\ \U0001f408 \udc80'
    write([0], text=text)
    assert read_journals(tmp_path, 'p').records[0]['text'] == text.replace('\udc80', '?')


@pytest.mark.parametrize('kept', range(1, 60, 7))
def test_a_line_cut_off_anywhere_is_said_and_written_again(write, tmp_path, kept):
    path = write([0, 1])
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second[:kept])
    content = read_journals(tmp_path, 'p')
    assert list(content.records) == [0] and '1 lines are cut off or changed (lines 2)' in content.complaints[0]
    write([1])
    assert indices(tmp_path) == [0, 1]


def test_a_changed_line_is_left_out(write, tmp_path):
    path = write([0, 1, 2])
    path.write_bytes(path.read_bytes().replace(b'"sample_id": 1', b'"sample_id": 7'))
    content = read_journals(tmp_path, 'p')
    assert list(content.records) == [0, 2] and '(lines 2)' in content.complaints[0]


def test_repeated_lines_count_once(write, tmp_path):
    path = write([0, 1])
    path.write_bytes(path.read_bytes() * 2)
    write([1], text='another')
    content = read_journals(tmp_path, 'p')
    assert list(content.records) == [0, 1] and content.records[1]['text'] == 'text'
    assert '3 lines repeat a sample, 1 of them with another prediction' in content.complaints[0]


def test_lines_of_another_protocol_are_refused(write, tmp_path):
    write([0])
    write([1], protocol='q')
    with pytest.raises(RunError, match=r'rank0.jsonl, line 2: .* another protocol \(q, not p\)'):
        read_journals(tmp_path, 'p')


def test_full_disk_is_an_error_and_loses_nothing(write, tmp_path):
    path = write([0, 1])
    journal = Journal(tmp_path, 0, 'p')
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 30, hard))
    try:
        with pytest.raises(OSError):
            journal.append([2], [{'sample_id': 2}])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.close()
    assert indices(tmp_path) == [0, 1]
    write([2])
    assert indices(tmp_path) == [0, 1, 2]
