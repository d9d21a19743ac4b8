//! Compiles the catalogue before it is embedded: `signals.compact`, `checks.compact` and `changes.compact` in `OUT_DIR`.
//!
//! Nothing is interpreted here: a compact file is what the TOML files say, table by table, without their comments, and
//! with every string once. `src/compact.rs` reads it, and a test holds what it reads against the TOML files.
//!
//! A file is packed (deflate), and before that: the number of strings, the length of each, their bytes; then an array with
//! a table for each TOML file. All numbers are unsigned, seven bits to a byte, the lowest first. A node is a byte that says
//! what it is, and then
//!
//! | byte | is | is followed by |
//! | --- | --- | --- |
//! | 0, 1 | false, true | nothing |
//! | 2 | a string | its number |
//! | 3 | an integer | itself; none is negative |
//! | 4 | a float | eight bytes, the lowest first |
//! | 5 | an array | its length, its nodes |
//! | 6 | a table | its length, and the number of the key and the node of each entry |

use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;

use miniz_oxide::deflate::compress_to_vec;
use toml::{Table, Value};

#[path = "src/change/builtin.rs"]
mod changes;
#[path = "src/catalogue/builtin.rs"]
mod checks;
#[path = "src/registry/builtin.rs"]
mod signals;

/// The slowest and smallest that there is; it is done once.
const MOST: u8 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    for input in ["catalogue", "src/change/builtin.rs", "src/catalogue/builtin.rs", "src/registry/builtin.rs"] {
        println!("cargo:rerun-if-changed={input}");
    }
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("signals.compact"), compact(signals::FILES)?)?;
    std::fs::write(out.join("checks.compact"), compact(checks::FILES)?)?;
    std::fs::write(out.join("changes.compact"), compact(changes::FILES)?)?;
    Ok(())
}

fn compact(files: &[(&str, &str)]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut writer = Writer::default();
    writer.nodes.push(5);
    writer.number(files.len() as u64);
    for (name, text) in files {
        let table: Table = text.parse().map_err(|error| format!("catalogue/{name}: {error}"))?;
        writer.node(Value::Table(table))?;
    }
    Ok(compress_to_vec(&writer.finish(), MOST))
}

#[derive(Default)]
struct Writer {
    numbers: HashMap<String, u64>,
    strings: Vec<String>,
    nodes: Vec<u8>,
}

impl Writer {
    fn node(&mut self, value: Value) -> Result<(), Box<dyn Error>> {
        match value {
            Value::Boolean(flag) => self.nodes.push(flag.into()),
            Value::String(text) => {
                self.nodes.push(2);
                self.string(text);
            }
            Value::Integer(number) => {
                self.nodes.push(3);
                self.number(number.try_into()?);
            }
            Value::Float(number) => {
                self.nodes.push(4);
                self.nodes.extend(number.to_le_bytes());
            }
            Value::Array(values) => {
                self.nodes.push(5);
                self.number(values.len() as u64);
                values.into_iter().try_for_each(|value| self.node(value))?;
            }
            Value::Table(table) => {
                self.nodes.push(6);
                self.number(table.len() as u64);
                for (key, value) in table {
                    self.string(key);
                    self.node(value)?;
                }
            }
            Value::Datetime(_) => return Err("a catalogue has no dates".into()),
        }
        Ok(())
    }

    fn string(&mut self, text: String) {
        let next = self.strings.len() as u64;
        let number = *self.numbers.entry(text.clone()).or_insert(next);
        if number == next {
            self.strings.push(text);
        }
        self.number(number);
    }

    fn number(&mut self, number: u64) {
        push(&mut self.nodes, number);
    }

    fn finish(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        push(&mut bytes, self.strings.len() as u64);
        self.strings.iter().for_each(|text| push(&mut bytes, text.len() as u64));
        self.strings.iter().for_each(|text| bytes.extend(text.as_bytes()));
        bytes.extend(self.nodes);
        bytes
    }
}

fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 127 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}
