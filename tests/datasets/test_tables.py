"""CSV files and lines: what is read of them, and how what does not fit is named."""

import json

import pytest

from mmflamingo.datasets import IVQA, FlamingoEvalNExTQAOpenEnded, HatefulMemes, NExTQA, NExTQAOpenEnded


@pytest.fixture
def csv_file(tmp_path):
    def write(content, name='a.csv'):
        (tmp_path / name).write_text(content, newline='')
        return name

    return write


def test_line_separators_inside_of_texts_split_nothing(tmp_path, csv_file):
    memes = [{'id': n, 'img': f'{n}.png', 'text': 'one\u2028two\x85three', 'label': n} for n in range(2)]
    name = csv_file('\n'.join(json.dumps(meme, ensure_ascii=False) for meme in memes), 'a.jsonl')
    dataset = HatefulMemes(name, str(tmp_path))
    assert [dataset.get_query(n)['ocr'] for n in range(2)] == ['one\u2028two\x85three'] * 2
    rows = 'video_id,start,end,question,answer1,answer2,answer3,answer4,answer5\r\n'
    rows += 'ab,,,"What\u2028is\r\nit, then?",a,b,c,d,e\r\n\r\ncd,,,Why?,a,b,c,d,e\r\n'
    dataset = IVQA(csv_file(rows), str(tmp_path))
    assert [dataset.get_query(n)['question'] for n in range(len(dataset))] == ['What\u2028is\r\nit, then?', 'Why?']


NEXT = 'video,question,answer,qid,type,a0,a1,a2,a3,a4\n'


@pytest.mark.parametrize(
    ('rows', 'message'),
    [
        (NEXT.replace('question', 'q') + '1,w,0,1,CW,a,b,c,d,e\n', 'the columns question are missing'),
        (NEXT.replace(',', ';') + '1;w;0;1;CW;a;b;c;d;e\n', 'the columns video, question, qid, a0, .* are missing'),
        (NEXT.replace('a1', 'a0') + '1,w,0,1,CW,a,b,c,d,e\n', 'some of them twice'),
        (NEXT + '1,w,0,1,CW,a,b,c,d,e\n2,why, so,0,1,CW,a,b,c,d,e\n', 'has 10 columns, but 1 rows .* first in line 3'),
        (NEXT + '1,w,0,1,CW,a,b,c,d\n', 'has 10 columns, but 1 rows have more or fewer cells'),
        (NEXT + '1,"w,0,1,CW,a,b,c,d,e\n2,w,0,1,CW,a,b,c,d,e\n', 'line 3 of .* not valid CSV'),
        (NEXT + '1,w,5,1,CW,a,b,c,d,e\n', r'line 2 \(video .1.\): the right choice is 5, .* 0 to 4'),
        (NEXT + '1,w,0,1,XY,a,b,c,d,e\n', r'type is .XY., it must be one of .CW., .CH., .TN.'),
        (NEXT + '1,w,0,1,CW,a,,c,d,e\n', r'a1 is missing, it must be a text'),
        (NEXT, 'holds no questions'),
    ],
)
def test_tables_that_do_not_fit(rows, message, tmp_path, csv_file):
    with pytest.raises(ValueError, match=message):
        NExTQA(csv_file(rows), str(tmp_path))


def test_p3_equal_choices_load_and_keep_their_numbers(tmp_path, csv_file):
    dataset = NExTQA(csv_file(NEXT + '1,w,3,1,CW,bedroom,by a pool,outdoors,bedroom,circus\n'), str(tmp_path))
    record = dataset.get_query(0)
    assert (record['choices'][0], record['choices'][3], record['gt_choice']) == ('bedroom', 'bedroom', 3)


def test_p4_supports_may_share_an_id_but_queries_may_not(tmp_path, csv_file):
    head = 'video,frame_count,width,height,question,answer,qid,type\n'
    twice = head + '1,9,9,9,why,so,4,CW\n1,9,9,9,how,by car,4,CH\n2,9,9,9,where,home,0,DL\n'
    support, query = csv_file(twice, 'train.csv'), csv_file(head + '7,9,9,9,why,so,4,CW\n', 'test.csv')
    files = {'data_root': str(tmp_path), 'num_shots': 3}
    dataset = FlamingoEvalNExTQAOpenEnded(query, support_ann_file=support, **files)
    assert {shot['question'] for shot in dataset.get_data_info(0)['shots']} == {'why', 'how', 'where'}
    rows = twice.splitlines()
    other = csv_file('\n'.join([rows[0], *rows[:0:-1]]), 'other.csv')
    shuffled = FlamingoEvalNExTQAOpenEnded(query, support_ann_file=other, **files)
    assert shuffled.get_data_info(0)['shots'] == dataset.get_data_info(0)['shots']
    with pytest.raises(ValueError, match="1 of 2 question ids come more than once: '1_4'"):
        FlamingoEvalNExTQAOpenEnded(support, support_ann_file=query, **files)


def test_p13_answers_of_nextgqa_are_texts_of_choices(tmp_path, csv_file):
    head = 'video_id,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4\n'
    rows = (
        head + '1,9,9,9,why,car,4,CW,bus,car,2,d,e\n1,9,9,9,how many,2,5,CH,1,2,3,0,4\n1,9,9,9,who,d,6,CH,a,b,c,d,e\n'
    )
    dataset = NExTQA(csv_file(rows), str(tmp_path))
    assert [dataset.get_query(n)['gt_choice'] for n in range(3)] == [1, 1, 3]
    with pytest.raises(ValueError, match=r"line 4 \(video '1'\): answer is 'none', it must be a whole number"):
        NExTQA(csv_file(rows.replace('who,d,', 'who,none,')), str(tmp_path))


def test_second_answers_of_another_split_are_an_error(tmp_path, csv_file):
    rows = csv_file('video,question,answer,qid,type\n1,why,so,4,CW\n')
    for more in {'2': {'4': 'for'}}, {'1': {'5': 'for'}}:
        csv_file(json.dumps(more), 'more.json')
        with pytest.raises(
            ValueError, match=r"more.json' has answers about 1 videos, but to no questions in '.*a.csv'"
        ):
            NExTQAOpenEnded(rows, str(tmp_path), more_answers_file='more.json')
