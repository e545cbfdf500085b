"""A ranker that reads: the text encoder, fine-tuned on what people did next, distilled into vectors that serve."""

from shoplens.models.content_ranker.config import ContentRankerConfig
from shoplens.models.content_ranker.recommender import ContentRanker

__all__ = ["ContentRanker", "ContentRankerConfig"]
