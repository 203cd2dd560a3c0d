"""What is read of sets of videos, and what is said of files in another layout."""

import pytest

from mmflamingo.datasets import IVQA, MSRVTTQA, MSVDQA, STAR, VATEX, NExTQA, NExTQAOpenEnded

QA = {'id': 4, 'video_id': 7010, 'question': 'what is a man doing?', 'answer': 'sing', 'category_id': 14}
SITUATION = {
    'question_id': 'Interaction_T1_13',
    'question': 'Which object was tidied up by the person?',
    'video_id': '6H78U',
    'start': 11.1,
    'end': 19.6,
    'answer': 'The blanket.',
    'choices': [{'choice_id': n, 'choice': c} for n, c in enumerate(['The closet.', 'The blanket.', 'The box.'])],
}
NEXT = 'video,frame_count,question,answer,qid,type,a0,a1,a2,a3,a4\n42,10,"why, then?",3,6,CW,a,b,c,"d, e",f\n'


@pytest.fixture
def text(tmp_path):
    def write(content, name='a.csv'):
        (tmp_path / name).write_text(content)
        return name

    return write


@pytest.mark.parametrize(
    ('cls', 'entry', 'file'),
    [
        (MSRVTTQA, QA, 'video7010.mp4'),
        (MSVDQA, QA, 'vid7010.avi'),
        (MSRVTTQA, {'video': 'video7010.mp4', 'question': QA['question'], 'answer': 'sing'}, 'video7010.mp4'),
    ],
)
def test_captions_turned_into_questions(cls, entry, file, tmp_path, write_json):
    dataset = cls(write_json('a.json', [entry]), str(tmp_path), {'img_path': 'videos'})
    record = dataset.get_data_info(0)
    assert record['img_path'] == f'{tmp_path}/videos/{file}'
    fields = [record[key] for key in ('task', 'question', 'gt_answer', 'question_type')]
    assert fields == ['vqa', QA['question'], ['sing'], 'what']


def test_names_of_videos_can_be_given(tmp_path, write_json):
    name = write_json('a.json', [QA])
    dataset = MSVDQA(name, str(tmp_path), video_name='{video_id:05d}.webm')
    assert dataset.get_data_info(0)['img_path'] == f'{tmp_path}/07010.webm'
    with pytest.raises(ValueError, match=r"video_name='\{id\}.mp4': its only field is \{video_id\}"):
        MSVDQA(name, str(tmp_path), video_name='{id}.mp4')


def test_ivqa(tmp_path, text):
    lines = 'video_id,start,end,question,answer1,answer2,answer3,answer4,answer5\nab,5,12.5,What?,a pan,pan,pan,pot,\n'
    record = IVQA(text(lines), str(tmp_path)).get_data_info(0)
    assert record['img_path'] == f'{tmp_path}/ab.mp4#t=5,12.5'
    assert (record['image_id'], record['gt_answer'], record['majority_answer']) == (
        'ab',
        ['a pan', 'pan', 'pan', 'pot'],
        'pan',
    )


def test_nextqa(tmp_path, text, write_json):
    places = write_json('map.json', {'42': '0004/42'})
    record = NExTQA(text(NEXT), str(tmp_path), map_file=places).get_data_info(0)
    assert record['img_path'] == f'{tmp_path}/0004/42.mp4'
    assert (record['sample_id'], record['question_type'], record['gt_choice']) == ('42_6', 'CW', 3)
    assert record['choices'] == ['a', 'b', 'c', 'd, e', 'f'] and record['gt_answer'] == ['d, e']
    with pytest.raises(
        ValueError, match=r"line 2 \(video '42'\): video is '42', it must be one of the 1 ids in '.*map.json'"
    ):
        NExTQA('a.csv', str(tmp_path), map_file=write_json('map.json', {'43': 'x'}))


def test_star(tmp_path, write_json):
    record = STAR(write_json('a.json', [SITUATION]), str(tmp_path)).get_data_info(0)
    assert record['img_path'] == f'{tmp_path}/6H78U.mp4#t=11.1,19.6'
    assert (record['question_type'], record['gt_choice'], len(record['choices'])) == ('Interaction', 1, 3)
    with pytest.raises(
        ValueError, match=r"\(question_id 'Interaction_T1_13'\): answer is 'The cat.', it must be one of the choices"
    ):
        STAR(write_json('b.json', [SITUATION | {'answer': 'The cat.'}]), str(tmp_path))


def test_star_tells_the_type_by_the_id(tmp_path, write_json):
    with pytest.raises(
        ValueError, match="question_id is 'T1_13', it must be an id that begins with Interaction, Sequence"
    ):
        STAR(write_json('a.json', [SITUATION | {'question_id': 'T1_13'}]), str(tmp_path))


def test_vatex(tmp_path, write_json):
    video = {'videoID': '_x_000010_000020', 'enCap': ['a man sings', 'someone sings'], 'chCap': ['x']}
    record = VATEX(write_json('a.json', [video]), str(tmp_path), {'img_path': 'v'}).get_data_info(0)
    assert record['img_path'] == f'{tmp_path}/v/_x_000010_000020.mp4'
    assert (record['task'], record['gt_caption']) == ('caption', video['enCap'])
    assert VATEX(write_json('b.json', [{'videoID': 'y'}]), str(tmp_path)).get_data_info(0)['gt_caption'] == []


@pytest.mark.parametrize('cls', [MSRVTTQA, STAR, VATEX])
def test_another_layout_is_named(cls, tmp_path, write_json):
    with pytest.raises(ValueError, match=r"ann_file: .*a\.json' (does not have the layout|is no JSON list)"):
        cls(write_json('a.json', [{'id': 1}]), str(tmp_path))


def test_nextqa_open_ended(tmp_path, text, write_json):
    rows = 'video,frame_count,question,answer,qid,type\n42,10,why,to play,6,CW\n42,10,where,home,7,DL\n43,9,how,by car,0,CH\n'
    more = write_json('more.json', {'42': {'6': 'playing'}})
    dataset = NExTQAOpenEnded(text(rows), str(tmp_path), more_answers_file=more)
    first, second, _ = (dataset.get_data_info(index) for index in range(3))
    assert [first[key] for key in ('task', 'sample_id', 'question_type')] == ['vqa', '42_6', 'CW']
    assert first['gt_answer'] == ['to play', 'playing'] and first['majority_answer'] == 'to play'
    assert second['gt_answer'] == ['home']
    assert first['img_path'].endswith('42.mp4')
    places = write_json('map.json', {'42': '0007/42', '43': '0001/43'})
    mapped = NExTQAOpenEnded('a.csv', str(tmp_path), {'img_path': 'videos'}, map_file=places)
    assert mapped.get_data_info(0)['img_path'] == f'{tmp_path}/videos/0007/42.mp4'
    with pytest.raises(FileNotFoundError, match="more_answers_file: '.*none.json' does not exist"):
        NExTQAOpenEnded('a.csv', str(tmp_path), more_answers_file='none.json')


@pytest.mark.parametrize('cls', [IVQA, NExTQA, NExTQAOpenEnded])
def test_another_table_is_named(cls, tmp_path, text):
    with pytest.raises(ValueError, match=f'does not have the layout of {cls.__name__}, which is a CSV file with video'):
        cls(text('a,b\n1,2\n'), str(tmp_path))
