"""Is the first word of an English text a verb? By a list of common verbs and their regular and irregular forms.

A stand-in for a trained tagger (the official code runs NLTK's), which would be a model to download. Of 4,611 sentences
of answers and prompts it agrees with NLTK's on 94 %; where they differ it is mostly an imperative that NLTK takes for
a name ("Describe", "Ensure", "Generate"). Departures from what a tagger does: a base form that is not listed is no
verb, what ends in -ed or -ing is, and of what follows only one word is looked at: a base form or one in -s before a
word of `_AFTER_NOUN` or `_AFTER_PLURAL` is a noun ("Love is", "Advances in").
"""

from __future__ import annotations

_AUXILIARIES = frozenset("""
    be am is are was were been being have has had having do does did doing done can could will would shall should may
    might must need ought dare cannot
""".split())
_AFTER_NOUN = frozenset("is are was were has had can could will would should may might must does did of been".split())
_AFTER_PLURAL = _AFTER_NOUN | {"in", "for", "and", "between", "among"}
_NO_PARTICIPLES = frozenset("""
    according anything ceiling concerning darling during evening everything hundred indeed king lightning morning
    naked nothing pudding regarding ring sacred sibling something spring string thing wedding wicked wing
""".split())
_IRREGULAR = frozenset("""
    arose ate awoke beat became began bent bet bit bled blew bought bound bred broke brought built burnt came caught
    chose clung crept cut dealt drank drawn drew driven drove dug eaten fallen fed fell felt fled flew flown
    forbade forgave forgiven forgot forgotten fought found froze frozen gave given gone got gotten grew grown heard
    held hid hidden hit hung hurt kept knelt knew known laid lain lay led left lent let lit lost made meant met paid
    put ran rang ridden risen rode rose said sang sank sat saw seen sent set shaken shone shook shot shown shrank shut
    slept slid sold sought spent spoke spoken sprang spread stole stolen stood struck stuck stung swam swept swore
    sworn swung taken taught thought threw thrown told took tore torn understood went withdrawn withdrew woke woken won
    wore worn written wrote
""".split())
_BASES = frozenset("""
    abandon absorb accept access accompany accomplish account achieve acknowledge acquire act activate adapt add
    address adjust admire admit adopt advance advise advocate affect afford agree aim align allocate allow alter amend
    amplify analyse analyze announce answer anticipate apologize appear apply appoint appreciate approach approve argue
    arise arm arrange arrive articulate ascend ask aspire assemble assert assess assign assist associate assume assure
    attach attack attain attempt attend attract audit authorize avoid await awake award balance ban bathe battle be
    bear beat become befriend beg begin behave behold believe belong bend benefit bet beware bind bite blame blend
    bless blow boast boil bolster book boost borrow bounce bow brace break breathe brew bring broaden browse brush
    build burn bury buy calculate call calm capture care carry carve cast catch cause celebrate challenge change charge
    chart chase check cheer cherish choose circle cite claim clarify classify clean clear click climb cling close
    collaborate collect combine come comfort command commit communicate compare compete compile complain complete
    compose comprehend compute conceal concentrate conclude conduct confess confirm confront connect conquer consider
    consist construct consult consume contact contain contemplate continue contract contrast contribute control convert
    convey convince cook cooperate coordinate cope copy correct count cover craft create cross cry cultivate cure
    customize cut dance deal debate debug decide declare decline decorate decrease dedicate deepen defend define delay
    delegate delete deliver delve demand demonstrate deny depend depict deploy derive describe deserve design desire
    destroy detail detect determine develop devise devote diagnose die differ differentiate dig direct disappear
    discover discuss disguise display dispute distinguish distribute dive divide document dominate double download
    draft drag draw dream dress drift drink drive drop dwell earn ease eat echo edit educate elaborate elevate
    eliminate embark embrace emerge emphasize employ empower enable encompass encounter encourage end endure engage
    enhance enjoy enlighten enrich ensure enter entertain envision equip erase escape establish estimate evaluate evoke
    evolve examine exceed exchange excite exclude excuse execute exercise exhibit exist expand expect experiment
    explain explore export expose express extend extract face facilitate fade fail fall favor fear feature feed feel
    fetch fight fill filter find finish fit fix flee float flow fly focus fold follow force forecast foresee forge
    forget forgive form formulate foster free freeze fuel fulfill function gain gather gaze generate get give glance
    gleam glide go govern grab grant grasp greet grind grip grow guarantee guard guess guide handle hang happen harness
    hate head heal hear heed help hesitate hide highlight hike hire hit hold honor hope host hug hunt hurry hurt
    identify ignore illuminate illustrate imagine imitate immerse impact implement imply import impose impress improve
    incorporate increase indicate induce influence inform inhale initialize initiate innovate input inquire insert
    insist inspect inspire install instruct integrate intend interact interpret introduce invent invest investigate
    invite involve isolate iterate join journey judge jump justify keep kick kill kneel knock know label lack lament
    laugh launch lay lead leap learn leave lend let leverage lie lift like limit linger link list listen live load
    locate lock long look loop lose love lower maintain make manage manipulate map march mark master match maximize
    mean measure meditate meet melt memorize mention merge minimize miss mitigate mix model modify monitor motivate
    mourn move multiply name narrate navigate need negotiate nestle note notice nourish nurture obey observe obtain
    occur offer open operate oppose optimize order organize outline overcome overlook own pack paint participate pass
    pause pay perceive perform persist persuade pick picture place plan plant play plot plug point ponder portray
    position possess post pour power practice praise pray predict prefer prepare present preserve press prevent print
    prioritize proceed process produce program prohibit promise promote pronounce propose protect prove provide provoke
    publish pull punish purchase pursue push put quantify question quit quote raise rank reach react read realize
    rearrange rebuild recall receive recite recognize recommend reconsider record recover recruit recycle redefine
    reduce refer refine reflect reframe refuse regard register regret regulate reinforce reject relate relax release
    rely remain remember remind remove render repair repeat rephrase replace reply report represent request require
    rescue research resemble reserve resist resolve respect respond rest restore restrain restrict result retain
    rethink retrieve return reveal review revise revisit reward rewrite ride ring rise risk roam roll rotate run rush
    sail satisfy save savor say scale scan scream search secure see seek seem select sell send sense separate serve set
    settle shape share shift shine shoot shop shout show shrink shut sigh sign signal simplify simulate sing sink sit
    sketch skip sleep slide slow smell smile soar solve soothe sort sound spark speak specify spend spin split spot
    spread stand stare start state stay steal step stick stimulate stop store strengthen stress stretch strike strive
    struggle study submit substitute subtract succeed suffer suggest suit summarize supply support suppose surrender
    surround survive suspect sustain swallow swear sweep swim switch symbolize tackle take talk target taste teach tear
    tell tend terminate test thank think thrive throw tie touch trace track trade train transcend transform transition
    translate transport travel treasure treat trigger trust try turn type understand undertake unfold unite unleash
    unlock unpack unravel unveil update upgrade uphold urge use utilize validate value vary venture verify view visit
    visualize vote vow wait wake walk wander want warn wash watch weave weep weigh welcome whisper win wipe wish
    withdraw witness wonder work worry wrap write yearn yield zoom
""".split())


def is_verb(word: str, following: str) -> bool:
    """Is a word that is followed by another (or "") one of the verbs here, in any form?"""
    plain, following = word.casefold(), following.casefold()
    if plain.endswith("n't") or plain == "let's" or plain in _AUXILIARIES | _IRREGULAR or _is_participle(plain):
        return True
    if plain in _BASES:
        return following not in _AFTER_NOUN
    singular = {plain.removesuffix("s"), plain.removesuffix("es"), plain.removesuffix("ies") + "y"}
    return not _BASES.isdisjoint(singular) and following not in _AFTER_PLURAL


def _is_participle(word: str) -> bool:
    stem = word.removesuffix("ing").removesuffix("ed")
    spoken = stem.isalpha() and not set(stem).isdisjoint("aeiouy")
    return stem != word and spoken and not word.endswith("eed") and word not in _NO_PARTICIPLES
