"""Makes EmojiScenes, the data set that ships with mmflamingo: pictures composed of Noto emoji, captions, questions.

    python tools/dataset_converters/emoji_scenes.py                      # everything, train included (about 2 minutes)
    python tools/dataset_converters/emoji_scenes.py --splits support val binding   # what the repository holds

Written below `--out`, all of it a function of `--seed` alone:

    {train,dev,support,val,binding_train,binding_dev,binding}/EMOJI_{split}_{image_id:012d}.jpg
    annotations/captions_{split}.json                       COCO captions: 5 references an image, one a voice
    annotations/inventories_{split}.json                    likewise, for train and dev: all that is seen, in a fixed order
    annotations/v2_OpenEnded_emoji_{split}_questions.json   VQAv2 questions
    annotations/v2_emoji_{split}_annotations.json           VQAv2 annotations: 10 answers a question
    text/{train,dev}.txt                                    one text document a line, for the language model
    text/{questions,checks}_{train,dev}.txt                 likewise; mostly several questions, or yes/no ones, about one scene

Beyond the COCO and VQAv2 keys: an image, and a question, carries the `group` of its annotators (Team), an image
`unseen_pair` (it shows two things that never meet in train), and a query of the binding splits the
`support_question_ids` of its episode, whose answers name two things by new words. (Questions without that key are
supports.) No new word occurs in two of the splits.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from random import Random

from emoji.language import VOICES, Team, caption, inventory
from emoji.questions import ask, majority
from emoji.scenes import Scene, has_held_out_pair, held_out_pairs, render, sample_portrait, sample_scene
from emoji.text import BINDING_QUESTION, all_team_numbers, binding_order, document, new_word
from emoji.vocabulary import THINGS

# The annotators of the benchmark, and of the dev split, are teams that wrote nothing of train.
BENCHMARK_TEAM, DEV_TEAM = 13, 22
SPLITS = {  # split: (first image id, images, questions an image)
    'train': (1, 30_000, 4),
    'dev': (1_000_001, 400, 3),
    'support': (2_000_001, 256, 3),
    'val': (3_000_001, 500, 3),
}
BINDING_SPLITS = {  # split: (first image id, things, pictures a thing, episodes)
    'binding_train': (4_000_001, len(THINGS), 24, 6_000),
    'binding_dev': (5_000_001, 40, 6, 100),
    'binding': (6_000_001, 40, 6, 100),
}
BINDING_SHOTS = 8
NUM_DOCUMENTS = {'train': 120_000, 'dev': 500}
DOCUMENT_KINDS = {  # prefix of the file: how frequent each of KINDS is
    '': (30, 24, 40, 6, 0, 0),
    'questions_': (15, 15, 20, 3, 47, 0),
    'checks_': (8, 8, 18, 2, 24, 40),
}


class SplitWriter:
    """Collects one split's pictures and annotations and writes its files."""

    def __init__(self, out: Path, split: str, sprites: Path, first_id: int):
        self.out, self.split, self.sprites, self.next_id = out, split, sprites, first_id
        self.images, self.captions, self.inventories, self.questions, self.answers = [], [], [], [], []
        self.asked: Counter[int] = Counter()
        (out / split).mkdir(parents=True, exist_ok=True)

    def add_image(self, scene: Scene, rng: Random, **extra) -> int:
        """Draws `scene`; returns its image id."""
        image_id, self.next_id = self.next_id, self.next_id + 1
        name = f'EMOJI_{self.split}_{image_id:012d}.jpg'
        render(scene, self.sprites, rng).save(self.out / self.split / name, quality=80)
        self.images.append({'id': image_id, 'file_name': name, **extra})
        return image_id

    def add_caption(self, image_id: int, text: str) -> None:
        """One reference of an image."""
        annotation_id = image_id * 10 + len(self.captions) % len(VOICES)
        self.captions.append({'id': annotation_id, 'image_id': image_id, 'caption': text})

    def add_inventory(self, image_id: int, text: str) -> None:
        """The one exhaustive description of an image."""
        self.inventories.append({'id': image_id, 'image_id': image_id, 'caption': text})

    def add_question(self, image_id: int, text: str, answers: list[str], kind: tuple[str, str], **extra) -> int:
        """One question with the answers people gave and its (answer_type, question_type); returns its id."""
        question_id = image_id * 1000 + self.asked[image_id]
        self.asked[image_id] += 1
        self.questions.append({'image_id': image_id, 'question': text, 'question_id': question_id, **extra})
        self.answers.append(
            {
                'image_id': image_id,
                'question_id': question_id,
                'answer_type': kind[0],
                'question_type': kind[1],
                'multiple_choice_answer': majority(answers),
                'answers': [
                    {'answer': answer, 'answer_confidence': 'yes', 'answer_id': index}
                    for index, answer in enumerate(answers, 1)
                ],
            }
        )
        return question_id

    def write(self) -> None:
        """Writes the annotation files of the split."""
        info = {'description': 'EmojiScenes', 'license': 'Apache-2.0'}
        for name, annotations in (('captions', self.captions), ('inventories', self.inventories)):
            if annotations:
                self._dump(
                    f'{name}_{self.split}.json', {'info': info, 'images': self.images, 'annotations': annotations}
                )
        common = {'info': info, 'data_type': 'emoji', 'data_subtype': self.split, 'license': info['license']}
        questions = {**common, 'task_type': 'Open-Ended', 'questions': self.questions}
        self._dump(f'v2_OpenEnded_emoji_{self.split}_questions.json', questions)
        self._dump(f'v2_emoji_{self.split}_annotations.json', {**common, 'annotations': self.answers})

    def _dump(self, name: str, content: dict) -> None:
        path = self.out / 'annotations' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, separators=(',', ':')))


def write_scenes(writer: SplitWriter, seed: int, count: int, num_questions: int, teams: list[int]) -> None:
    """A split of captioned scenes with questions; pairs held out of train meet in val alone."""
    held_out = held_out_pairs(seed)
    rng = Random(f'{seed}-{writer.split}')
    for _ in range(count):
        group = rng.choice(teams)
        team = Team.number(group)
        scene = sample_scene(rng)
        unseen = has_held_out_pair(scene, held_out)
        # About one val picture in five shows a pair that train lacks; the other splits show none.
        wanted = writer.split == 'val' and rng.random() < 0.2
        while unseen != wanted:
            scene = sample_scene(rng)
            unseen = has_held_out_pair(scene, held_out)
        image_id = writer.add_image(scene, rng, group=group, unseen_pair=unseen)
        for voice in VOICES:
            writer.add_caption(image_id, caption(scene, team, voice))
        if writer.split in ('train', 'dev'):
            writer.add_inventory(image_id, inventory(scene))
        for question in ask(scene, team, rng, num_questions):
            kind = (question.answer_type, question.question_type)
            writer.add_question(image_id, question.text, question.ask_ten(rng), kind, group=group)
    writer.write()


def write_binding(writer: SplitWriter, seed: int, num_things: int, pictures: int, episodes: int) -> None:
    """Episodes of fast binding: two things get new words; 8 supports name them, two queries ask."""
    rng = Random(f'{seed}-{writer.split}')
    things = rng.sample(THINGS, num_things)
    portraits = {
        thing: [writer.add_image(sample_portrait(rng, thing), rng) for _ in range(pictures)] for thing in things
    }
    for _ in range(episodes):
        pair = rng.sample(things, 2)
        answers = [[new_word(rng, writer.split)] * 10 for _ in pair]
        images = [rng.sample(portraits[thing], BINDING_SHOTS // 2 + 1) for thing in pair]
        supports = [
            _ask_about(writer, images[which].pop(), answers[which]) for which in binding_order(rng, BINDING_SHOTS)
        ]
        for which in (0, 1):
            _ask_about(writer, images[which].pop(), answers[which], support_question_ids=supports)
    writer.write()


def _ask_about(writer: SplitWriter, image_id: int, answers: list[str], **extra) -> int:
    return writer.add_question(image_id, BINDING_QUESTION, answers, ('other', 'what is'), **extra)


def write_text(path: Path, seed: int, count: int, teams: list[int], weights: tuple[int, ...]) -> None:
    """One of the text files."""
    rng = Random(f'{seed}-text-{path.stem}')
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w') as file:
        file.writelines(f'{document(rng, teams, weights)}\n' for _ in range(count))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, default=Path('data/emoji_scenes'))
    parser.add_argument('--sprites', type=Path, default=Path('data/emoji_scenes/sprites'))
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--splits', nargs='+', choices=[*SPLITS, *BINDING_SPLITS, 'text'])
    args = parser.parse_args()
    wanted = args.splits or [*SPLITS, *BINDING_SPLITS, 'text']
    train_teams = all_team_numbers(without={BENCHMARK_TEAM, DEV_TEAM})
    teams = {'train': train_teams, 'dev': [DEV_TEAM]}

    for split, (first_id, count, num_questions) in SPLITS.items():
        if split in wanted:
            print(f'{split}: {count} scenes')
            writer = SplitWriter(args.out, split, args.sprites, first_id)
            write_scenes(writer, args.seed, count, num_questions, teams.get(split, [BENCHMARK_TEAM]))
    for split, (first_id, *sizes) in BINDING_SPLITS.items():
        if split in wanted:
            print(f'{split}: {sizes[2]} episodes')
            writer = SplitWriter(args.out, split, args.sprites, first_id)
            write_binding(writer, args.seed, *sizes)
    if 'text' in wanted:
        for split, count in NUM_DOCUMENTS.items():
            print(f'text: 3 x {count} documents of {split}')
            for prefix, weights in DOCUMENT_KINDS.items():
                path = args.out / 'text' / f'{prefix}{split}.txt'
                write_text(path, args.seed, count, teams[split], weights)


if __name__ == '__main__':
    main()
