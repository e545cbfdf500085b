"""Shelf codes such as "FRZN BREADED PREPARED CHICK" or "BREAD:ITALIAN/FRENCH", in words."""

from __future__ import annotations

import re
from functools import cache

#: Abbreviations of the shelf codes, word for word.
_WORDS = {
    "FRZN": "frozen", "FRZ": "frozen", "RW": "raw", "SFT": "soft", "DRNK": "drink", "DRNKS": "drinks",
    "DRNKNG": "drinking",
    "BTL": "bottle", "PK": "pack", "PKG": "packaged", "PKGD": "packaged", "PKLD": "pickled",
    "PICKLD": "pickled", "VEG": "vegetable",
    "MISC": "miscellaneous", "SNGL": "single", "SGL": "single", "SV": "serve", "SRV": "serve", "SS": "single-serve",
    "MULT": "multi", "MLT": "multi", "CAN": "can", "CND": "canned", "CARB": "carbonated", "CRBNTD": "carbonated",
    "FLVRD": "flavored", "FLVR": "flavored", "SALD": "salad", "SAL": "salad", "DRSNG": "dressing",
    "SNDWCH": "sandwich",
    "SPRD": "spread", "BN": "bean", "BRKFST": "breakfast", "WHLSM": "wholesome", "CLEANG": "cleaning",
    "REFRGRATD": "refrigerated",
    "REFRIG": "refrigerated", "PNT": "peanut", "BTR": "butter", "JCE": "juice", "CONC": "concentrate",
    "BRD": "bread", "DNRS": "dinners",
    "DNR": "dinner", "MXS": "mixes", "MIXS": "mixes", "MX": "mix", "PWDR": "powder", "PWDRS": "powders",
    "CRYSTL": "crystal",
    "SNKS": "snacks", "CKYS": "cookies", "CRKR": "cracker", "CNDY": "candy", "CNDLES": "candles",
    "TISS": "tissue", "CATFD": "cat food",
    "DOGFD": "dog food", "PREM": "premium", "SUP": "super", "GRND": "ground", "SAUS": "sausage",
    "GDS": "goods", "SW": "sweet",
    "SWT": "sweet", "SPECILATY": "specialty", "HBC": "health and beauty", "HYGN": "hygiene", "FEM": "feminine",
    "STK": "steak",
    "CHP": "chop", "SLC": "slice", "CHICK": "chicken", "CHIX": "chicken", "CTLRY": "cutlery", "ACCESS": "accessories",
    "WTR": "water", "BKD": "baked", "FD": "food", "TRSH": "trash", "BG": "bag", "SPLY": "supply",
    "VAC": "vacuum", "PAC": "pack",
    "SYRP": "syrup", "WHL": "whole", "SUPPPLIES": "supplies", "SWEETNERS": "sweeteners", "SWIN": "swim",
    "CRMD": "creamed", "FS": "French style",
    "MW": "microwave", "INSTORE": "in-store", "PLSTC": "plastic", "DISPOSIBLE": "disposable",
    "CHOC": "chocolate", "MSHRM": "mushroom",
    "GM": "general merchandise", "MERCH": "merchandise", "CNTRL": "control", "PROD": "produce",
    "VENDOR": "vendor", "CANDY": "candy",
    "MEMORABLILIA": "memorabilia", "ACCESSIORES": "accessories", "CHOCOCLATE": "chocolate",
    "MARMALADE": "marmalade", "PPK": "prepack",
}  # fmt: skip
_DEPARTMENTS = {
    "DRUG GM": "Drugstore and Household",
    "MEAT-PCKGD": "Packaged Meat",
    "SEAFOOD-PCKGD": "Packaged Seafood",
    "GM MERCH EXP": "General Merchandise",
    "CNTRL/STORE SUP": "Store Supplies",
    "PROD-WHS SALES": "Produce Warehouse",
    "ELECT &PLUMBING": "Electrical and Plumbing",
    "CHARITABLE CONT": "Charity",
}
_SMALL = frozenset({"and", "or", "with", "of", "the", "for", "in"})
_UNITS = {
    "OZ": "oz", "LB": "lb", "CT": "ct", "PK": "pack", "GAL": "gal", "QT": "qt", "PT": "pt", "ML": "ml",
    "LTR": "l", "LT": "l", "L": "l",
    "IN": "in", "FT": "ft", "SQ": "sq", "PC": "pieces", "X": "×", "EA": "each", "CM": "cm", "MM": "mm",
    "G": "g", "KG": "kg", "YD": "yd",
    "FL": "fl", "DOZ": "dozen", "PKGS": "packages", "ROLL": "roll",
}  # fmt: skip


@cache
def department_name(code: str | None) -> str:
    """A department in words; "" when the data have none."""
    return _DEPARTMENTS.get((code or "").strip()) or category_name(code)


@cache
def category_name(code: str | None) -> str:
    """A category or type in words: 'BREAD:ITALIAN/FRENCH' is 'Bread: Italian/French', 'FRZN ICE' is 'Frozen Ice'."""
    text = re.sub(r"\s+", " ", (code or "").strip())
    text = re.sub(r"\s*\([^)]*$", "", text)  # codes are cut at 30 characters, often within a bracket
    text = re.sub(r"(?<=[A-Z])\.(?! ?\d)", " ", text)  # "FEM. HYGN.NAPKINS"
    text = re.sub(r"(\d)PK\b", r"\1 PK", text)
    text = text.replace("&", " and ").replace(" W/", " with ")
    text = re.sub(r"\b([A-Z]+) S\b", r"\1'S", text)  # "WOMEN S", "DVD S": the apostrophe was lost
    text = re.sub(r"\s*:\s*", ": ", text)
    text = re.sub(r"\s*-\s+|\s+-\s*", " - ", text)
    words = re.sub(r"[A-Z][A-Z0-9']*", lambda match: _word(match.group()), text)
    return re.sub(r"\s+", " ", words).strip(" -:/.")


def size_name(code: str | None) -> str | None:
    """A package size in words: '22 LB' is '22 lb', '.5 OZ' is '0.5 oz'; None for empty ones and stock numbers."""
    text = re.sub(r"\s+", " ", (code or "").strip())
    if not re.search(r"\d", text) or re.search(r"\d{5}", text):
        return None
    text = re.sub(r"^[A-Z] +(?=[\d.])", "", text)  # a shelf letter, "P 3.75 OZ"
    text = re.sub(r"(?<![\d.])\.(?=\d)", "0.", text)
    text = re.sub(r"\s*\([^)]*$", "", text)
    return re.sub(r"[A-Z]+", lambda match: _UNITS.get(match.group(), match.group().lower()), text)


def title_of(kind: str, category: str, department: str, size: str | None) -> str:
    """A title: the type, its category where one word says too little, and the size."""
    name = kind or category or department
    if kind and category and " " not in kind and not _related(kind, category):
        name = f"{kind} ({category})"
    return f"{name}, {size}" if size else name


def _word(code: str) -> str:
    word = _WORDS.get(code)
    if word is None:
        word = code.lower() if code.lower() in _SMALL else code.capitalize()
        return "DVD" + code[3:].lower() if code.startswith("DVD") else word
    return word[0].upper() + word[1:]


def _related(kind: str, category: str) -> bool:
    """Whether the two share the beginning of a word: 'Yogurt' and 'Yogurts'."""
    stem = kind.casefold()[:5]
    return any(word.startswith(stem) for word in re.findall(r"\w+", category.casefold()))
