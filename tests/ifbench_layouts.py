"""IFBench's format:* and custom:* with answers that follow each and answers that do not, for test_ifbench_checks."""

from __future__ import annotations

ITALIC = "<i>The sea rules us.</i> It is wide."
POINTS = "One is. Two is.\n* a b\n* c d"
TEMPLATE = "My Answer: Yes. My Conclusion: It is so. Future Outlook: Good."
ALPHABET = " ".join(f"{letter} is here." for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ").replace("I is", "It is")
CAPITALS = (
    "Reykjavík, Helsinki, Oslo, Tallinn, Stockholm, Riga, Moscow, Copenhagen, Vilnius, Minsk, Dublin, Berlin, "
    "Amsterdam, Warsaw, London, Brussels, Kyiv, Prague, Luxembourg, Paris, Vienna, Bratislava, Budapest, Vaduz, "
    "Chișinău, Bern, Ljubljana, Zagreb"
)
AFRICA = (
    "Zimbabwe, Zambia, Uganda, Tunisia, Togo, Tanzania, Sudan, South Sudan, South Africa, Somalia, Sierra Leone, "
    "Seychelles, Senegal, São Tomé and Príncipe, Rwanda, Nigeria, Niger, Namibia, Mozambique, Morocco, Mauritius, "
    "Mauritania, Mali, Malawi, Madagascar, Libya, Liberia, Lesotho, Kenya, Guinea-Bissau, Guinea, Ghana, Gambia, "
    "Gabon, Ethiopia, Eswatini, Eritrea, Equatorial Guinea, Egypt, Djibouti, Democratic Republic of the Congo, "
    "Côte d'Ivoire, Congo (Republic of the), Comoros, Chad, Central African Republic, Cape Verde (Cabo Verde), "
    "Cameroon, Burundi, Burkina Faso, Botswana, Benin, Angola, Algeria"
).replace(", ", "\n")
NUMBERED = "\n".join(f"{place}. **{name}**" for place, name in enumerate(AFRICA.split("\n")))
BATTLES = "1796-05-10, 1800-06-14, 1805-12-02, 1806-10-14, 1807-06-14, 1812-09-07, 1815-06-18"
CITIES = "ID,Country,City,Year,Count\n" + "\n".join(f"{row},Chad,Pala,2000,5" for row in range(7))
PRODUCTS = "ProductID,Category,Brand,Price,Stock\n" + "\n".join(f'{row},Toys,"Ox, Inc.",2.50,5' for row in range(14))
STUDENTS = "\n".join(
    "\t".join(f'"{field}"' for field in row)
    for row in (("StudentID", "Subject", "Grade", "Semester", "Score"), *((k, "Art", "A", "1", "9") for k in range(3)))
)


def question(place: int, said: str) -> str:
    return f"Question {place}: {said}?\n" + "\n".join(f"{letter}) Work {k}" for k, letter in enumerate("ABCDE"))


QUIZ = "\n\n".join(question(place, "Who painted" + " this" * place) for place in range(1, 5))

# identifier, kwargs, texts that follow it, texts that do not
LAYOUTS = [
    (
        "format:parentheses", {},
        ["(a [b {c (d [e] d)}])", "so (((((deep))))) :)", "([{([a]b)}])"],
        ["((((((a)", "(((((", "((((a))))", "((((()))))", "(a [b (c] d) {e (f [g])})", "(a)(b)(c)(d)(e)"],
    ),
    (
        "format:quotes", {},
        ["\"a 'b \"c\" d' e\"", "‘a “b ‘c’ d” e’", "\"He said: 'she isn't \"here\".'\"", "'\"'a'\"'"],
        [
            "\"a 'b' c\"", "don't can't won't isn't aren't", "\"a\" 'b' \"c\"",  # apostrophes; side by side
            "'\"'\"'", "\"'\"\"'\"", "5' 6\" 7' 8\" 9'",  # open; empty; feet and inches
        ],
    ),
    ("format:quotes", {}, ["\"a 'b \"the dogs' c\" d' e\""], ["\"a 'tis \"b\" c\""]),  # apostrophes at an edge
    (
        "format:quote_unquote", {},
        ['"Sea" is water.', "“Sea”: so it is. “Sky”: so too.", "\"a\" b. The mark '\"' is so"],
        ["The sea.", 'It is "sea".', '"a", "b" is so', '"" is empty', "'a' is so"],
    ),
    ("format:options", {"options": "yes/no/maybe"}, ["Yes.", "**no**", " MAYBE\n"], ["yes/no", "yes, it is", "y"]),
    (
        "format:options", {"options": "I know or I don't know"},
        ["I know.", "i don’t know", "I\nknow"], ["know", "I know or I don't know", "I do know"],
    ),
    ("format:options", {"options": "a), b), c), d)"}, ["b)", " d)\n"], ["b", "B)", "b) it is", "a), b)", "e)"]),
    ("format:options", {"options": "color, form, or both"}, ["Form", "both"], ["col", "or both", "m"]),  # "or" inside
    (
        "format:newline", {},
        ["The\nsea", " The \n\n\n - \nwell-known\nsea! .", "Sea"], ["The sea", "The\nsea is", "The\n- big sea"],
    ),
    (
        "format:emoji", {},
        [
            "Hi 😀. Bye! 🎉", "Hi.😀 Bye 👩‍💻!", "It is so. ❤️❤️\n2. Yes? 🇫🇷", "Hi 1️⃣",  # joined; a flag; a keycap
            "**Hi!** 👍🏽", "“Hi!” 😀 said I. 😀",
        ],
        ["Hi. Bye 😀.", "😀 Hi.", "Hi 😀. Bye.", "😀", "Hi :)", "Hi ★."],
    ),
    (
        "format:line_indent", {},
        ["a\n b\n  c", "  a\n\n\n   b", "a\n\tb"], ["a", "a\nb", " a\nb", "a\n b\n b", "-\n -"],
    ),
    (
        "format:list", {"sep": "!?!?"},
        ["!?!? a\n!?!? b-c", "So:\n  **!?!?** a\n\n!?!?\nb"],
        ["!?!? a !?!? b", "!?!? a", "!?!? a\n!?!? a", "- a\n- b", "!?!?\n!?!?", "!?!? a\n- c\n!?!? b"],
    ),
    ("format:list", {"sep": "-"}, ["- a\n- b"], ["* a\n- b\n- c", "a - b - c", "---"]),
    (
        "format:thesis", {},
        [
            ITALIC, f"The sea\n\n{ITALIC}", "<i class='t'>a</i> b",
            "# Sea\n## One\n<em>a</em> b\n\n**Two**\n<I>c\nd</I>\ne",  # a title that is no section
        ],
        [
            "<i>a</i>", "It is. <i>a</i> b", "<i> </i> b", "*a* b", "<i>a b", "<i>a</em> b",
            "# One\n<i>a</i> b\n# Two\nc", "# One\nb <i>a</i> c",
        ],
    ),
    (
        "format:sub-bullets", {},
        ["So:\n* a\n  - b\n  - c\n* **d**\n- e", "- z\n* a\n- b"],
        ["* a\n* b\n  - c", "so", "- a\n- b", "*a*\n-b", "* a\n- ", "**a** - b"],
    ),
    (
        "format:no_bullets_bullets", {},
        [POINTS, f"{POINTS}\n\n* e\n", "One is.\nTwo is.\n\n  * a\n\n  * b\nSo it is."],
        [
            "One is. Two is.\n* a", "One is.\n* a\n* b", "Go! Is it?\n* a\n* b", "* a\n* b\nOne is. Two is.",
            "One. Two.\n*a*\n*b*",
        ],
    ),
    (
        "format:title_case", {},
        ["The Sea of Birds", "Don't Go, iPhone (USA) 2nd", "A B", "The Well-known Sea\nOf It", "École Là"],
        ["The sea", "the Sea", "THE SEA", "The Sea\nof It", "i Am", "12", "海", "The tEST"],
    ),
    (
        "format:output_template", {},
        [TEMPLATE, TEMPLATE.replace(" My", "\n\nMy"), "**My Answer:** a\n**My Conclusion:** b\nFuture Outlook: [c]"],
        [
            "My Answer: [answer] My Conclusion: [conclusion] Future Outlook: [outlook]", f"Sure! {TEMPLATE}",
            "My Conclusion: a My Answer: b Future Outlook: c", "My Answer: My Conclusion: a Future Outlook: b",
            f"{TEMPLATE} {TEMPLATE}", TEMPLATE.lower(),
        ],
    ),
    ("format:no_whitespace", {}, ["Thesea.", "海\n"], ["The sea", "a\u00a0b", "a\tb"]),
    (
        "custom:multiples", {},
        ["14 21 28 35 42 49", "Sure: 14,21,28,35,42,49.", "14\n21\n28\n35\n42\n49"],
        ["7 14 21 28 35 42 49", "14 21 28 35 42", "49 42 35 28 21 14", "14212835"],
    ),
    (
        "custom:mcq_count_length", {},
        [
            QUIZ, QUIZ.replace("Question", "### Question"), QUIZ.replace(")", "."),
            QUIZ.replace("Question 1:", "**Question 1:**").replace("E) ", "- **E)** "),
        ],
        [
            QUIZ + "\nIt is A.", "Sure!\n" + QUIZ, QUIZ.replace("E)", "F)"), QUIZ.replace("E) Work 4", ""),
            QUIZ.replace("Work 4", "Work 3"), "\n".join(question(place, "Who is") for place in range(1, 5)),
            QUIZ.partition("Question 4")[0], "Question 1", QUIZ.replace("Who", "A) Who"),
        ],
    ),
    (
        "custom:reverse_newline", {},
        [
            AFRICA, f"Here they are:\n\n{AFRICA}", NUMBERED, AFRICA.replace("Zambia", "Zambia\nWestern Sahara"),
            AFRICA.replace("Gambia", "The Gambia").replace("Eswatini", "Eswatini (formerly Swaziland)"),
        ],
        [
            "\n".join(AFRICA.split("\n")[::-1]), AFRICA.replace("\n", ", "), AFRICA.replace("Ghana\n", ""),
            AFRICA.replace("Ghana", "Guyana"), AFRICA + "\nThat is all.", AFRICA.replace("Chad", "Chad\nChad"),
            "\n".join(f"Zimbabwe {60 - k}" for k in range(54)),
        ],
    ),
    (
        "custom:word_reverse", {},
        [".US the of symbol national the is eagle bald The", "eagle Bald the is It"],
        ["The bald eagle is the symbol.", "eagle bald", "eagle bald eagle it is", "turkey the is it"],
    ),
    (
        "custom:character_reverse", {},
        [".SU eht fo lobmys lanoitan eht si elgae dlab ehT", "elgae dlab eht si tI"],
        ["The bald eagle is it.", "elgae dlab", "The answer is elgae dlab eht", "yekrut eht si ti"],
    ),
    (
        "custom:sentence_alphabet", {},
        [ALPHABET, ALPHABET.replace("B is", '"Bé" is').replace(" C", "\n\nC")],
        [ALPHABET.replace("B is", "C is"), ALPHABET.partition(" Z")[0], ALPHABET + " A is here.", "A. B. C."],
    ),
    (
        "custom:european_capitals_sort", {},
        [CAPITALS, CAPITALS.replace(", ", ",\n") + ".", CAPITALS.lower().replace("kyiv", "Kiev")],
        [
            CAPITALS.replace("Kyiv, ", ""), CAPITALS.replace("Oslo, Tallinn", "Tallinn, Oslo"), f"Sure: {CAPITALS}",
            CAPITALS.replace(", Zagreb", ""), f"{CAPITALS}, Rome", CAPITALS.replace(",", ";"),
        ],
    ),
    (
        "custom:csv_city", {},
        [CITIES, f"```csv\n{CITIES}\n```\n", CITIES.replace(",", ", "), CITIES.replace("Pala", '"Pala, Mayo"')],
        [
            CITIES.partition("6,")[0], CITIES.replace("ID", "Id"), CITIES.replace("Pala", ""), f"{CITIES}\n8,a,b,c,d",
            CITIES.replace("6,", "5,"), CITIES.replace(",", ";"), CITIES.replace("Pala", "Pala, Mayo"), "ID,Country",
        ],
    ),
    (
        "custom:csv_special_character", {},
        [PRODUCTS, PRODUCTS.replace("Ox, Inc.", "Ox & Co"), PRODUCTS.replace('"Ox, Inc."', "Ox", 13)],
        [
            PRODUCTS.replace('"Ox, Inc."', "Ox!"), PRODUCTS.replace("Ox, Inc.", "Ox"), PRODUCTS.partition("13,")[0],
            PRODUCTS.replace("Brand", '"Brand, x"'), PRODUCTS + ",7",
        ],
    ),
    (
        "custom:csv_quotes", {},
        [STUDENTS, f"```\n{STUDENTS}\n```", STUDENTS.replace("Art", 'Art ""A""'), STUDENTS.replace("\t", "\t ")],
        [
            STUDENTS.replace("\t", ","), STUDENTS.replace('"Art"', "Art"), STUDENTS.replace("Art", ""),
            STUDENTS.replace('"Grade"', "Grade"), STUDENTS.rpartition("\n")[0], STUDENTS.replace("Score", "Marks"),
        ],
    ),
    (
        "custom:date_format_list", {},
        [BATTLES, BATTLES.replace(", ", ",\n")],
        [
            "1796-05-10", BATTLES.replace("1815", "1816"), BATTLES + ", 1800-02-29", BATTLES.replace("-", "/"),
            f"Sure: {BATTLES}", BATTLES + " (Waterloo)", BATTLES.replace("1805-12-02, ", ""), BATTLES + ", ١٨٠٠-٠٦-١٤",
        ],
    ),
]
