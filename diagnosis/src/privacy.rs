//! What must not be told of a person, whatever the text it hides in.
//!
//! The agent scrubs before anything leaves the machine; the collector scrubs again what arrives, since an agent may be
//! older than the rules, and scrubs what people paste into tickets before it looks for symptoms in it.
//!
//! | found | becomes |
//! | --- | --- |
//! | control characters, marks that turn the direction of text | nothing |
//! | what follows a word or flag such as `password=`, `--token`, `-p`, `Authorization: Bearer` | `<secret>` |
//! | `user:password@` of a URL | `<secret>@` |
//! | web tokens, keys of clouds and forges, 32 or more hexadecimal digits, 24 or more letters of base 64 | `<secret>` |
//! | e-mail addresses | `<email>` |
//! | nine or more digits in a row | `<num>` |
//! | hardware addresses | the maker's half, `02:fc:00:…` |
//! | what lies below a person's home | `~` and how many levels |

mod address;
mod path;
mod plain;
mod scrub;
mod secret;

pub use plain::{plain_event, plain_reading};
pub use scrub::{is_hidden, scrub};
