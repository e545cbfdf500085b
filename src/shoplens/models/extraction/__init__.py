"""Values of attributes found in titles: learnt from a catalogue's own values, judged by `bench attributes`.

Follows what OpenTag (Zheng et al. 2018, arXiv:1806.01264) set out to do, values as spans of the title, but scores
candidate spans by trees over a memory of known values, a token model and the values of similar titles; made for some
thousand titles and a processor.
"""

from shoplens.models.extraction.examples import Example, Extracted
from shoplens.models.extraction.extractor import ExtractorSettings, ValueExtractor

__all__ = ["Example", "Extracted", "ExtractorSettings", "ValueExtractor"]
