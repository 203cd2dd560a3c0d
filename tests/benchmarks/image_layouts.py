"""EmojiScenes in the files and folders of each benchmark on images, as configs/_base_/datasets has them.

A writer gets the folder that stands for `data`, the query scenes and the support scenes, and returns the ids of the
queries it wrote.
"""

import json
from collections import defaultdict
from pathlib import Path

from scenes import CHOICES, Scenes, choices_of, write


def coco_captions(path: Path, folder: Path, scenes: Scenes, **image_keys) -> None:
    images = [{'id': s.id, 'file_name': s.put(folder / f'{s.id:012d}.jpg')} | image_keys for s in scenes]
    texts = [(scene.id, text) for scene in scenes for text in scene.captions]
    annotations = [{'id': n, 'image_id': i, 'caption': text} for n, (i, text) in enumerate(texts)]
    write(path, {'images': images, 'annotations': annotations})


def karpathy(path: Path, folder: Path, splits: dict[str, Scenes], by_year: bool) -> None:
    """Karpathy's file; COCO's images lie in the folders of two years' splits, Flickr30k's in one."""
    images = []
    for split, scenes in splits.items():
        part = {'test': 'val2014'}.get(split, f'{split}2014')
        for scene in scenes:
            place = folder / part if by_year else folder
            image = {'filename': scene.put(place / f'{scene.id}.jpg'), 'split': split}
            image |= {'filepath': part, 'cocoid': scene.id} if by_year else {}
            images.append(image | {'sentences': [{'raw': text} for text in scene.captions]})
    write(path, {'images': images, 'dataset': 'emoji'})


def vqa_pair(folder: Path, names: tuple[str, str | None], images: Path, split: str, scenes: Scenes) -> None:
    """Questions and, if they have a name, annotations in the layout of VQAv2."""
    questions, annotations = [], []
    for scene in scenes:
        scene.put(images / f'COCO_{split}_{scene.id:012d}.jpg')
        ids = {'image_id': scene.id, 'question_id': 10 * scene.id}
        questions.append(ids | {'question': scene.question})
        answers = [{'answer': a, 'raw_answer': a, 'answer_id': n} for n, a in enumerate(scene.answers, 1)]
        annotations.append(ids | {'answers': answers, 'question_type': 'four', 'answer_type': 'other'})
    write(folder / names[0], {'questions': questions})
    if names[1]:
        write(folder / names[1], {'annotations': annotations})


def coco_karpathy(data: Path, queries: Scenes, supports: Scenes) -> list:
    splits = {'test': queries, 'train': supports[:2], 'restval': supports[2:]}
    for scene in supports[2:]:
        scene.put(data / 'coco' / 'val2014' / f'{scene.id}.jpg')
    karpathy(data / 'coco/annotations/dataset_coco.json', data / 'coco', splits, by_year=True)
    return [scene.id for scene in queries]


def flickr30k(data: Path, queries: Scenes, supports: Scenes) -> list:
    root = data / 'flickr30k'
    splits = {'test': queries, 'train': supports}
    karpathy(root / 'dataset_flickr30k.json', root / 'flickr30k-images', splits, by_year=False)
    return [scene.id for scene in queries]


def nocaps(data: Path, queries: Scenes, supports: Scenes) -> list:
    path = data / 'nocaps/nocaps_val_4500_captions.json'
    coco_captions(path, data / 'nocaps/val', queries, domain='in-domain')
    coco_captions(data / 'coco/annotations/captions_train2014.json', data / 'coco/train2014', supports)
    return [scene.id for scene in queries]


def vqav2_test_dev(data: Path, queries: Scenes, supports: Scenes) -> list:
    folder, coco = data / 'coco/annotations', data / 'coco'
    names = 'v2_OpenEnded_mscoco_test-dev2015_questions.json', None
    vqa_pair(folder, names, coco / 'test2015', 'test2015', queries)
    names = 'v2_OpenEnded_mscoco_train2014_questions.json', 'v2_mscoco_train2014_annotations.json'
    vqa_pair(folder, names, coco / 'train2014', 'train2014', supports)
    return [10 * scene.id for scene in queries]


def okvqa(data: Path, queries: Scenes, supports: Scenes) -> list:
    for split, scenes in ('val2014', queries), ('train2014', supports):
        names = f'OpenEnded_mscoco_{split}_questions.json', f'mscoco_{split}_annotations.json'
        vqa_pair(data / 'coco/annotations', names, data / 'coco' / split, split, scenes)
    return [10 * scene.id for scene in queries]


def textvqa(data: Path, queries: Scenes, supports: Scenes) -> list:
    for split, scenes in ('val', queries), ('train', supports):
        entries = [
            {
                'image_id': scene.put(data / 'textvqa/train_images' / f'{scene.id:x}.jpg').removesuffix('.jpg'),
                'question_id': 3 * scene.id,
                'question': scene.question,
                'answers': scene.answers,
            }
            for scene in scenes
        ]
        write(data / f'textvqa/TextVQA_0.5.1_{split}.json', {'dataset_type': split, 'data': entries})
    return [3 * scene.id for scene in queries]


def vizwiz(data: Path, queries: Scenes, supports: Scenes) -> list:
    for split, scenes in ('val', queries), ('train', supports):
        entries = [
            {
                'image': scene.put(data / 'vizwiz' / split / f'VizWiz_{split}_{scene.id:08d}.jpg'),
                'question': scene.question,
                'answers': [{'answer': answer, 'answer_confidence': 'yes'} for answer in scene.answers],
                'answer_type': 'other',
                'answerable': 1,
            }
            for scene in scenes
        ]
        write(data / f'vizwiz/{split}.json', entries)
    return [f'VizWiz_val_{scene.id:08d}.jpg' for scene in queries]


def gqa(data: Path, queries: Scenes, supports: Scenes) -> list:
    for split, scenes in ('testdev', queries), ('val', supports):
        entries = defaultdict(dict)
        for scene in scenes:
            entries[f'q{scene.id}'] = {
                'imageId': scene.put(data / 'gqa/images' / f'n{scene.id}.jpg').removesuffix('.jpg'),
                'question': scene.question,
                'answer': scene.answer,
                'types': {'structural': 'query', 'semantic': 'obj', 'detailed': 'categoryThis'},
            }
        write(data / f'gqa/{split}_balanced_questions.json', entries)
    return [f'q{scene.id}' for scene in queries]


def hateful_memes(data: Path, queries: Scenes, supports: Scenes) -> list:
    for split, scenes in ('test_seen', queries), ('train', supports):
        lines = [
            {
                'id': scene.id,
                'img': f'img/{scene.put(data / "hateful_memes/img" / f"{scene.id}.png")}',
                'text': scene.captions[0],
                'label': number % 2,
            }
            for number, scene in enumerate(scenes)
        ]
        write(data / f'hateful_memes/{split}.jsonl', '\n'.join(map(json.dumps, lines)) + '\n')
    return [scene.id for scene in queries]


def imagenet(data: Path, queries: Scenes, supports: Scenes) -> list:
    root = data / 'imagenet'
    names = sorted({scene.answer for scene in [*queries, *supports]} | CHOICES)
    write(root / 'meta/classes.txt', '\n'.join(names))
    for split, scenes in ('val', queries), ('train', supports):
        lines = [(scene.put(root / split / f'n{scene.id}.JPEG'), names.index(scene.answer)) for scene in scenes]
        write(root / f'meta/{split}.txt', ''.join(f'{name} {number}\n' for name, number in lines))
    return [f'n{scene.id}.JPEG' for scene in queries]


def scienceqa(data: Path, queries: Scenes, supports: Scenes) -> list:
    root, problems = data / 'scienceqa', {}
    for split, scenes in ('test', queries), ('train', supports):
        for scene in scenes:
            problems[str(scene.id)] = {
                'question': scene.question,
                'choices': choices_of(scene),
                'answer': choices_of(scene).index(scene.answer),
                'hint': 'Look at the picture.\nCount.',
                'image': scene.put(root / split / str(scene.id) / 'image.png'),
                'subject': 'natural science',
                'split': split,
            }
    problems['blind'] = {**problems[str(queries[0].id)], 'image': None}
    write(root / 'problems.json', problems)
    return [str(scene.id) for scene in queries]


def aokvqa(data: Path, queries: Scenes, supports: Scenes) -> list:
    for split, scenes in ('val', queries), ('train', supports):
        entries = []
        for scene in scenes:
            scene.put(data / f'coco/{split}2017/{scene.id:012d}.jpg')
            entries.append(
                {
                    'split': split,
                    'image_id': scene.id,
                    'question_id': f'q{scene.id}',
                    'question': scene.question,
                    'choices': choices_of(scene),
                    'correct_choice_idx': choices_of(scene).index(scene.answer),
                    'direct_answers': scene.answers,
                    'difficult_direct_answer': False,
                }
            )
        write(data / f'aokvqa/aokvqa_v1p0_{split}.json', entries)
    return [f'q{scene.id}' for scene in queries]
