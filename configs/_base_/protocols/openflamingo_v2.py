# OpenFlamingo v2, https://arxiv.org/abs/2308.01390: fresh random shots for each query, three seeds, a newline after
# every shot, the answer of one annotator in each, two random text-only examples for zero shots. Captions lose their
# outer white space, questions and answers are shown as they are in the files. Close-ended sets have no newline after a
# shot, and a choice has the tokens that it has alone.
protocol = 'openflamingo_v2'
shots = (0, 4, 8, 16, 32)
seeds = (0, 1, 2)
media_index = 'preceding'
datasets = dict(
    caption=dict(num_support_examples=2048, num_query_examples=5000),
    vqa=dict(num_support_examples=2048, num_query_examples=5000, answer_policy='sample'),
    hateful_memes=dict(num_support_examples=2048, num_query_examples=5000),
    imagenet=dict(num_support_examples=2048, num_query_examples=5000),
)
zero_shot_text_only = dict(caption=2, vqa=2, hateful_memes=2, imagenet=2)
prompts = dict(
    caption=dict(
        type='PromptTemplate',
        shot='<image>Output:{caption}<|endofchunk|>\n',
        query='<image>Output:',
        output='caption',
        stop=('Output',),
        drop='"',
        white_space='strip',
        generation=dict(num_beams=3, max_new_tokens=20, length_penalty=0.0),
        ranking=dict(in_context=False),
    ),
    vqa=dict(
        type='PromptTemplate',
        shot='<image>Question:{question} Short answer:{answer}<|endofchunk|>\n',
        query='<image>Question:{question} Short answer:',
        output='answer',
        stop=('Question', 'Answer', 'Short', ', '),
        white_space='keep',
        generation=dict(num_beams=3, max_new_tokens=5, length_penalty=0.0),
        ranking=dict(in_context=False),
    ),
    hateful_memes=dict(
        type='PromptTemplate',
        shot="<image>is an image with: '{ocr}' written on it. Is it hateful? Answer:{answer}<|endofchunk|>",
        query="<image>is an image with: '{ocr}' written on it. Is it hateful? Answer:",
        output='answer',
        white_space='keep',
        ranking=dict(normalize=True, in_context=False),
    ),
    imagenet=dict(
        type='PromptTemplate',
        shot='<image>Output:{caption}<|endofchunk|>',
        query='<image>Output:',
        output='caption',
        white_space='keep',
        ranking=dict(normalize=True, in_context=False),
    ),
)
