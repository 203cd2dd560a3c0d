"""Annotations are read by type: what is taken, and how what isn't is named."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmflamingo.datasets import (
    AOKVQA,
    COCOVQA,
    GQA,
    COCOCaption,
    FlamingoEvalTextVQA,
    HatefulMemes,
    TextVQA,
    VizWiz,
)
from mmflamingo.datasets.fields import Misfit, an_id, answers, references, show, text
from mmflamingo.datasets.questions import majority, question_record

ASKED = {'image_id': 'a7f', 'question_id': 5, 'question': 'what does it say?', 'answers': ['stop'] * 9 + ['go']}


def textvqa(write_json, tmp_path, *entries, cls=TextVQA):
    return cls(write_json('a.json', {'data': [ASKED | entry for entry in entries]}), str(tmp_path))


@pytest.fixture
def csv_file(tmp_path):
    def write(content, name='a.csv'):
        (tmp_path / name).write_text(content, newline='')
        return name

    return write


@pytest.mark.parametrize('value', ['two', {'a': 'two'}, 2, [2], [['two']], [None], [{'answer': 2}], math.nan, True])
def test_a6_a8_answers_that_are_not_a_list_of_texts(value, tmp_path, write_json, vqa):
    with pytest.raises(
        ValueError, match=r'a\.json.*\n  entry 0 \(question_id 5\): answers.* must be a (list of )?text'
    ):
        textvqa(write_json, tmp_path, {'answers': value})
    files = vqa(annotation_keys={11: {'answers': value}})
    with pytest.raises(
        ValueError, match=r'val2014_annotations\.json.*\n  entry 1 \(question_id 11\): answers.* must be'
    ):
        COCOVQA(**files, data_root=str(tmp_path))


def test_a7_whole_floats_are_ints(tmp_path, vqa):
    floats = {
        10 * i + k: {'question_id': float(10 * i + k), 'image_id': float(i)} for i in range(1, 21) for k in range(3)
    }
    plain = COCOVQA(**vqa(), data_root=str(tmp_path))
    read = COCOVQA(**vqa(question_keys=floats), data_root=str(tmp_path))
    assert [read.get_query(i) for i in range(60)] == [plain.get_query(i) for i in range(60)]
    assert type(read.get_query(0)['sample_id']) is int


@pytest.mark.parametrize(
    'value', [1.5, True, None, math.nan, math.inf, [1], {}, '', ' ', 1e16, 1e300, 2**63, 'x' * 1001, '\ud800']
)
def test_a7_other_ids_are_an_error(value, tmp_path, write_json):
    with pytest.raises(ValueError, match=r'entry 1.*: question_id is .*, it must be an id') as error:
        textvqa(write_json, tmp_path, {}, {'question_id': value})
    assert len(str(error.value)) < 500


def test_all_that_does_not_fit_is_listed_together_for_both_files(tmp_path, vqa):
    files = vqa(
        question_keys={10: {'question': 3, 'image_id': None}, 22: {'question': ''}},
        annotation_keys={11: {'answers': 'two'}, 12: {'answer_type': 5}},
    )
    with pytest.raises(ValueError) as error:
        COCOVQA(**files, data_root=str(tmp_path))
    lines = str(error.value).split('\n')
    assert [line.split(',')[0] for line in lines if line.startswith('  ')] == [
        '  entry 0 (question_id 10): image_id is null',
        '  entry 0 (question_id 10): question is 3',
        "  entry 5 (question_id 22): question is ''",
        "  entry 1 (question_id 11): answers is 'two'",
        '  entry 2 (question_id 12): answer_type is 5',
    ]
    assert 'val2014_questions.json' in lines[0] and '3 values do not fit' in lines[0]
    assert 'val2014_annotations.json' in lines[4] and '2 values do not fit' in lines[4]


def test_many_misfits_are_counted(tmp_path, write_json):
    with pytest.raises(ValueError, match='400 values do not fit') as error:
        textvqa(write_json, tmp_path, *({'question_id': n, 'answers': 'x' * 50_000} for n in range(400)))
    assert 'and 390 more' in str(error.value) and len(str(error.value)) < 5000


def test_r14_a_text_without_end_is_named_not_read(tmp_path, write_json):
    with pytest.raises(ValueError, match=r'answers\[3\].* at most 10,000 characters, it has 200,000') as error:
        textvqa(write_json, tmp_path, {'answers': ['a', 'b', 'c', 'x' * 200_000]})
    assert len(str(error.value)) < 500
    assert len(textvqa(write_json, tmp_path, {'answers': ['x' * 10_000]})) == 1


@pytest.mark.parametrize(('first', 'second'), [(1, '1'), ('7', 7.0)])
def test_ids_of_different_types_are_named(first, second, tmp_path, write_json):
    with pytest.raises(ValueError, match=r'1 question ids are numbers in one place and texts in another, such as \d'):
        textvqa(write_json, tmp_path, {'question_id': first}, {'question_id': second})


def test_ids_of_different_types_in_two_files_are_named(tmp_path, vqa, write_json):
    texts = {10 * i + k: {'question_id': str(10 * i + k)} for i in range(1, 21) for k in range(3)}
    with pytest.raises(
        ValueError, match=r"_questions.json' and '.*_annotations.json': 60 question ids are numbers in one"
    ):
        COCOVQA(**vqa(question_keys=texts), data_root=str(tmp_path))
    image, caption = {'id': 1, 'file_name': 'a.jpg'}, {'image_id': '1', 'caption': 'a cat'}
    with pytest.raises(ValueError, match=r"1 image ids are numbers .* such as 1 and '1'"):
        COCOCaption(write_json('c.json', {'images': [image], 'annotations': [caption]}), str(tmp_path))
    with pytest.raises(ValueError, match='FlamingoEvalTextVQA: 1 image ids are numbers in one place and texts'):
        FlamingoEvalTextVQA(
            write_json('a.json', {'data': [ASKED | {'image_id': 17}]}),
            str(tmp_path),
            support_ann_file=write_json('b.json', {'data': [ASKED | {'image_id': '17'}, ASKED | {'image_id': 'c'}]}),
        )


def test_a_field_that_only_some_entries_have_is_named(tmp_path, write_json):
    mute = {key: value for key, value in ASKED.items() if key != 'answers'} | {'question_id': 6}
    for other in mute, mute | {'answers': None}, mute | {'answers': []}, mute | {'answers': ['', ' ']}:
        with pytest.raises(ValueError, match=r'entry 1 \(question_id 6\): answers is missing, .* in 1 of 2 entries'):
            TextVQA(write_json('a.json', {'data': [ASKED, other]}), str(tmp_path))


def test_a_name_twice_in_an_object_of_ids_is_an_error(tmp_path):
    entry = json.dumps({'imageId': 'n1', 'question': 'Is it?', 'answer': 'no'})
    (tmp_path / 'a.json').write_text(f'{{"7": {entry}, "7": {entry}}}')
    with pytest.raises(ValueError, match=r"a\.json' is not valid JSON \(an object has names twice: \['7'\]\)"):
        GQA('a.json', str(tmp_path))


@pytest.mark.parametrize(
    ('given_answer', 'expected'),
    [('rare', 'common'), ('common', 'common'), ('other', 'common'), (None, 'common'), ('', 'common'), (' ', 'common')],
)
def test_p11_the_majority_is_counted_where_the_file_gives_another_answer(given_answer, expected):
    assert majority(['rare', 'common', 'common', 'common', 'other'], given_answer) == expected


def test_p11_of_equally_common_answers_the_file_chooses():
    assert majority(['a', 'b', 'a', 'b', 'c'], 'b') == 'b'
    assert majority(['', '', '', 'a'], None) == 'a'


def test_p13_a_text_for_a_list_of_answers_is_an_error():
    with pytest.raises(ValueError, match="answers is 'two', it must be a list of texts"):
        question_record(1, 1, 'a.jpg', answers='two')
    with pytest.raises(ValueError, match="choices is 'yes', it must be a list of texts"):
        question_record(1, 1, 'a.jpg', choices='yes')


def test_labels_are_numbers(tmp_path, write_json, csv_file):
    for label in True, '1', 0.5, math.nan, [1]:
        meme = {'id': 1, 'img': 'a.png', 'text': '', 'label': label}
        with pytest.raises(ValueError, match=r'line 1 \(id 1\): label is .*, it must be one of 0, 1'):
            HatefulMemes(csv_file(json.dumps(meme), 'a.jsonl'), str(tmp_path))
    question = {'question_id': 'q', 'image_id': 3, 'question': 'Is it?', 'direct_answers': ['no']}
    with pytest.raises(ValueError, match=r"difficult_direct_answer is 'false', it must be true or false"):
        name = write_json('a.json', [question | {'difficult_direct_answer': 'false'}])
        AOKVQA(name, str(tmp_path), multiple_choice=False)


def test_a_photo_without_an_answer_key(tmp_path, write_json):
    photo = {'image': 'a.jpg', 'question': 'What?', 'answers': [{'answer': 'can'}, {'answr': 'can'}]}
    with pytest.raises(ValueError, match=r"entry 0 \(image 'a.jpg'\): answers\[1\] is missing, it must be a text"):
        VizWiz(write_json('a.json', [photo]), str(tmp_path))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(value=JSON)
def test_property_a_kind_gives_its_type_or_a_short_misfit(value):
    for kind, types in (
        (an_id, (int, str)),
        (text, (str,)),
        (references, (list, type(None))),
        (answers, (list, type(None))),
    ):
        try:
            assert type(kind(value)) in types
        except Misfit as misfit:
            assert len(str(misfit)) < 400


def test_a_value_of_any_depth_is_shown():
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert len(show(deep)) < 100 and len(show('x' * 10**6)) < 100 and len(show(10**4000)) < 100


def test_file_names_may_have_any_character_but_controls(tmp_path, write_json):
    for number, name in enumerate(['caf\u00e9 3.04\u202fPM.jpg', 'a\u3000b.jpg', "it's (1).jpg"]):
        path = write_json(f'{number}.json', [{'image': name, 'question': 'What?'}])
        assert VizWiz(path, str(tmp_path)).get_query(0)['image_id'] == name
    with pytest.raises(ValueError, match='the name of a file, without control characters'):
        VizWiz(write_json('a.json', [{'image': 'a\0.jpg', 'question': 'What?'}]), str(tmp_path))


def test_one_answer_type_is_not_read_as_letters(tmp_path, vqa):
    files = vqa(count=2, annotation_keys={10: {'answer_type': 'yes/no'}, 11: {'answer_type': 'no'}})
    assert len(COCOVQA(**files, data_root=str(tmp_path), answer_types='yes/no')) == 1


def test_a_prefix_without_its_key(tmp_path, write_json):
    with pytest.raises(ValueError, match="needs the key 'img_path'"):
        TextVQA(write_json('a.json', {'data': [ASKED]}), str(tmp_path), {'img': 'x'})
