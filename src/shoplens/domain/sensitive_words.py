"""The words of what is never inferred: the special categories of GDPR, article 9, criminal records (article 10), and
what gives them away. English words are matched whole, in the singular or plural; Chinese ones anywhere.

What a word of its own says is not enough where ordinary goods are called the same: `medicine` is told apart from a
`medicine ball`, and `party`, `race` and `union` are sensitive in the name of a field, not on a label.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.replace("\n", " ").split(",") if word.strip())


#: By subject: sensitive in the name of a field, an attribute's value, a category, a brand.
TEXT_WORDS: dict[str, tuple[str, ...]] = {
    "religion": _words(
        """
        religion, religious, religiosity, halal, kosher, kashrut, christian, christianity, catholic, protestant,
        islam, islamic, muslim, moslem, jew, jewish, judaism, judaica, hindu, hinduism, buddhist, buddhism, sikh,
        sikhism, atheist, bible, quran, koran, torah, talmud, prayer, rosary, rosaries, hijab, niqab, burqa,
        burka, yarmulke, kippah, tefillin, mezuzah, menorah, synagogue, mosque, church supply, church supplies,
        ramadan, passover, hanukkah, chanukah, bar mitzvah, bat mitzvah, baptism, christening, holy communion,
        first communion
        """
    ),
    "health": _words(
        """
        health care, healthcare, health condition, health status, mental health, sexual health, women's health,
        men's health, disease, illness, symptom, diagnosis, diagnoses, diagnostic test, medical, medicine,
        medicinal, medication, medicare, drug, pharmacy, pharmacies, pharmaceutical, prescription, diabetes,
        diabetic, insulin, glucose meter, glucose monitor, blood glucose, blood sugar, blood pressure,
        hypertension, cholesterol, cancer, chemotherapy, psychotherapy, physiotherapy, physical therapy,
        psychiatric, antidepressant, depression, anxiety, asthma, asthmatic, arthritis, epilepsy, epileptic,
        dementia, alzheimer, alzheimer's, parkinson's, coeliac, celiac, allergy, allergies, cold and flu, flu,
        influenza, covid, hiv, std test, sti test, hepatitis, ostomy, catheter, dialysis, incontinence, erectile,
        menopause, menopausal, obesity, obese, eczema, psoriasis, migraine, addiction, smoking cessation,
        stop smoking, nicotine replacement, bmi
        """
    ),
    "pregnancy": _words(
        """
        pregnancy, pregnancies, pregnant, maternity, prenatal, antenatal, postnatal, postpartum,
        expectant mother, expecting mother, breastfeeding, breast feeding, breast pump, nursing bra, nursing pad,
        nursing top, ovulation, fertility, infertility, ivf, family planning, contraception, contraceptive,
        birth control, condom, miscarriage, abortion
        """
    ),
    "disability": _words(
        """
        disability, disabilities, disabled people, disabled person, disabled access, for the disabled,
        handicapped, wheelchair, mobility aid, walking aid, hearing aid, hearing impaired, visually impaired,
        deaf, braille, prosthesis, prostheses, prosthetic, autism, autistic, adhd, special needs, impairment
        """
    ),
    "sexuality": _words(
        """
        sex, sexual, sexuality, sexual orientation, gay, lesbian, bisexual, homosexual, heterosexual, queer,
        transgender, transsexual, lgbt, lgbtq, lgbtqia, gay pride, pride flag, erotic, erotica, fetish, fetishes,
        bdsm, vibrator, dildo, adult toy, personal lubricant, intimate lubricant
        """
    ),
    "ethnicity": _words(
        """
        ethnic, ethnicity, ethnicities, racial, african american, afro american, afro caribbean, afro hair,
        hispanic, latino, latina, latinx, native american, romani, aboriginal, ancestry, ancestries, nationality,
        nationalities, caste
        """
    ),
    "politics": _words(
        """
        politic, political, political party, political parties, political opinion, election, voting, voter, vote,
        democrat, republican, socialist, socialism, communist, communism, conservative party, labour party, maga,
        ideology, ideologies
        """
    ),
    "trade unions": _words(
        """
        trade union, labor union, labour union, workers union, union member, union membership, trade unionist
        """
    ),
    "genes and bodies": _words(
        """
        dna, genetic, genetics, genome, paternity test, biometric, biometrics
        """
    ),
    "criminal records": _words(
        """
        criminal record, criminal conviction, criminal offence, criminal offense
        """
    ),
}

#: Beginnings of English words that are sensitive in the name of a field; on a label they are mostly ordinary.
NAME_STEMS = (
    "religi", "denominat", "church", "mosque", "philosoph",
    "health", "disease", "illness", "medic", "diagnos", "disab", "handicap", "pregnan", "mental", "symptom",
    "patient", "therap", "addict", "weight_status", "allerg",
    "ethnic", "racial", "skin_colour", "skin_color", "caste", "tribe", "nationality", "migrat", "immigra",
    "citizenship", "ancestr", "orientation", "sexual", "lgbt", "lesbian", "transgender", "sex_life", "gender_identity",
    "politic", "ideolog", "genetic", "genom", "biometr", "fingerprint", "crimin", "convict", "offence", "offense",
    "arrest", "worship", "skin_tone", "complexion", "blood_type", "blood_group", "mother_tongue", "native_language",
    "native_place", "birthplace", "place_of_birth", "country_of_birth", "birth_country", "partner_gender",
    "gender_of_partner", "spouse_gender", "pronoun", "trimester", "gestation", "expected_due_date", "baby_due_date",
    "menstrua", "menstrual", "period_cycle", "cycle_day", "political_leaning", "body_weight", "impairment",
)  # fmt: skip

#: Whole English words that are sensitive in the name of a field only.
NAME_WORDS = (
    "faith", "creed", "belief", "drug", "hiv", "bmi", "race", "descent", "gay", "party", "parties", "voting", "voter",
    "vote", "union", "gene", "dna", "fertility", "relig", "ethn", "eth",
)  # fmt: skip

#: Goods whose names hold a sensitive word and say nothing of who buys them.
ORDINARY = _words(
    """
    kosher salt, kosher dill, kosher pickle, christian dior, christian louboutin, christian lacroix,
    prayer plant, medicine ball, medicine cabinet, depression glass, depression era, uni sex, sex on the beach,
    drug store, cancer zodiac, election day
    """
)

#: Parts of Chinese texts, simplified and, where it is written otherwise, traditional: sensitive everywhere.
TEXT_PARTS = _words(
    """
    宗教, 信仰, 教派, 佛教, 道教, 基督教, 基督徒, 天主教, 伊斯兰, 伊斯蘭, 穆斯林, 清真, 犹太, 猶太, 圣经, 聖經,
    古兰经, 古蘭經, 佛经, 佛經, 佛像, 佛珠, 念珠, 教堂, 祈祷, 祈禱, 礼拜毯, 禮拜毯, 洗礼, 洗禮, 疾病, 病史, 医疗,
    醫療, 医药, 醫藥, 药品, 藥品, 药物, 藥物, 药房, 藥房, 处方, 處方, 诊断, 診斷, 糖尿病, 高血压, 高血壓, 血糖,
    血压计, 血壓計, 胰岛素, 胰島素, 癌症, 肿瘤, 腫瘤, 抑郁, 抑鬱, 哮喘, 癫痫, 癲癇, 艾滋, 愛滋, 过敏药, 過敏藥,
    失禁, 更年期, 戒烟, 戒菸, 心理健康, 心理咨询, 心理諮詢, 精神科, 怀孕, 懷孕, 孕妇, 孕婦, 孕期, 孕产, 孕產,
    孕妈, 孕媽, 验孕, 驗孕, 备孕, 備孕, 产妇, 產婦, 产后, 產後, 待产, 待產, 哺乳, 生育, 避孕, 安全套, 保险套,
    保險套, 残疾, 殘疾, 残障, 殘障, 轮椅, 輪椅, 助听器, 助聽器, 假肢, 义肢, 義肢, 盲文, 自闭症, 自閉症, 聋, 聾,
    性取向, 性生活, 性别认同, 性別認同, 同性恋, 同性戀, 双性恋, 雙性戀, 跨性别, 跨性別, 情趣用品, 成人用品,
    少数民族, 少數民族, 种族, 種族, 族裔, 政治, 政党, 政黨, 党派, 黨派, 党员, 黨員, 党建, 黨建, 选举, 選舉, 投票,
    工会, 工會, 基因检测, 基因檢測, 亲子鉴定, 親子鑑定, 犯罪记录, 犯罪記錄, 前科
    """
)

#: Parts of Chinese names of fields; in values and categories they are ordinary: 健康食品, 民族风, 肤色丝袜.
NAME_PARTS = _words(
    """
    血型, 籍贯, 籍貫, 母语, 母語, 出生地, 出生国, 出生國, 慢性病, 病情, 医保, 醫保, 月经, 月經, 生理期, 经期, 經期,
    预产期, 預產期, 伴侣性别, 伴侶性別, 户籍, 戶籍, 祖籍, 政治面貌, 体检, 體檢,
    健康, 心理, 过敏, 過敏, 性向, 民族, 肤色, 膚色, 血统, 血統, 国籍, 國籍, 移民, 基因, 遗传, 遺傳, 生物识别,
    生物識別, 指纹, 指紋, 犯罪
    """
)

#: Chinese goods as in ORDINARY.
ORDINARY_PARTS = ("犹太盐", "猶太鹽", "哺乳动物", "哺乳動物")
