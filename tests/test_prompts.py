import pytest

from mmflamingo.prompts import InterleavedPrompt, PromptTemplate, Segment
from mmflamingo.registry import PROMPTS
from mmflamingo.structures import FlamingoDataSample

CAPTION = {
    'type': 'PromptTemplate',
    'shot': '<image>Output:{caption}<|endofchunk|>',
    'query': '<image>Output:',
    'output': 'caption',
    'stop': ['Output'],
    'drop': '"',
    'text_only_examples': [{'caption': 'A yak.'}, {'caption': 'A brush.'}],
}
VQA = {
    'type': 'PromptTemplate',
    'shot': '<image>Question:{question} Short answer:{answer}<|endofchunk|>\n',
    'query': '<image>Question:{question} Short answer:',
    'output': 'answer',
    'stop': ['Question', 'Answer'],
    'strip': '.,',
}


def test_few_shot_caption_prompt():
    sample = {
        'shots': [
            {'img_path': 'a.png', 'caption': 'A cat.'},
            {'img_path': 'b.png', 'caption': 'Two.'},
        ]
    }
    prompt = PROMPTS.build(CAPTION).render(sample)
    assert list(prompt) == [
        Segment('<image>Output:', chunk=0),
        Segment('A cat.', is_user=True, is_output=True, chunk=0),
        Segment('<|endofchunk|>', is_output=True, chunk=0),
        Segment('<image>Output:', chunk=1),
        Segment('Two.', is_user=True, is_output=True, chunk=1),
        Segment('<|endofchunk|>', is_output=True, chunk=1),
        Segment('<image>Output:', chunk=2),
    ]
    assert prompt.num_images == 3
    assert prompt.without_first_chunk().text == '<image>Output:Two.<|endofchunk|><image>Output:'


def test_no_shots_show_text_only_examples_without_image():
    prompt = PROMPTS.build(CAPTION).render({'shots': []})
    assert prompt.text == 'Output:A yak.<|endofchunk|>Output:A brush.<|endofchunk|><image>Output:'
    assert (prompt.num_images, prompt.num_chunks) == (1, 3)


def test_vqa_prompt_of_a_training_sample():
    sample = FlamingoDataSample.from_record(
        {
            'shots': [{'img_path': None, 'question': 'Is it red?', 'answer': 'no'}],
            'question': 'What is it?',
            'output': 'a cat',
        }
    )
    prompt = PROMPTS.build(VQA).render(sample)
    assert prompt.text == (
        'Question:Is it red? Short answer:no<|endofchunk|>\n'
        '<image>Question:What is it? Short answer:a cat<|endofchunk|>\n'
    )
    outputs = [segment.text for segment in prompt if segment.is_output]
    assert outputs == ['no', '<|endofchunk|>', 'a cat', '<|endofchunk|>']
    user = [segment.text for segment in prompt if segment.is_user]
    assert user == ['Is it red?', 'no', 'What is it?', 'a cat']


def test_a_query_without_output_ends_where_the_model_goes_on():
    prompt = PROMPTS.build(VQA).render({'question': 'What is it?', 'gt_answer': ['cat'] * 10})
    assert prompt.text == '<image>Question:What is it? Short answer:'
    assert not any(segment.is_output for segment in prompt)


def test_image_marks_in_user_text_are_no_images():
    prompt = PROMPTS.build(VQA).render({'question': 'What does <image> mean?'})
    assert prompt.num_images == 1


@pytest.mark.parametrize(
    ('cfg', 'text', 'parsed'),
    [
        (CAPTION, ' A "big" cat.Output: a dog Output', 'A big cat.'),
        (CAPTION, '', ''),
        (VQA, ' red. \nQuestion: why? Answer: so', 'red'),
        (VQA, 'Answer: no Question', ''),
        (VQA, '., 1.5 .,', '1.5'),
    ],
)
def test_parse(cfg, text, parsed):
    assert PROMPTS.build(cfg).parse(text) == parsed


def test_a_missing_field_is_named():
    with pytest.raises(ValueError, match="needs the field 'question', but example 0"):
        PROMPTS.build(VQA).render({'question': None})


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'output': 'text'}, r"output is 'text', it must be one of \['caption', 'answer'\]"),
        ({'shot': '<image>Output:'}, r'it needs the field \{caption\}'),
        ({'query': '<image>Output:{caption}'}, r'drop \{caption\}'),
        ({'shot': '<image>{caption!r}'}, r'write fields as \{name\}'),
        ({'shot': '<image>{0}{caption}'}, r'write fields as \{name\}'),
    ],
)
def test_unusable_templates(changes, message):
    with pytest.raises(ValueError, match=message):
        PromptTemplate(**{k: v for k, v in {**CAPTION, **changes}.items() if k != 'type'})


def test_a_sample_with_its_own_text():
    prompt = InterleavedPrompt(stop=['Output'], generation={'num_beams': 2})
    rendered = prompt.render({'text': '<image>Output:a cat<|endofchunk|><image>Output:'})
    assert rendered.text == '<image>Output:a cat<|endofchunk|><image>Output:'
    assert rendered.num_images == 2
    assert prompt.parse(' a dog Output: no') == 'a dog'
