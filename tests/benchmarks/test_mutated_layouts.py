"""One value of a benchmark's files is changed: an error names file and entry, or what is read is typed (R20)."""

import gc
import re
from functools import cache

import mutations
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmflamingo.registry import METRICS

# What tells the entry, or, where a file as a whole is of another layout, what it holds and must hold.
TELLS_WHERE = re.compile(
    r'entry |line |the object|ids|holds no|columns|lists no|images|splits|questions have|layout|questions in|question '
)


@pytest.fixture(scope='module', autouse=True)
def _frozen_imports():
    """Spare torch's objects the garbage collection that mmengine runs for each dataset."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope='module')
def valid(tmp_path_factory):
    """The valid files of each benchmark with their contents, and what is read of them."""

    @cache
    def make(name):
        with pytest.MonkeyPatch.context() as patch:
            data = mutations.write_valid(name, tmp_path_factory.mktemp(name), patch)
            files = {path: path.read_bytes() for path in mutations.annotation_files(data)}
            return data.parent, files, mutations.read(name, num_shots=1)

    return make


@pytest.fixture
def benchmark_of(valid, monkeypatch):
    def make(name):
        folder, files, before = valid(name)
        monkeypatch.chdir(folder)
        for path, content in files.items():
            path.write_bytes(content)
        return list(files), before

    return make


@pytest.mark.parametrize('name', mutations.LAYOUTS)
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_property_a_changed_value_is_named_or_read_by_type(name, benchmark_of, data):
    files, before = benchmark_of(name)
    path = data.draw(st.sampled_from(files))
    content = mutations.load(path)
    all_places = list(mutations.places(content))
    place = data.draw(st.sampled_from([place for place in all_places if len(place) > 1] or all_places))
    value = data.draw(st.sampled_from(mutations.values_for(path, mutations.value_at(content, place))))
    mutations.change(path, place, value)
    try:
        after = mutations.read(name, num_shots=1)
    except ValueError as error:
        assert type(error) is ValueError and path.name in str(error) and TELLS_WHERE.search(str(error)), str(error)
        assert len(str(error)) < 5000
        return
    for record in [*after[0], *after[1]]:
        mutations.assert_typed(record)
    if path.name != 'classes.txt':  # a name is that of many pictures
        assert all(mutations.number_of_changes(*sides) <= 1 for sides in zip(before, after, strict=True))


@pytest.mark.parametrize('name', mutations.LAYOUTS)
def test_property_whole_floats_are_what_they_were(name, benchmark_of):
    files, before = benchmark_of(name)
    for path in files:
        content = mutations.load(path)
        for place in list(mutations.places(content)):
            value = mutations.value_at(content, place)
            if type(value) is int:
                mutations.value_at(content, place[:-1])[place[-1]] = float(value)
            elif path.suffix == '.csv' and len(place) == 2 and value.isdecimal():
                content[place[0]][place[1]] = f'{value}.0'
        if path.suffix != '.txt':
            mutations.save(path, content)
    assert mutations.read(name, num_shots=1) == before


@pytest.mark.parametrize('name', mutations.LAYOUTS)
def test_what_is_read_can_be_scored(name, benchmark_of):
    _, (queries, _) = benchmark_of(name)
    evaluator = mutations.config_of(name).test_evaluator
    for metric in evaluator if isinstance(evaluator, list) else [evaluator]:
        if metric['type'] != 'WUPS':  # needs files of nltk
            METRICS.build(metric).check_dataset(iter(queries))


BROKEN = {
    'nothing': b'',
    'blank': b' \n\n',
    'not UTF-8': b'\xff\xfe\x80caf\xe9',
    'UTF-16': '{"images": []}'.encode('utf-16'),
    'cut off': b'{"images": [{"id": 1, "file',
    'nested': b'[' * 100_000,
    'nested and closed': b'[' * 100_000 + b']' * 100_000,
    'a number of 5,000 digits': b'[' + b'9' * 5000 + b']',
    'a web page': b'<!DOCTYPE html><html></html>',
    'git-lfs': b'version https://git-lfs.github.com/spec/v1\noid sha256:00\n',
    'a number': b'3',
    'null': b'null',
    'a text': b'"abc"',
    'another object': b'{"a": {"b": [1, NaN]}}',
    'a list': b'[1, null, "x", [], {}]',
    'a null character': b'a,b\n\x00,2\n',
    'an open quote': b'video,question\n"a,b\nc,d\n',
    'text after a quote': b'video,question\n"a"b,c\n',
}


@pytest.mark.parametrize('content', BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize('name', mutations.LAYOUTS)
def test_a_file_of_something_else_is_named(name, content, benchmark_of):
    files, _ = benchmark_of(name)
    for path in files:
        valid = path.read_bytes()
        path.write_bytes(content)
        try:
            mutations.read(name, num_shots=1)
        except ValueError as error:
            assert path.name in str(error) and len(str(error)) < 2000, str(error)
        else:
            assert path.suffix == '.txt' or path.name.startswith('add_'), (path, content[:40])
        path.write_bytes(valid)


@pytest.mark.parametrize('name', mutations.LAYOUTS)
def test_a_byte_order_mark_changes_nothing(name, benchmark_of):
    files, before = benchmark_of(name)
    for path in files:
        path.write_bytes(b'\xef\xbb\xbf' + path.read_bytes())
    assert mutations.read(name, num_shots=1) == before
