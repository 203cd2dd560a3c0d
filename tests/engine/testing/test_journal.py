import json
import os
import resource
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    return list(read_journals(folder, 'p', 20).records)


def test_all_ranks_are_read(write, tmp_path):
    for rank, some in ((0, [0, 2]), (1, [1]), (10, [3])):
        write(some, rank)
    content = read_journals(tmp_path, 'p', 20)
    assert list(content.records) == [0, 2, 1, 3] and not content.complaints
    assert content.records[1] == {'sample_id': 1, 'text': 'text'}


def test_any_text_survives(write, tmp_path):
    text = 'Ünï\u2028\r\n\x0b"\\ \U0001f408 \udc80'
    write([0], text=text)
    assert read_journals(tmp_path, 'p', 20).records[0]['text'] == text.replace('\udc80', '?')


@pytest.mark.parametrize('kept', range(1, 60, 7))
def test_a_line_cut_off_anywhere_is_said_and_written_again(write, tmp_path, kept):
    path = write([0, 1])
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second[:kept])
    content = read_journals(tmp_path, 'p', 20)
    assert list(content.records) == [0] and '1 lines are cut off or changed (lines 2)' in content.complaints[0]
    write([1])
    assert indices(tmp_path) == [0, 1]


def test_a_changed_line_is_left_out(write, tmp_path):
    path = write([0, 1, 2])
    path.write_bytes(path.read_bytes().replace(b'"sample_id": 1', b'"sample_id": 7'))
    content = read_journals(tmp_path, 'p', 20)
    assert list(content.records) == [0, 2] and '(lines 2)' in content.complaints[0]


def test_repeated_lines_count_once(write, tmp_path):
    path = write([0, 1])
    path.write_bytes(path.read_bytes() * 2)
    write([1], text='another')
    content = read_journals(tmp_path, 'p', 20)
    assert list(content.records) == [0, 1] and content.records[1]['text'] == 'text'
    assert '3 lines repeat a sample, 1 of them with another prediction' in content.complaints[0]


def test_lines_of_another_protocol_are_refused(write, tmp_path):
    write([0])
    write([1], protocol='q')
    with pytest.raises(RunError, match=r'rank0.jsonl, line 2: .* \(protocol q, not p\)'):
        read_journals(tmp_path, 'p', 20)


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


def line(content):
    """A journal line with the right checksum, whatever it holds."""
    return b'%08x %s\n' % (crc32(content), content)


@pytest.mark.parametrize(
    'content',
    [
        b'[' * 100_000 + b']' * 100_000,
        b'[]',
        b'null',
        b'{}',
        b'{"index": true, "protocol": "p", "record": {"sample_id": 1}}',
        b'{"index": "1", "protocol": "p", "record": {"sample_id": 1}}',
        b'{"index": 1, "protocol": "p", "record": []}',
        b'{"index": 1, "protocol": "p", "record": {}}',
        b'{"index": 1, "protocol": "p", "record": {"sample_id": 1, "x": NaN}}',
        b'{"index": 1, "protocol": "p", "record": {"sample_id": 1, "x": 1e999}}',
        b'{"index": 20, "protocol": "p", "record": {"sample_id": 1}}',
        b'{"index": -1, "protocol": "p", "record": {"sample_id": 1}}',
        b'\xff\xfe',
        b'1' * 5000,
    ],
)
def test_r20_a_line_that_no_test_writes_counts_as_damaged(write, tmp_path, content):
    path = write([0])
    path.write_bytes(path.read_bytes() + line(content))
    found = read_journals(tmp_path, 'p', 20)
    assert list(found.records) == [0] and '(lines 2)' in found.complaints[0]


def test_only_regular_files_are_journals(write, tmp_path):
    write([0])
    os.mkfifo(tmp_path / 'journal.rank1.jsonl')
    (tmp_path / 'journal.rankx.jsonl').write_text('')
    assert indices(tmp_path) == [0]


@pytest.mark.parametrize('value', [float('nan'), float('-inf')])
def test_r2_a_number_that_is_not_finite_is_an_error_that_names_the_sample(tmp_path, value):
    journal = Journal(tmp_path, 0, 'p')
    with pytest.raises(RunError, match=r"sample 'a' cannot be written: record.choice_scores\[1\] is (nan|-inf)"):
        journal.append([0, 1], [{'sample_id': 'b'}, {'sample_id': 'a', 'choice_scores': [0.5, value]}])
    assert not indices(tmp_path)


def test_a_prediction_without_an_id_is_an_error(tmp_path):
    with pytest.raises(RunError, match='Sample 3 of the set has the sample_id None'):
        Journal(tmp_path, 0, 'p').append([3], [{}])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_mutation_of_a_journal_is_noticed_or_harmless(tmp_path_factory, data):
    """What is read is what was written, and what is lost is predicted again."""
    folder = tmp_path_factory.mktemp('journal')
    records = {i: {'sample_id': i, 'text': f'text {i}', 'scores': [i / 3]} for i in range(4)}
    journal = Journal(folder, 0, 'p')
    journal.append(list(records), list(records.values()))
    journal.close()
    path = folder / 'journal.rank0.jsonl'
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        stop = data.draw(st.integers(start, min(start + 40, len(content))))
        content[start:stop] = data.draw(st.binary(max_size=5) | st.just(bytes(content[start:stop])) | st.just(b'\n'))
    path.write_bytes(content)
    found = read_journals(folder, 'p', len(records))
    assert all(records[index] == record for index, record in found.records.items())
    assert found.records == records or json.dumps(found.complaints)
