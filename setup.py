"""Packaging of mmflamingo."""

from pathlib import Path
from runpy import run_path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
EXTRAS = ('optional', 'quantization', 'tests', 'docs')


def requirements(name: str) -> list[str]:
    """The lines of a requirements file, without comments."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return [line for line in (line.split('#')[0].strip() for line in lines) if line]


extras = {name: requirements(name) for name in EXTRAS}

setup(
    name='mmflamingo',
    version=run_path(str(ROOT / 'mmflamingo' / 'version.py'))['__version__'],
    description='An open toolbox for Flamingo, the visual language model for few-shot learning',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='The mmflamingo contributors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    packages=find_packages(include=['mmflamingo', 'mmflamingo.*']),
    python_requires='>=3.10',
    install_requires=requirements('runtime'),
    extras_require={**extras, 'all': sorted({line for lines in extras.values() for line in lines})},
    classifiers=[
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
)
