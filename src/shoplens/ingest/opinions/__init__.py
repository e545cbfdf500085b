"""Posts out of files, of files that grow, and of feeds."""

from shoplens.ingest.opinions.feeds import read_feed
from shoplens.ingest.opinions.files import PostChunk, read_posts
from shoplens.ingest.opinions.following import Followed, read_on
from shoplens.ingest.opinions.rows import COLUMNS, PostRows

__all__ = ["COLUMNS", "Followed", "PostChunk", "PostRows", "read_feed", "read_on", "read_posts"]
