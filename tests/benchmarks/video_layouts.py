"""EmojiScenes as still videos in the files and folders of each benchmark on videos; writers as in `image_layouts`."""

from pathlib import Path

from scenes import Scenes, choices_of, write, write_csv


def question_list(folder: Path, extension: str, queries: Scenes, supports: Scenes) -> list:
    """The files of MSVD-QA and MSRVTT-QA, and videos with this ending of their names."""
    for split, scenes in ('test', queries), ('train', supports):
        entries = []
        for scene in scenes:
            scene.put_video(folder / 'videos' / extension.format(scene.id))
            entries.append(
                {'id': 7 * scene.id, 'video_id': scene.id, 'question': scene.question, 'answer': scene.answer}
            )
        write(folder / f'{split}_qa.json', entries)
    return [7 * scene.id for scene in queries]


def msvdqa(data: Path, queries: Scenes, supports: Scenes) -> list:
    return question_list(data / 'msvdqa', 'vid{}.avi', queries, supports)


def msrvttqa(data: Path, queries: Scenes, supports: Scenes) -> list:
    return question_list(data / 'msrvttqa', 'video{}.mp4', queries, supports)


def ivqa(data: Path, queries: Scenes, supports: Scenes) -> list:
    for split, scenes in ('test', queries), ('train', supports):
        rows = [
            {
                'video_id': scene.put_video(data / 'ivqa/videos' / f'v-{scene.id}.mp4').removesuffix('.mp4'),
                'start': 0,
                'end': 1,
                'question': scene.question,
                **{f'answer{n}': scene.answer if n < 4 else 'none' for n in range(1, 6)},
            }
            for scene in scenes
        ]
        write_csv(data / f'ivqa/{split}.csv', rows)
    return [f'v-{scene.id}.mp4#t=0,1: {scene.question}' for scene in queries]


def vatex(data: Path, queries: Scenes, supports: Scenes) -> list:
    for name, scenes in ('public_test_english_v1.1', queries), ('training_v1.0', supports):
        entries = []
        for scene in scenes:
            video_id = f'_x{scene.id}_000010_000020'
            scene.put_video(data / f'vatex/videos/{video_id}.mp4')
            entries.append({'videoID': video_id, 'enCap': scene.captions})
        write(data / f'vatex/vatex_{name}.json', entries)
    return [f'_x{scene.id}_000010_000020' for scene in queries]


def nextqa(data: Path, queries: Scenes, supports: Scenes) -> list:
    places = {}
    for split, scenes in ('test', queries), ('train', supports):
        rows = []
        for scene in scenes:
            scene.put_video(data / f'nextqa/NExTVideo/0001/{scene.id}.mp4')
            places[f'v{scene.id}'] = f'0001/{scene.id}'
            choices = [*choices_of(scene), 'none of these']
            rows.append(
                {
                    'video': f'v{scene.id}',
                    'question': scene.question,
                    'answer': choices.index(scene.answer),
                    'qid': 2,
                    'type': 'DC',
                    **{f'a{n}': choice for n, choice in enumerate(choices)},
                }
            )
        write_csv(data / f'nextqa/{split}.csv', rows)
    write(data / 'nextqa/map_vid_vidorID.json', places)
    return [f'v{scene.id}_2' for scene in queries]


def nextqa_open(data: Path, queries: Scenes, supports: Scenes) -> list:
    places = {}
    for split, scenes in ('test', queries), ('train', supports):
        rows = []
        for scene in scenes:
            scene.put_video(data / f'nextqa_open/NExTVideo/0001/{scene.id}.mp4')
            places[f'v{scene.id}'] = f'0001/{scene.id}'
            question = {
                'video': f'v{scene.id}',
                'frame_count': 8,
                'width': 128,
                'height': 128,
                'question': scene.question,
            }
            rows.append({**question, 'answer': scene.answer, 'qid': 2, 'type': 'DO'})
        write_csv(data / f'nextqa_open/{split}.csv', rows)
    write(data / 'nextqa_open/map_vid_vidorID.json', places)
    write(data / 'nextqa_open/add_reference_answer_test.json', {f'v{queries[0].id}': {'2': 'something else'}})
    write(data / 'nextqa_open/stopwords.txt', 'the\na\n')
    return [f'v{scene.id}_2' for scene in queries]


def star(data: Path, queries: Scenes, supports: Scenes) -> list:
    for split, scenes in ('val', queries), ('train', supports):
        entries = []
        for number, scene in enumerate(scenes):
            scene.put_video(data / f'star/Charades_v1_480/Z{scene.id}.mp4')
            entries.append(
                {
                    'question_id': f'{("Sequence", "Prediction")[number % 2]}_T1_{scene.id}',
                    'question': scene.question,
                    'video_id': f'Z{scene.id}',
                    'start': 0.5,
                    'end': 1.5,
                    'answer': scene.answer,
                    'choices': [{'choice_id': n, 'choice': choice} for n, choice in enumerate(choices_of(scene))],
                }
            )
        write(data / f'star/STAR_{split}.json', entries)
    return [f'{("Sequence", "Prediction")[n % 2]}_T1_{scene.id}' for n, scene in enumerate(queries)]
