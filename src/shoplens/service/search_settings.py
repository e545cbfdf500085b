"""Settings of search."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from shoplens.retrieval.lexical.document import FieldWeights

_USUAL = FieldWeights()


class SearchFields(BaseModel):
    """How much a word counts where it was found; changes act in the next process, nothing is indexed again."""

    model_config = ConfigDict(extra="forbid")

    title: float = Field(default=_USUAL.title, gt=0, le=10)
    brand: float = Field(default=_USUAL.brand, gt=0, le=10)
    category: float = Field(default=_USUAL.category, gt=0, le=10)
    attributes: float = Field(default=_USUAL.attributes, gt=0, le=10)
    description: float = Field(default=_USUAL.description, gt=0, le=10)
    found: float = Field(default=_USUAL.found, gt=0, le=10)  # words read in photos and heard in sound


class SearchSettings(BaseModel):
    """Search by words, photo, speech and video. Files are beside shoplens.toml, and used when they are there."""

    model_config = ConfigDict(extra="forbid")

    synonyms: str = "synonyms.txt"  # one group a line: sofa, couch; or one way: notebook => laptop
    words: str = "words.txt"  # names of the shop's own that Chinese segmentation keeps whole, one a line
    judgements: str = (
        "judgements.csv"  # query, item_id[, gain]: `train` learns from it how much words and meaning count
    )
    curation: str = "curation.toml"  # what is pinned, hidden, boosted and buried for which queries
    personal: float = Field(default=0.3, ge=0, le=1)  # how far a person's own taste orders results; a request may say
    understand: bool = True  # whether words become filters ("red dress under 50"), shown and removable
    log: bool = True  # whether searches and what they showed are kept: analytics and learning from clicks read them
    log_days: float = Field(default=365.0, gt=0)  # for which they are kept
    fields: SearchFields = SearchFields()
