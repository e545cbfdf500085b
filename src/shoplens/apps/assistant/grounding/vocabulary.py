"""Words that need no source: those that state nothing, and those that mean what another word of the source means."""

from __future__ import annotations

import re

#: Words that state nothing about a shop: grammar, politeness, and verbs that only carry other words.
SILENT = frozenset(
    {
        "go", "goes", "placed",
        "a", "able", "about", "accept", "accepted", "according", "again", "allow", "allowed", "also", "although",
        "am", "an", "and", "are", "as", "at", "available", "based", "be", "because", "been", "being", "between",
        "both", "but", "by", "can", "certainly", "could", "course", "currently", "customer", "customers", "d",
        "did", "do", "does", "doing", "e.g", "either", "for", "from", "generally", "get", "glad", "had", "happy",
        "has", "have", "having", "he", "her", "here", "his", "how", "however", "i", "i'm", "i.e", "if", "in",
        "instead", "into", "is", "it", "it's", "its", "kindly", "know", "let", "like", "ll", "made", "make", "may",
        "me", "meaning", "means", "might", "mine", "more", "my", "namely", "need", "note", "of", "off", "offer",
        "offered", "on", "one", "ones", "onto", "or", "our", "ours", "ourselves", "out", "own", "per", "period",
        "permit", "permitted", "please", "policies", "policy", "possible", "possibly", "provide", "provided", "re",
        "respectively", "rule", "rules", "s", "shall", "she", "shop", "should", "simply", "so", "store", "such",
        "sure", "t", "take", "taken", "than", "that", "that's", "the", "their", "them", "then", "there", "there's",
        "therefore", "these", "they", "this", "those", "though", "thus", "time", "to", "too", "up", "us", "usually",
        "ve", "very", "via", "want", "was", "way", "we", "we'll", "we're", "well", "were", "what", "when", "where",
        "which", "while", "who", "whose", "why", "will", "wish", "with", "would", "yes", "you", "you'll", "you're",
        "you've", "your", "yours", "yourself",
    }
)  # fmt: skip
#: Words that mean the same in a shop; the first stands for all.
SAME = {
    word: group[0]
    for group in (
        ("product", "item", "good", "goods", "article", "merchandise"),
        ("delivery", "deliver"),
        ("ship", "shipping", "shipment"),
        ("price", "cost", "charge", "fee", "costs"),
        ("email", "e-mail", "mail", "write", "contact"),
        ("buy", "bought", "purchase"),
        ("send", "sent"),
        ("pay", "paid", "payment"),
        ("parcel", "package"),
        ("phone", "telephone", "call"),
    )
    for word in group
}
SILENT_ZH = re.compile(
    "可以|能够|我们|您好|如果|需要|进行|一下|即可|因此|所以|因为|但是|不过|而且|并且|或者|以及|对于|关于|根据|按照|提供|支持|享受|"
    "时候|的话|这些|那些|这个|那个|它们|请问|通常|一般|目前|期限|时间|政策|规定|本店|店铺|[的了是为有和与及或您你我请将把被就也还哦呢"
    "吗吧呀啊这那该此其它对于若如则时到至从由以并而但想能可会在要亲个们里中等给让办理哪么什内后前做]|上(?!午)|下(?!午)"
)
SAME_ZH = {
    "产品": "商品", "货品": "商品", "物品": "商品", "收到货": "收货", "签收": "收货", "邮费": "运费", "配送费": "运费",
    "退回": "退货", "退换": "退货", "邮件": "邮箱", "联络": "联系", "快递": "配送", "送货": "配送", "发送": "寄",
    "价格": "费用", "售价": "费用",
}  # fmt: skip
