"""Made-up policies, questions and dialogues of the sample shop, so that its assistant has something to say.

They are examples, written for Shoplens, English and Chinese; no real shop's terms. `add_sample_support` puts them into
a workspace whose assistant knows nothing yet.
"""

from __future__ import annotations

from importlib.resources import files

from shoplens.service.assistant_knowledge import Documents
from shoplens.service.workspace import Workspace

DOCUMENTS = ("sample-policies.en.md", "sample-policies.zh.md", "sample-faq.csv")
DIALOGUES = "sample-dialogues.csv"
QUESTIONS = "sample-questions.csv"


def add_sample_support(workspace: Workspace) -> list[str]:
    """Put the sample documents into a workspace; returns their names."""
    documents = Documents(workspace)
    for name in DOCUMENTS:
        documents.put(name, files(__name__).joinpath(name).read_bytes())
    return list(DOCUMENTS)


def sample_dialogues() -> str:
    """The file of sample dialogues."""
    return str(files(__name__).joinpath(DIALOGUES))


def sample_questions() -> str:
    """The file of questions, each with the heading that answers it: for the figures of retrieval."""
    return str(files(__name__).joinpath(QUESTIONS))
