"""Messages as they are typed, in the spelling that everything else reads: chat shorthand written out, traditional
Chinese simplified. What is kept and shown is what the customer wrote."""

from __future__ import annotations

import re

from shoplens.retrieval.lexical.folding import HAN, fold

_SHORT = {
    "u": "you", "ur": "your", "urs": "yours", "pls": "please", "plz": "please", "thx": "thanks", "smth": "something",
    "sth": "something", "tmrw": "tomorrow", "tmr": "tomorrow", "abt": "about", "acct": "account", "hv": "have",
    "wat": "what", "wut": "what", "wen": "when", "wanna": "want to", "gimme": "give me", "gonna": "going to",
    "gotta": "have to", "lemme": "let me", "dunno": "do not know", "cuz": "because", "bcoz": "because", "tho": "though",
    "im": "I'm", "ive": "I have", "id like": "I'd like", "whats": "what is", "wheres": "where is", "whens": "when is",
    "hows": "how is", "whos": "who is", "theres": "there is", "dont": "don't", "doesnt": "doesn't", "didnt": "didn't",
    "cant": "can't", "wont": "won't", "isnt": "isn't", "arent": "aren't", "wasnt": "wasn't", "hasnt": "hasn't",
    "havent": "haven't", "couldnt": "couldn't", "wouldnt": "wouldn't", "shouldnt": "shouldn't", "youre": "you're",
}  # fmt: skip
_SAID = re.compile(rf"(?<![\w'’.-])(?:{'|'.join(sorted(_SHORT, key=len, reverse=True))})(?![\w'’-])", re.IGNORECASE)
_ARE = re.compile(r"(?<![\w'’.-])r (?=(?:u|you|they|these|those|there|the|we)\b)", re.IGNORECASE)  # not "size R"
_HAN_RUN = re.compile(f"[{HAN}]+")


def spelled_out(text: str) -> str:
    """ "wheres ur 檯燈" → "where is your 台灯"; letters and numbers that may be names stay as they are."""
    read = _ARE.sub("are ", text.replace("’", "'"))
    read = _SAID.sub(lambda found: _SHORT[found[0].lower()], read)
    return _HAN_RUN.sub(lambda found: fold(found[0]).text, read)
