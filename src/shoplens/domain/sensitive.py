"""What is never inferred about a person, whatever a setting says: the special categories of GDPR, article 9, criminal
records (article 10), and what gives them away.

The list is fixed on purpose. It is matched by words of a field's name, in English and Chinese, so that `religion`,
`Religious_Affiliation` and `宗教信仰` are all refused.
"""

from __future__ import annotations

import re
from functools import lru_cache

#: Beginnings of English words.
SENSITIVE_WORDS = (
    "religi", "faith", "creed", "denominat", "church", "mosque", "belief", "philosoph",
    "health", "disease", "illness", "medic", "diagnos", "disab", "handicap", "pregnan", "fertil", "mental", "symptom",
    "patient", "therap", "drug", "addict", "hiv", "bmi", "weight_status", "allerg",
    "ethnic", "race", "racial", "skin_colour", "skin_color", "caste", "tribe", "nationality", "migrat", "immigra",
    "citizenship", "descent", "ancestr",
    "orientation", "sexual", "sexuality", "lgbt", "gay", "lesbian", "transgender", "sex_life", "gender_identity",
    "politic", "party", "voting", "voter", "vote", "ideolog", "union", "trade_union",
    "genetic", "gene", "dna", "genom", "biometr", "fingerprint", "crimin", "convict", "offence", "offense", "arrest",
)  # fmt: skip

#: Parts of Chinese names.
SENSITIVE_PARTS = (
    "宗教", "信仰", "教派", "健康", "疾病", "病史", "医疗", "诊断", "残疾", "怀孕", "孕期", "生育", "心理", "药物",
    "民族", "种族", "族裔", "肤色", "国籍", "移民", "血统", "性取向", "性向", "性生活", "性别认同", "政治", "党派",
    "党员", "投票", "工会", "基因", "遗传", "生物识别", "指纹", "犯罪", "前科",
)  # fmt: skip


@lru_cache(maxsize=10_000)  # a shop has few names and asks of each product
def is_sensitive(name: str) -> bool:
    """Whether a field of this name must never be inferred or told of."""
    folded = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).casefold()
    words = re.sub(r"[^0-9a-z\u4e00-\u9fff]+", "_", folded).strip("_")
    starts = {0, *(found.end() for found in re.finditer("_", words))}
    return any(words.startswith(word, start) for word in SENSITIVE_WORDS for start in starts) or any(
        part in words for part in SENSITIVE_PARTS
    )
