//! The words that stand around times, and around what only looks like one; all in lower case.

/// What a machine or a person's work did then.
pub(super) const INCIDENT: &[&str] = &[
    "froze",
    "frozen",
    "freeze",
    "freezes",
    "freezing",
    "crashed",
    "crash",
    "crashes",
    "crashing",
    "stopped",
    "stops",
    "stop",
    "happened",
    "happens",
    "occurred",
    "hung",
    "hanged",
    "hangs",
    "hang",
    "died",
    "dropped",
    "disconnected",
    "failed",
    "fails",
    "broke",
    "rebooted",
    "restarted",
    "lost",
    "stuck",
    "slow",
    "slowed",
    "unresponsive",
    "noticed",
    "began",
    "eingefroren",
    "abgestürzt",
    "absturz",
    "hängt",
    "ausgefallen",
];

/// What somebody is going to do.
pub(super) const PLAN_VERBS: &[&str] = &[
    "is", "are", "will", "starts", "begins", "ends", "may", "might", "it's", "i'll", "we'll", "need", "needs", "must",
    "should", "have", "has", "due", "want", "going", "can", "call", "visit", "ist", "muss", "brauche", "beginnt",
];

pub(super) const PLAN_NOUNS: &[&str] = &[
    "meeting",
    "appointment",
    "presentation",
    "demo",
    "interview",
    "deadline",
    "training",
    "shift",
    "reminder",
    "termin",
    "besprechung",
];

/// Words before a lead after which a bare number is a count: `for about 3`, `stuck at 9`.
pub(super) const COUNTED: &[&str] = &[
    "up", "to", "than", "within", "stuck", "stays", "stayed", "remains", "set", "look", "looking", "looked", "worth",
    "cost", "costs", "priced", "running", "runs", "version", "port", "only", "of", "have", "has", "had", "are", "were",
    "with",
];

/// Words before spans of time.
pub(super) const SPANNING: &[&str] = &[
    "for", "in", "takes", "take", "took", "taking", "lasted", "lasts", "every", "uptime", "duration", "elapsed",
    "length",
];

/// Words before numbers that only look like a time.
pub(super) const OTHER_NUMBERS: &[&str] = &[
    "version", "ratio", "aspect", "port", "line", "zeile", "room", "raum", "zimmer", "floor", "chapter", "score",
    "scale", "position", "code", "model", "ticket", "build", "release",
];

/// Words after spans of time.
pub(super) const SPANS: &[&str] = &[
    "min",
    "mins",
    "minute",
    "minutes",
    "minuten",
    "seconds",
    "sekunden",
    "hours",
    "stunden",
    "ago",
    "left",
    "remaining",
    "long",
];

/// Words after the shape of a screen.
pub(super) const SHAPED: &[&str] =
    &["ratio", "aspect", "display", "monitor", "screen", "format", "resolution", "panel"];

/// Words after numbers that are no time.
pub(super) const UNITS: &[&str] = &[
    "b", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib", "k", "m", "g", "bit", "kbit", "mbit", "gbit", "mbps",
    "gbps", "hz", "khz", "mhz", "ghz", "s", "ms", "eur", "euro", "euros", "usd", "dollar", "dollars", "gbp", "pounds",
    "chf", "v", "volt", "volts", "w", "watt", "watts", "a", "c", "degrees", "percent", "prozent", "times", "x", "per",
    "each", "kg", "km", "cm", "mm", "inch", "inches", "fps", "users", "lts",
];

/// Words that may follow a time of which nothing else says that it is one.
pub(super) const FOLLOWING: &[&str] = &[
    "and",
    "i",
    "it",
    "my",
    "the",
    "we",
    "he",
    "she",
    "they",
    "when",
    "while",
    "then",
    "this",
    "but",
    "as",
    "after",
    "because",
    "again",
    "already",
    "so",
    "sharp",
    "today",
    "yesterday",
    "is",
    "was",
    "has",
    "had",
    "und",
    "ist",
    "war",
    "hat",
    "ich",
    "froze",
    "crashed",
    "stopped",
];

/// What the lines at the head of a mail begin with.
pub(super) const HEADS: &[&str] = &["sent", "date", "gesendet", "datum", "received", "created", "opened"];
