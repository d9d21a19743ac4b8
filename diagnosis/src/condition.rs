//! The condition language: what checks are written in.
//!
//! # Values
//! Three-valued: true, false, unknown with the reason. `false and unknown` is false, `true or unknown` is true, every
//! other use of unknown is unknown. A missing number is never zero.
//!
//! # Grammar
//! ```text
//! condition  = and { "or" and }
//! and        = not { "and" not }
//! not        = "not" not | compare [ "on" INTEGER "of" INTEGER ]
//! compare    = sum [ ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) sum ]
//! sum        = product { ( "+" | "-" ) product }
//! product    = unary { ( "*" | "/" ) unary }
//! unary      = "-" unary | primary
//! primary    = NUMBER [ UNIT ] | STRING | "true" | "false" | NAME | NAME "(" arguments ")" | "(" condition ")"
//! ```
//! `UNIT` follows its number directly or after a blank: `2 GiB`, `2GiB`, `10 %`, `25 ms`, `5m`, `14 d`, `100 Mbit/s`
//! (no blank around the slash of a unit). `m` and `min` are minutes. `#` starts a comment.
//!
//! # Names
//! A name is an input of the check (`[check.inputs]`, a signal with the attributes it fixes) or one of its derived
//! expressions (`[check.derive]`), which stands for its text. Attributes that an input does not fix are taken from the
//! instance (`each`), and inputs are joined on the attributes they share: with `each = "mountpoint"`, `free / size`
//! divides the two readings of the same mount point, and an input that has no such attribute (`cores`) is the same for
//! all instances. An input that may still be several series must stand inside an aggregate over series.
//!
//! # Now
//! | form | is |
//! | --- | --- |
//! | `x` or `last(x)` | the newest value; unknown when older than three cadences. States (inventory, texts) stand until they change, as long as anything is heard from the endpoint. A counter is its rate over its last step. A flag is a condition by itself |
//! | `last(x, W)` | the same, but it may be as old as `W` |
//! | `age(x)` | seconds since the newest value, or since the newest of these events |
//! | `abs(e)`, `round(e)`, `coalesce(e, e)` | absolute value; the nearest whole number; the first that is known |
//! | `given(condition, e)` | `e` while the condition holds, else unknown: events count only while the log they come from can be read |
//! | `contains(text, "part")` | whether a text has that part |
//! | `attribute(x, "name")` | text: that attribute of the series |
//! | `lookup("table", "column", text, ...)` | text: what a table of the catalogue says for these keys, of which numbers are compared as numbers; unknown when it says nothing |
//! | `until("table", "column", text, ...)` | seconds until the end of the day that the table names, negative when it is past |
//! | `awake(W)` | time awake within the last `W` of the clock; unknown until the endpoint was known for that long |
//! | `offered(x)` | whether this system, and this machine, has the input at all: false where the registry names no source, and where the probe said `unsupported` or `not_present`. What only fails to arrive is offered |
//! | `system("windows")` | whether the endpoint runs `linux`, `windows` or `macos`: for what is the same number with another meaning there |
//! | `bit(e, 3)` | whether that bit of a number is set |
//! | `points(condition, 40)` | 40 where it holds, else 0, for scores |
//! | `field(event, "module")` | text: what the newest event said in that field |
//! | `amount(event, "battery_charge")` | the same as a number |
//! | `largest(e, "attribute")` | text: that attribute of the series with the largest value, for texts: `largest(memory, "process.executable.name")` |
//! | `list(e, "attribute", 3)` | text: the three largest with their values, for texts: `firefox 2.1 GiB, code 1.3 GiB` |
//!
//! # Windows
//! `W` is a duration. Inside, an expression is evaluated row by row: a row is a reading of the input that has most of
//! them, other inputs are taken as they stood then. A counter in a row is its rate over that row's step, a flag is 1 or
//! 0. Windows are not nested.
//!
//! | form | is |
//! | --- | --- |
//! | `avg(e, W)` | mean, weighted by the time each row stands for |
//! | `min(e, W)` `max(e, W)` `sum(e, W)` | over the rows |
//! | `p50(e, W)` `p90(e, W)` `p95(e, W)` `p99(e, W)` | nearest rank over the rows |
//! | `delta(c, W)` | increase of a counter |
//! | `rate(c, W)` | increase of a counter per second that was measured |
//! | `n(event, W)` | how many events |
//! | `calm(event, W)` | how many that did not happen within a minute after a wake or before a sleep or shutdown |
//! | `alike(event, "code", W)` | of the events of a window that say the same in that field, the most; those that say nothing there do not count |
//! | `kinds(event, "module", W)` | how many different things the events of a window say in that field |
//! | `days(event, W)` | on how many days, by UTC |
//! | `changes(x, W)` | how often the value changed |
//! | `share(condition, W)` | share of the measured time in which it held, 0 to 1 |
//! | `always(condition, W)` `ever(condition, W)` | whether it held in every row, in any row |
//! | `(condition) on k of m` | whether it held in `k` of the last `m` rows |
//!
//! Windows are **awake** time: what lies between `pausing` and `resumed`, or was covered by a sleep that was noticed
//! only at its end, is taken out and the window reaches further back instead. Signals whose declaration says `settles`
//! also skip ten minutes after a boot, two after a wake, one after a change of network. Where less than 70 % of a
//! window was measured, the result is unknown, with the share in the reason; only a count (`n`, `calm`, `days`, `delta`,
//! `changes`, and their sums) that has reached its threshold all the same has reached it.
//!
//! **States** have windows, too: a row is a change, and stands until the next one. `delta` of a count that is a state is
//! the sum of its rises, percentiles weigh each value by its time, and `on k of m` looks at the last `m` values: boots,
//! sign-ins. What stood before the first value that is known is not measured.
//!
//! A window of a day or more over what is told less often than every minute (events, states, slow numbers) is time of the
//! **calendar**: nobody counts crashes by hours of use, and what is read once a day stands for the day, slept or not.
//! Events need no readings: their window is covered as long as the endpoint is watched.
//!
//! The selector of an event may also fix what is declared as its field: `endpoint.os.unclean_stop{power_key=true}`.
//!
//! # Over several series
//! With one argument, over all series that match: `any(condition)`, `all(condition)`, `count(condition)`, `sum(e)`,
//! `max(e)`, `min(e)`, `avg(e)`. They hold windows (`max(rate(cpu, 5m))`, `any(min(free, 5m) < 1 GiB)`) and may be held
//! by them (`avg(sum(busy), 5m)`). Inputs inside are joined on the attributes they share. `any` and `all` are
//! three-valued over the series; numbers skip series that are unknown, unless all are.
//!
//! # Tables
//! `[[table]]` of the catalogue: `id`, `columns`, how many of them are `keys`, `rows`. `*` in a key stands for anything; the
//! first row that fits counts. An administrator's table of the same id comes before the shipped rows, so that a few rows
//! can be added.
//!
//! # Units
//! Checked when the catalogue is loaded. Both sides of a comparison, a sum and a difference must measure the same
//! thing; bits and bytes convert. A threshold without a unit fits ratios and counts; `0` fits everything. Counts
//! (`{page}`) are plain numbers.
//!
//! # Evidence
//! Every comparison leaves evidence, also those that did not hold: nothing is cut short.

mod compile;
mod evaluate;
pub(crate) mod expression;
mod lexer;
mod parser;
mod reason;
mod syntax;
mod table;
mod unit;

pub(crate) use compile::{Compiled, FORECAST, InputSpec, Names, Need, Parsed, condition, expression};
pub(crate) use evaluate::{Cell, Compared, Input, Scope};
pub(crate) use expression::Kind;
pub(crate) use lexer::Fault;
pub(crate) use reason::Reason;
pub(crate) use table::{Table, Tables};
pub use unit::Unit;
